"""How many messages may be leased at this moment, and through which senders."""

import time

from django.conf import settings

from session_service.breakers import BreakerState
from session_service.sessions import InFlight, Sessions


class Allowance:
    """Bounds what is in flight, keeps to this worker's share of the global rate, and tries endpoints again."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._rate = settings.SEND_RATE_LIMIT  # this worker's share, in messages a second
        self._tokens, self._tokens_at = 0.0, time.monotonic()
        self._probes_next = False  # whose turn it is while an endpoint is tried again

    def share_with(self, workers: int) -> None:
        self._rate = settings.SEND_RATE_LIMIT / max(1, workers)

    def spend(self, number: int) -> None:
        self._tokens -= number

    def now(self, answered: int) -> tuple[list[tuple[int, int, bool]], int]:
        """Which senders may lease now, as (sender id, epoch, provider keeps ids), and how many messages in all.

        `answered` is how many of those in flight are about to be written.
        """
        room = settings.SEND_CONCURRENCY - len(self._sessions.in_flight) + answered
        if settings.SEND_RATE_LIMIT:
            room = min(room, self._tokens_now())
        held = self._sessions.sendable() if room > 0 else []
        trying = {name for name, breaker in self._sessions.breakers.items() if breaker.state is BreakerState.HALF_OPEN}
        if not trying:
            return held, room
        # One message, of whichever sender has one, finds out whether the endpoint answers again. The senders of other
        # endpoints do not wait for that: they have every other turn.
        probing = [each for each in held if self._sessions.senders[each[0]].held.provider in trying]
        others = [each for each in held if each not in probing]
        self._probes_next = not self._probes_next
        if (
            self._probes_next
            and probing
            and not any(self._goes_to(sent, trying) for sent in self._sessions.in_flight.values())
        ):
            return probing, 1
        return others, room

    def _goes_to(self, sent: InFlight, providers: set[str]) -> bool:
        sender = self._sessions.senders.get(sent.sender_id)
        return sender is not None and sender.held.provider in providers

    def _tokens_now(self) -> int:
        """Messages that this worker's share of the global rate allows at this moment; at most a second's worth."""
        moment = time.monotonic()
        self._tokens = min(self._rate, self._tokens + (moment - self._tokens_at) * self._rate)
        self._tokens_at = moment
        return int(self._tokens)
