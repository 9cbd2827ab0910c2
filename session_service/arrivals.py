"""What comes from WhatsApp by itself (receipts, messages from people, changes to them) on its way to the ledger.

It is written on a connection of its own, beside the hot path: half of all writes are receipts, and nothing waits for
them but the provider, which may forget an event once it is committed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from django.db import transaction

from messaging import ledger
from messaging.counts import Changes
from messaging.events import Event
from session_service import background, inbound
from session_service.background import Background

EVENTS_A_COMMIT = 2_000


class Arrivals:
    """Events that are not written yet, in the order in which they came."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._waiting: deque[tuple[Sequence[Event], asyncio.Future[None]]] = deque()
        self._some = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether anything waits to be written."""
        return bool(self._waiting)

    async def record(self, events: Sequence[Event]) -> None:
        """Returns when the events are committed. Whoever waits here cannot bring more."""
        if not events:
            return
        events, forms = inbound.with_canonical_numbers(events)
        events = await inbound.with_files_stored(self._background, events)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, done))
        self._some.set()
        await done
        await inbound.learn(self._background, events, forms)

    async def wait(self) -> None:
        """Until there is something to write, or the worker stops."""
        self._some.clear()
        if not self._waiting:
            await self._background.sleep(background.OUTAGE_SECONDS, until=self._some)

    async def write(self) -> set[int]:
        """Commits what waits, as far as one transaction should carry. Returns the batches whose counters changed.

        Where the database is away, everything is kept, and the error is raised.
        """
        taken, number = [], 0
        while self._waiting and number < EVENTS_A_COMMIT:
            taken.append(self._waiting.popleft())
            number += len(taken[-1][0])
        if not taken:
            return set()
        events = [event for each, _ in taken for event in each]
        try:
            batch_ids = await self._background.database(self._background.arrivals, lambda: _commit(events))
        except BaseException:
            self._waiting.extendleft(reversed(taken))
            raise
        for _, done in taken:
            if not done.done():
                done.set_result(None)
        return batch_ids


def _commit(events: list[Event]) -> set[int]:
    changes = Changes()
    with transaction.atomic():
        ledger.write_events(events, changes)
        changes.save()
    return changes.batch_ids
