"""Auth state as the sessions of one worker read and write it.

Signal ratchets change with every message. Their writes wait up to a second and then leave together: one transaction a
second for the worker, however many sessions it holds. A read sees what waits. What a killed process had not written
is lost, and heals: the other side asks for a repeat of what it cannot decrypt.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError

from session_service import background
from session_service.auth_state import rows
from session_service.auth_state.rows import KeyName, SenderWrites, Written, entry_size
from session_service.background import Background, complain

logger = logging.getLogger(__name__)

GATHER_SECONDS = 1.0  # from the start of one transaction of gathered keys to the start of the next
IDLE_GATHER_SECONDS = 0.1  # what comes after a pause is written sooner
MOST_WAITING_BYTES = 64 * 1024 * 1024  # beyond it, `room` waits
READ_AT_ONCE = 2_000  # keys in one statement


@dataclass
class Figures:
    """What a store did since it was made. `gathered` are transactions of keys, `at_once` those with credentials."""

    gathered: int = 0
    at_once: int = 0
    keys_written: int = 0
    refused: int = 0
    reads: int = 0


@dataclass
class Reading:
    """Keys that some session asked for and that the next statement reads."""

    wanted: list[tuple[int, str, str]]
    answer: "asyncio.Future[dict[tuple[int, str, str], str]]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class AuthStateStore:
    """One for each worker; used from its event loop only. `worker_id` is set once the worker is registered.

    Every write is fenced by worker and epoch: what an owner writes that lost its lease changes nothing, and is
    dropped. While the database is away, writes are kept and tried again each second, until `wipe` or `forget`.
    """

    def __init__(self, background: Background) -> None:
        self.worker_id = 0
        self.figures = Figures()
        self._background = background
        self._waiting: dict[int, SenderWrites] = {}
        self._being_written: dict[int, SenderWrites] = {}
        self._bytes = 0
        self._readings: list[Reading] = []
        self._reading = False
        self._writing = asyncio.Lock()
        self._last_gathered = 0.0
        self._flusher: asyncio.Task[None] | None = None
        self._saver: asyncio.Task[None] | None = None
        self._lowest: dict[int, int] = {}  # sender id to the lowest epoch that may still write
        self._smaller = asyncio.Event()

    # -- Reading --

    async def load(self, sender_id: int, epoch: int) -> str | None:
        """The credentials that the sender's next session starts from: JSON text, or None where it is not linked.

        Raises `encryption.Unreadable` where the installation misses the key: that is not the same as not linked.
        """
        async with self._writing:  # what is being written is then stored, or waits again
            self._adopt(sender_id, epoch)
            self._lowest[sender_id] = epoch
        if (writes := self._waiting.get(sender_id)) and writes.credentials is not None:
            return writes.credentials
        return await self._background.database(self._background.auth_reads, lambda: rows.read_credentials(sender_id))

    async def keys(self, sender_id: int, type: str, ids: Collection[str]) -> dict[str, str]:  # noqa: A002
        """The keys of this type that exist, as JSON text by id. Raises `encryption.Unreadable`, and `DatabaseError`
        while the database is away."""
        known = {key_id for key_id in ids if self._knows(sender_id, (type, key_id))}
        texts = {key_id: self._unwritten(sender_id, (type, key_id)) for key_id in known}
        if missing := [(sender_id, type, key_id) for key_id in ids if key_id not in known]:
            stored = await self._read(missing)
            for name in missing:  # what was set meanwhile is newer
                is_newer = self._knows(sender_id, name[1:])
                texts[name[2]] = self._unwritten(sender_id, name[1:]) if is_newer else stored.get(name)
        return {key_id: text for key_id, text in texts.items() if text is not None}

    def _knows(self, sender_id: int, name: KeyName) -> bool:
        """Whether a write of the key waits or is under way."""
        return any(
            writes is not None and name in writes.keys
            for writes in (self._waiting.get(sender_id), self._being_written.get(sender_id))
        )

    def _unwritten(self, sender_id: int, name: KeyName) -> str | None:
        """Its newest text that is not stored yet; None where it is deleted."""
        waiting = self._waiting.get(sender_id)
        source = waiting if waiting is not None and name in waiting.keys else self._being_written[sender_id]
        return source.keys[name]

    async def _read(self, wanted: list[tuple[int, str, str]]) -> dict[tuple[int, str, str], str]:
        """Joins what other sessions ask for: one statement is under way at a time, and takes all that waits."""
        reading = Reading(wanted)
        self._readings.append(reading)
        if not self._reading:
            self._reading = True
            self._background.start(self._read_waiting())
        return await reading.answer

    async def _read_waiting(self) -> None:
        try:
            await asyncio.sleep(0)  # sessions that ask in the same turn of the loop
            while self._readings:
                taken = self._take_readings()
                together = list({name for reading in taken for name in reading.wanted})
                self.figures.reads += 1
                try:
                    found = await self._background.database(
                        self._background.auth_reads, partial(rows.read_keys, together)
                    )
                except Exception as error:  # noqa: BLE001  told to each that asked
                    for reading in taken:
                        _fail(reading, error)
                    continue
                for reading in taken:
                    if not reading.answer.done():
                        reading.answer.set_result({name: found[name] for name in reading.wanted if name in found})
        finally:
            self._reading = False

    def _take_readings(self) -> list[Reading]:
        taken: list[Reading] = []
        size = 0
        while self._readings and (not taken or size + len(self._readings[0].wanted) <= READ_AT_ONCE):
            reading = self._readings.pop(0)
            size += len(reading.wanted)
            taken.append(reading)
        return taken

    # -- Writing --

    def set_keys(self, sender_id: int, epoch: int, keys: Mapping[str, Mapping[str, str | None]]) -> None:
        """Notes new texts by type and id; None deletes. Call `room` before more is taken from a session."""
        writes = self._writes_of(sender_id, epoch)
        if writes is None:
            self.figures.refused += sum(map(len, keys.values()))
            return
        for type_, by_id in keys.items():
            for key_id, text in by_id.items():
                name = (type_, key_id)
                if name in writes.keys:
                    self._bytes -= entry_size(name, writes.keys[name])
                writes.keys[name] = text
                self._bytes += entry_size(name, text)
        self._wake_flusher()

    async def room(self) -> None:
        """Back-pressure: waits while more waits to be written than memory should hold."""
        while self._bytes > MOST_WAITING_BYTES:
            self._smaller.clear()
            await self._smaller.wait()

    async def save_credentials(self, sender_id: int, epoch: int, text: str) -> bool:
        """Returns once they are stored, with the keys of this sender that waited; tries until the database answers.
        False where the lease has ended: nothing was changed."""
        writes = self._writes_of(sender_id, epoch)
        if writes is None:
            return False
        self._bytes += len(text) - len(writes.credentials or "")
        writes.credentials = text
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        writes.saved.append(stored)
        if self._saver is None or self._saver.done():
            self._saver = asyncio.get_running_loop().create_task(self._save_while_waiting())
        return await stored

    async def _save_while_waiting(self) -> None:
        """Writes credentials at once; those that come while it writes leave together in the next transaction."""
        while any(writes.credentials is not None for writes in self._waiting.values()):
            async with self._writing:
                chosen = [each for each, writes in self._waiting.items() if writes.credentials is not None]
                is_written = await self._write_waiting(chosen)
            if not is_written:
                await asyncio.sleep(background.OUTAGE_SECONDS)

    async def flush(self, sender_ids: Collection[int] | None = None) -> None:
        """Stores what waits, of these senders or of all. Raises `DatabaseError` while the database is away; what
        waited then waits on."""
        async with self._writing:
            chosen = [each for each in self._waiting if sender_ids is None or each in sender_ids]
            if chosen:
                await self._write(chosen)

    async def wipe(self, sender_id: int, epoch: int) -> bool:
        """Deletes everything of a sender that was logged out; tries until the database answers. What the session
        still writes under this lease is refused. False where the lease has ended: nothing was changed."""
        self._lowest[sender_id] = epoch + 1
        while True:
            async with self._writing:
                self._drop(sender_id)
                try:
                    return await self._background.database(
                        self._background.auth_writes, lambda: rows.wipe(self.worker_id, sender_id, epoch)
                    )
                except (OperationalError, InterfaceError) as error:
                    complain(f"the auth state of sender {sender_id} could not be wiped", error)
            await asyncio.sleep(background.OUTAGE_SECONDS)

    async def close(self) -> None:
        """The end of the worker: one last try to store what waits."""
        try:
            await self.flush()
        except DatabaseError as error:
            complain("the database does not answer; the last auth state is lost", error)
        for task in (self._flusher, self._saver):
            if task is not None:
                task.cancel()

    def forget(self, sender_id: int) -> None:
        """Drops what waits of a sender that was released: its next owner has written since, or will."""
        self._drop(sender_id)

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    def _writes_of(self, sender_id: int, epoch: int) -> SenderWrites | None:
        """Where to note what is written under a lease. None under one that this worker knows to have ended."""
        if epoch < self._lowest.get(sender_id, 0):
            return None
        self._adopt(sender_id, epoch)
        writes = self._waiting.setdefault(sender_id, SenderWrites(epoch))
        return writes if writes.epoch == epoch else None

    def _adopt(self, sender_id: int, epoch: int) -> None:
        """Decides on what was left unwritten under an earlier lease of this worker.

        An outage may outlast a lease. Where the next lease is this worker's again, nobody wrote in between, and what
        waits is still the newest; else it is not.
        """
        writes = self._waiting.get(sender_id)
        if writes is not None and writes.epoch == epoch - 1:
            writes.epoch = epoch
        elif writes is not None and writes.epoch < epoch:
            self._drop(sender_id)

    def _drop(self, sender_id: int) -> None:
        if (writes := self._waiting.pop(sender_id, None)) is not None:
            self._settle(writes, is_stored=False)

    def _settle(self, writes: SenderWrites, *, is_stored: bool) -> None:
        self._bytes -= writes.size
        self._smaller.set()
        for waiting in writes.saved:
            if not waiting.done():
                waiting.set_result(is_stored)

    def _wake_flusher(self) -> None:
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.get_running_loop().create_task(self._flush_while_waiting())

    async def _flush_while_waiting(self) -> None:
        """Ends when nothing waits any more: an idle worker does nothing."""
        while self._waiting:
            now = time.monotonic()
            await asyncio.sleep(max(self._last_gathered + GATHER_SECONDS - now, IDLE_GATHER_SECONDS))
            async with self._writing:
                self._last_gathered = time.monotonic()
                await self._write_waiting(list(self._waiting))

    async def _write_waiting(self, sender_ids: list[int]) -> bool:
        """`_write`; False where the database is away. What the database refuses for one sender holds up no other."""
        try:
            await self._write(sender_ids)
        except (OperationalError, InterfaceError) as error:
            complain("the database does not answer; auth state waits in memory", error)
            return False
        except (DataError, IntegrityError, ValueError):
            if len(sender_ids) == 1:
                logger.exception("auth state of sender %s could not be written and is dropped", sender_ids[0])
                self._drop(sender_ids[0])
                return True
            return all([await self._write_waiting([sender_id]) for sender_id in sender_ids])
        except Exception as error:  # noqa: BLE001  such as a database that is not migrated yet: that passes, keys do not
            complain("auth state could not be written; it waits in memory", error)
            return False
        return True

    async def _write(self, sender_ids: list[int]) -> None:
        """One transaction with all that waits of these senders. Hold `_writing`."""
        taken = {each: self._waiting.pop(each) for each in sender_ids if each in self._waiting}
        if not taken:
            return
        self._being_written = taken
        try:
            done: Written = await self._background.database(
                self._background.auth_writes, lambda: rows.write(self.worker_id, taken)
            )
        except BaseException:
            self._take_back(taken)
            raise
        finally:
            self._being_written = {}
        self._note(taken, done)

    def _take_back(self, taken: dict[int, SenderWrites]) -> None:
        """What was not written waits again, under what came meanwhile."""
        for sender_id, older in taken.items():
            newer = self._waiting.get(sender_id)
            if newer is None:
                self._waiting[sender_id] = older
            elif newer.epoch == older.epoch:
                size = older.size + newer.size
                older.keys.update(newer.keys)
                older.credentials = newer.credentials if newer.credentials is not None else older.credentials
                older.saved += newer.saved
                self._waiting[sender_id] = older
                self._bytes += older.size - size
            else:
                self._settle(older, is_stored=False)
        self._wake_flusher()

    def _note(self, taken: dict[int, SenderWrites], done: Written) -> None:
        for sender_id, writes in taken.items():
            self._settle(writes, is_stored=sender_id not in done.refused)
        self.figures.keys_written += done.keys
        if any(writes.credentials is not None for writes in taken.values()):
            self.figures.at_once += 1
        else:
            self.figures.gathered += 1
        for sender_id in done.refused:
            self.figures.refused += len(taken[sender_id].keys)
            logger.warning("auth state of sender %s was not written: its lease has ended", sender_id)


def _fail(reading: Reading, error: Exception) -> None:
    if not reading.answer.done():
        reading.answer.set_exception(error)
