"""Auth state: encrypted at rest, gathered over all sessions, fenced by the lease, kept through outages and kills."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F
from django.utils.timezone import now

from senders.models import Sender
from session_service import background as background_module
from session_service import leases
from session_service.auth_state import AuthStateStore, rows, store
from session_service.auth_state.encryption import Unreadable, cipher
from session_service.auth_state.rows import SenderWrites
from session_service.background import Background
from session_service.models import AuthCredentials, AuthKey, SessionLease, SessionWorker
from tests.factories import make_organization, make_sender
from whatsapp_automation import private_servers

pytestmark = pytest.mark.django_db(transaction=True)

PRE_KEY = json.dumps({"public": {"type": "Buffer", "data": "cHVibGlj"}})
LONG = json.dumps({"_sessions": "x" * 5000})


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization())


@pytest.fixture
def worker() -> SessionWorker:
    return leases.register(name="one", capacity=10)


@pytest_asyncio.fixture
async def auth(worker: SessionWorker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AuthStateStore]:
    monkeypatch.setattr(background_module, "OUTAGE_SECONDS", 0.1)
    background = Background()
    made = AuthStateStore(background)
    made.worker_id = worker.pk
    yield made
    await made.close()
    await background.close()


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written until the test asks for it."""
    monkeypatch.setattr(store, "IDLE_GATHER_SECONDS", 60.0)


@pytest.fixture
def connection_that_breaks(transactional_db: None) -> Iterator[None]:
    """An async test runs its statements in another thread; the connection of this one breaks with the outage too."""
    yield
    connection.close()


@contextmanager
def database_away(settings: Any) -> Iterator[None]:
    """Nobody reaches the tests' database: open connections are cut, and new ones are refused."""
    name = connection.settings_dict["NAME"]
    with private_servers.connect(settings.DATA_DIR) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def take(worker: SessionWorker) -> dict[int, int]:
    """Epochs by sender of what the worker took."""
    taken = await sync_to_async(leases.take)(worker_id=worker.pk, limit=100)
    return {held.id: held.epoch for held in taken}


def expire(sender: Sender) -> None:
    SessionLease.objects.filter(sender=sender).update(expires_at=now() - timedelta(seconds=1))


def stored_keys(sender: Sender) -> dict[str, str]:
    """The decrypted keys in the database, by id."""
    return {
        row.key_id: cipher().decrypt(bytes(row.data), row.encrypted_with, row.format)
        for row in AuthKey.objects.filter(sender=sender)
    }


async def test_what_is_saved_is_loaded_by_the_next_owner(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker
) -> None:
    [epoch] = (await take(worker)).values()
    assert await auth.load(sender.pk, epoch) is None
    assert await auth.save_credentials(sender.pk, epoch, '{"me": 1}')
    auth.set_keys(sender.pk, epoch, {"pre-key": {"1": PRE_KEY, "2": PRE_KEY}, "session": {"628@1.0": LONG}})
    await auth.flush([sender.pk])
    other = AuthStateStore(auth._background)
    assert await other.load(sender.pk, epoch + 1) == '{"me": 1}'
    assert await other.keys(sender.pk, "pre-key", ["1", "2", "3"]) == {"1": PRE_KEY, "2": PRE_KEY}
    assert await other.keys(sender.pk, "session", ["628@1.0", "1"]) == {"628@1.0": LONG}


async def test_nothing_is_readable_in_the_database(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker
) -> None:
    [epoch] = (await take(worker)).values()
    await auth.save_credentials(sender.pk, epoch, '{"noiseKey": "secret"}')
    auth.set_keys(sender.pk, epoch, {"pre-key": {"1": PRE_KEY}, "session": {"a": LONG}})
    await auth.flush()
    stored = [*[row async for row in AuthKey.objects.all()], await AuthCredentials.objects.aget()]
    assert len(stored) == 3
    for row in stored:
        assert b"secret" not in bytes(row.data)
        assert b"public" not in bytes(row.data)
    assert all(len(row.data) < 300 for row in stored)  # the long one was compressed


async def test_reads_see_what_waits_and_what_is_deleted(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, no_hurry: None
) -> None:
    [epoch] = (await take(worker)).values()
    auth.set_keys(sender.pk, epoch, {"pre-key": {"1": "1", "2": "2"}})
    await auth.flush()
    auth.set_keys(sender.pk, epoch, {"pre-key": {"2": None, "3": "3"}})
    assert await auth.keys(sender.pk, "pre-key", ["1", "2", "3"]) == {"1": "1", "3": "3"}
    assert await sync_to_async(stored_keys)(sender) == {"1": "1", "2": "2"}
    writing = asyncio.create_task(auth.flush())
    await asyncio.sleep(0)  # it is under way, and waits no more
    assert await auth.keys(sender.pk, "pre-key", ["1", "2", "3"]) == {"1": "1", "3": "3"}
    auth.set_keys(sender.pk, epoch, {"pre-key": {"3": "newer"}})
    assert await auth.keys(sender.pk, "pre-key", ["3"]) == {"3": "newer"}
    await writing
    assert await sync_to_async(stored_keys)(sender) == {"1": "1", "3": "3"}
    assert await auth.keys(sender.pk, "pre-key", ["1", "2", "3"]) == {"1": "1", "3": "newer"}


async def test_writes_of_all_sessions_leave_once_a_second(auth: AuthStateStore, worker: SessionWorker) -> None:
    organization = await sync_to_async(make_organization)()
    for _ in range(30):
        await sync_to_async(make_sender)(organization)
    epochs = await take(worker)
    assert len(epochs) == 30
    began, turns = time.monotonic(), 0
    while time.monotonic() - began < 2.5:
        for sender_id, epoch in epochs.items():
            auth.set_keys(sender_id, epoch, {"session": {f"{turns % 7}": f"{turns}", "same": f"{turns}"}})
        turns += 1
        await asyncio.sleep(0.02)
    elapsed = time.monotonic() - began
    await auth.flush()
    assert auth.figures.at_once == 0
    assert 2 <= auth.figures.gathered <= elapsed / store.GATHER_SECONDS + 2
    assert await AuthKey.objects.acount() == 30 * 8
    for sender_id in epochs:
        assert await auth.keys(sender_id, "session", ["same"]) == {"same": f"{turns - 1}"}
    assert auth.waiting_bytes == 0


async def test_reads_of_many_sessions_share_a_statement(auth: AuthStateStore, worker: SessionWorker) -> None:
    organization = await sync_to_async(make_organization)()
    for _ in range(20):
        await sync_to_async(make_sender)(organization)
    epochs = await take(worker)
    for sender_id, epoch in epochs.items():
        auth.set_keys(sender_id, epoch, {"session": {"a": str(sender_id)}})
    await auth.flush()
    found = await asyncio.gather(*(auth.keys(sender_id, "session", ["a"]) for sender_id in epochs))
    assert found == [{"a": str(sender_id)} for sender_id in epochs]
    assert auth.figures.reads == 1


async def test_credentials_are_stored_at_once_with_the_keys_before_them(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, no_hurry: None
) -> None:
    [epoch] = (await take(worker)).values()
    auth.set_keys(sender.pk, epoch, {"pre-key": {"1": "1"}})
    began = time.monotonic()
    assert await auth.save_credentials(sender.pk, epoch, "{}")
    assert time.monotonic() - began < 5  # and not when the keys' turn comes
    assert await sync_to_async(stored_keys)(sender) == {"1": "1"}
    assert (auth.figures.at_once, auth.figures.gathered) == (1, 0)


async def test_a_stale_owner_changes_nothing(auth: AuthStateStore, sender: Sender, worker: SessionWorker) -> None:
    [old] = (await take(worker)).values()
    await auth.save_credentials(sender.pk, old, '"old"')
    auth.set_keys(sender.pk, old, {"session": {"a": '"old"', "b": '"old"'}})
    await auth.flush()
    await sync_to_async(expire)(sender)
    other = await sync_to_async(leases.register)(name="two", capacity=10)
    [new] = (await take(other)).values()
    auth.set_keys(sender.pk, old, {"session": {"a": '"stale"', "b": None}})
    await auth.flush()
    assert not await auth.save_credentials(sender.pk, old, '"stale"')
    assert not await auth.wipe(sender.pk, old)
    auth.worker_id, mine = other.pk, auth.worker_id
    assert await auth.load(sender.pk, new) == '"old"'
    assert await auth.keys(sender.pk, "session", ["a", "b"]) == {"a": '"old"', "b": '"old"'}
    assert auth.figures.refused >= 2
    auth.worker_id = mine  # the right epoch and the wrong worker
    assert not await auth.save_credentials(sender.pk, new, '"thief"')
    assert await auth.load(sender.pk, new) == '"old"'


async def test_a_take_over_waits_for_a_write_under_way_and_not_the_heartbeat(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker
) -> None:
    """What is locked by the write: the next owner either sees it, or prevents it."""
    [epoch] = (await take(worker)).values()

    def while_locked() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            assert rows._lock_leases(cursor, worker.pk, {sender.pk: epoch}) == {sender.pk}
            found.append(background_call(lambda: leases.heartbeat(worker_id=worker.pk, held={sender.pk: epoch})))
            background_call(lambda: expire(sender))
            found.append(background_call(lambda: leases.take(worker_id=worker.pk, limit=5)))

    def background_call(call: Any) -> Any:
        future = auth._background.calm.submit(call)
        return future.result(5)

    found: list[Any] = []
    await sync_to_async(while_locked)()
    assert found == [{sender.pk}, []]
    assert (await take(worker)) == {sender.pk: epoch + 1}


async def test_an_outage_costs_nothing(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, settings: Any, connection_that_breaks: None
) -> None:
    [epoch] = (await take(worker)).values()
    auth.set_keys(sender.pk, epoch, {"session": {"a": "1", "b": "1"}})
    await auth.flush()
    away = database_away(settings)
    away.__enter__()
    try:
        auth.set_keys(sender.pk, epoch, {"session": {"a": "2"}})
        with pytest.raises(OperationalError):
            await auth.flush()
        saving = asyncio.create_task(auth.save_credentials(sender.pk, epoch, '"new"'))
        await asyncio.sleep(0.3)
        auth.set_keys(sender.pk, epoch, {"session": {"a": "3", "b": None}})
        assert await auth.keys(sender.pk, "session", ["a", "b"]) == {"a": "3"}
        with pytest.raises(DatabaseError):
            await auth.keys(sender.pk, "session", ["c"])
        assert not saving.done()
    finally:
        away.__exit__(None, None, None)
        await sync_to_async(lambda: connection.close())()  # the one of the thread that this test's statements run in
    assert await asyncio.wait_for(saving, 5)
    await auth.flush()
    assert await sync_to_async(stored_keys)(sender) == {"a": "3"}
    assert auth.waiting_bytes == 0


async def test_an_outage_longer_than_the_lease_loses_nothing_if_nobody_else_was_the_owner(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, no_hurry: None
) -> None:
    [epoch] = (await take(worker)).values()
    auth.set_keys(sender.pk, epoch, {"session": {"a": "1"}})
    await sync_to_async(expire)(sender)
    [again] = (await take(worker)).values()
    assert again == epoch + 1
    await auth.load(sender.pk, again)
    assert await auth.keys(sender.pk, "session", ["a"]) == {"a": "1"}
    await auth.flush()
    assert await sync_to_async(stored_keys)(sender) == {"a": "1"}
    auth.set_keys(sender.pk, epoch, {"session": {"a": '"of the old session"'}})
    auth.set_keys(sender.pk, again, {"session": {"b": "2"}})
    await SessionLease.objects.aupdate(epoch=F("epoch") + 1)  # somebody else was the owner for a while
    await sync_to_async(expire)(sender)
    [last] = (await take(worker)).values()
    await auth.load(sender.pk, last)
    assert await auth.keys(sender.pk, "session", ["a", "b"]) == {"a": "1"}


async def test_memory_is_bounded(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, monkeypatch: pytest.MonkeyPatch, no_hurry: None
) -> None:
    monkeypatch.setattr(store, "MOST_WAITING_BYTES", 10_000)
    [epoch] = (await take(worker)).values()
    await asyncio.wait_for(auth.room(), 1)
    auth.set_keys(sender.pk, epoch, {"session": {"a": LONG, "b": LONG}})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(auth.room(), 0.05)
    auth.set_keys(sender.pk, epoch, {"session": {"a": "1"}})  # overwritten: it takes less
    assert auth.waiting_bytes < 10_000
    auth.set_keys(sender.pk, epoch, {"session": {"a": LONG}})
    waiting = asyncio.create_task(auth.room())
    await auth.flush()
    await asyncio.wait_for(waiting, 1)
    assert auth.waiting_bytes == 0


async def test_logging_out_wipes_everything_of_that_sender_only(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, no_hurry: None
) -> None:
    other = await sync_to_async(make_sender)(sender.organization)
    epochs = await take(worker)
    for each, epoch in epochs.items():
        await auth.save_credentials(each, epoch, '"x"')
        auth.set_keys(each, epoch, {"session": {"a": "1"}})
    await auth.flush()
    auth.set_keys(sender.pk, epochs[sender.pk], {"session": {"b": "1"}})
    assert await auth.wipe(sender.pk, epochs[sender.pk])
    auth.set_keys(sender.pk, epochs[sender.pk], {"session": {"c": "1"}})  # what its session still says is not kept
    assert not await auth.save_credentials(sender.pk, epochs[sender.pk], '"late"')
    await auth.flush()
    assert await auth.load(sender.pk, epochs[sender.pk] + 1) is None
    assert await sync_to_async(stored_keys)(sender) == {}
    assert await sync_to_async(stored_keys)(other) == {"a": "1"}
    assert await auth.load(other.pk, epochs[other.pk]) == '"x"'


async def test_what_cannot_be_written_for_one_sender_holds_up_no_other(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker
) -> None:
    other = await sync_to_async(make_sender)(sender.organization)
    epochs = await take(worker)
    auth.set_keys(sender.pk, epochs[sender.pk], {"session": {"a\x00": "1"}})  # PostgreSQL has no such text
    auth.set_keys(other.pk, epochs[other.pk], {"session": {"a": "1"}})
    saved = await asyncio.wait_for(auth.save_credentials(other.pk, epochs[other.pk], '"x"'), 5)
    assert saved
    while auth.waiting_bytes:  # noqa: ASYNC110  the store tells nobody when it is empty
        await asyncio.sleep(0.05)
    assert await sync_to_async(stored_keys)(other) == {"a": "1"}


async def test_a_missing_key_is_not_taken_for_not_linked(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker, settings: Any
) -> None:
    [epoch] = (await take(worker)).values()
    await auth.save_credentials(sender.pk, epoch, '"x"')
    auth.set_keys(sender.pk, epoch, {"session": {"a": "1"}})
    await auth.flush()
    old, new = settings.AUTH_STATE_KEYS[0], Fernet.generate_key().decode()
    settings.AUTH_STATE_KEYS = [new]
    with pytest.raises(Unreadable, match="AUTH_STATE_KEYS"):
        await auth.load(sender.pk, epoch)
    with pytest.raises(Unreadable):
        await auth.keys(sender.pk, "session", ["a"])
    settings.AUTH_STATE_KEYS = [new, old]
    assert await auth.load(sender.pk, epoch) == '"x"'
    await AuthCredentials.objects.aupdate(format=99)
    with pytest.raises(Unreadable, match="newer version"):
        await auth.load(sender.pk, epoch)


KILLED = """
    import asyncio, os, signal, sys
    import django
    django.setup()
    from session_service.auth_state import AuthStateStore
    from session_service.background import Background

    async def main():
        auth = AuthStateStore(Background())
        auth.worker_id = {worker}
        await auth.save_credentials({sender}, {epoch}, '"linked"')
        auth.set_keys({sender}, {epoch}, {{"session": {{"a": "1", "b": "1"}}}})
        await auth.flush()
        auth.set_keys({sender}, {epoch}, {{"session": {{"a": "2", "c": "2"}}}})
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
"""


async def test_a_kill_between_two_flushes_loses_only_what_waited(
    auth: AuthStateStore, sender: Sender, worker: SessionWorker
) -> None:
    [epoch] = (await take(worker)).values()
    database = connection.settings_dict
    script = textwrap.dedent(KILLED).format(worker=worker.pk, sender=sender.pk, epoch=epoch)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "whatsapp_automation.settings",
        "DATABASE_URL": f"postgres://{database['USER']}@{quote(database['HOST'], safe='')}/{database['NAME']}",
        "AUTH_STATE_KEYS": ",".join(django_settings.AUTH_STATE_KEYS),
    }
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    await sync_to_async(expire)(sender)
    [next_epoch] = (await take(worker)).values()
    assert await auth.load(sender.pk, next_epoch) == '"linked"'
    assert await auth.keys(sender.pk, "session", ["a", "b", "c"]) == {"a": "1", "b": "1"}


def test_a_new_version_of_a_ratchet_touches_no_index(sender: Sender, worker: SessionWorker) -> None:
    """HOT updates: with room in the page and no index on what changes."""
    [held] = leases.take(worker_id=worker.pk, limit=5)
    before = updates()
    for turn in range(60):  # of 300 conversations, ten move on in each second
        numbers = range(300) if turn == 0 else [(turn * 37 + number * 29) % 300 for number in range(10)]
        keys: dict[tuple[str, str], str | None] = {("session", f"{n}"): "x" * 800 + str(turn) for n in numbers}
        rows.write(worker.pk, {sender.pk: SenderWrites(held.epoch, keys)})
    after = updates()
    assert after[0] - before[0] == 590
    assert (after[1] - before[1]) / 590 > 0.9


def updates() -> tuple[int, int]:
    """New versions of keys so far, and how many of them touched no index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'session_service_authkey'"
        )
        return cursor.fetchone()
