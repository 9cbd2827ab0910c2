"""Keeps a worker at its share: takes what is free, gently, and hands senders over in good order.

A hand-over stops leasing for the sender, waits until what it sent is answered and written, closes the session, and then
gives the lease up, so that at no moment two workers have the session open.
"""

import asyncio
import logging
import time

from django.conf import settings

from session_service import balance
from session_service.background import Background
from session_service.balance import Balance, Rate
from session_service.sessions import LOOK_SECONDS, OpenSender, Sessions

logger = logging.getLogger(__name__)

MOVE_PATIENCE = 5.0  # seconds for answers; a sender that is to move for evenness alone stays where it is after that
LEFT_ALONE = 60.0  # seconds without moves after the worker had to take what belonged with another one


class Handover:
    def __init__(self, sessions: Sessions, background: Background) -> None:
        self._sessions = sessions
        self._background = background
        self._opened = Rate(settings.SESSION_RESTORE_RATE)
        self._drained = Rate(settings.SESSION_RESTORE_RATE)
        self._moved = Rate(settings.SESSION_MOVE_RATE)
        self._is_moving = False  # begun above the tolerance, ends at the share
        self._no_moves_until = 0.0
        self._handing_over: set[int] = set()

    async def look(self) -> None:
        """One round; to be called about once a second."""
        # Before the look: what is released in this very moment is then counted twice, and too few are given.
        leaving = len(self._handing_over) + self._sessions.closing_now
        seen = await self._background.database(self._background.calm, balance.look)
        load = seen.loads.get(self._sessions.worker_id)
        if load is None:
            return  # it is late with its own heartbeat
        if load.draining:
            self._drain(seen, leaving)
        else:
            await self._take(seen)
            self._even_out(seen, leaving)

    # -- Taking --

    async def _take(self, seen: Balance) -> None:
        mine, held = self._sessions.worker_id, len(self._sessions.senders)
        limit = self._opened.take(min(seen.free, seen.may_take(mine, held)))
        if limit <= 0:
            return
        taken = await self._sessions.take(limit)
        self._opened.give_back(limit - taken)
        if held + taken > seen.share_of(mine):
            self._no_moves_until = time.monotonic() + LEFT_ALONE

    # -- Handing over --

    def _drain(self, seen: Balance, leaving: int) -> None:
        """As far as the others have room: a session that nobody can take stays open here."""
        sending = self._sessions.sending()
        idle_first = sorted(self._movable(), key=lambda sender: sender.held.id in sending)
        may_give = seen.may_give(self._sessions.worker_id) - leaving
        self._begin(idle_first, self._drained, may_give, settings.ACK_TIMEOUT_SECONDS)

    def _even_out(self, seen: Balance, leaving: int) -> None:
        self._is_moving = seen.is_uneven(self._sessions.worker_id, moving=self._is_moving)
        if self._is_moving and time.monotonic() >= self._no_moves_until:
            sending = self._sessions.sending()
            idle = [each for each in self._movable() if each.connected and each.held.id not in sending]
            self._begin(idle, self._moved, seen.may_give(self._sessions.worker_id) - leaving, MOVE_PATIENCE)

    def _movable(self) -> list[OpenSender]:
        return [sender for sender in self._sessions.senders.values() if sender.opened.is_set() and not sender.closing]

    def _begin(self, senders: list[OpenSender], rate: Rate, may_give: int, patience: float) -> None:
        """Hands over as many as the rate and the others allow."""
        for sender in senders[: rate.take(min(may_give, len(senders)))]:
            sender.closing = True
            self._handing_over.add(sender.held.id)
            self._background.start(self._hand_over(sender, patience))

    async def _hand_over(self, sender: OpenSender, patience: float) -> None:
        deadline = time.monotonic() + patience
        try:
            while self._sessions.is_busy(sender.held.id) and time.monotonic() < deadline:  # noqa: ASYNC110  rare
                await asyncio.sleep(LOOK_SECONDS)
            if self._sessions.is_busy(sender.held.id):
                logger.info("sender %s stays for now: what it sent is not answered yet", sender.held.id)
                sender.closing = False
                return
            logger.info("sender %s is handed over", sender.held.id)
            self._sessions.let_go(sender, release=True)
        finally:
            self._handing_over.discard(sender.held.id)
