"""What follows when WhatsApp ends a connection, by the code of Baileys' `DisconnectReason`; never by its text."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from senders.models import SenderStatus

TRIES = 10
FIRST_DELAY = 1.0  # seconds; doubles with each try
LONGEST_DELAY = 60.0
JITTER = 0.25  # so that sessions which were lost together do not come back together
STEADY_SECONDS = 60.0  # a connection that held so long begins the delays anew


class Action(Enum):
    CONNECT_AT_ONCE = "connect at once"
    BACK_OFF = "back off"
    END = "end"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """What to do. `status` and `detail` are what staff read where it is the end."""

    action: Action
    status: SenderStatus = SenderStatus.RECONNECTING
    detail: str | Promise = ""
    wipes: bool = False  # the link is gone, so its keys are worth nothing


LOGGED_OUT = 401
BANNED = 403
TIMED_OUT = 408
REPLACED = 440
RESTART = 515
BRIDGE_LOST = 0  # no code of WhatsApp's: the process that held the connection ended

OUTDATED = 405
REASONS = {OUTDATED: _("405: WhatsApp refuses this version of the client. Update it, or set WHATSAPP_WEB_VERSION")}

BACK_OFF = Disconnect(Action.BACK_OFF)
BY_CODE = {
    LOGGED_OUT: Disconnect(
        Action.END,
        SenderStatus.LOGGED_OUT,
        _("WhatsApp unlinked this number. Connect again and scan the new code."),
        wipes=True,
    ),
    BANNED: Disconnect(
        Action.END,
        SenderStatus.BANNED,
        _("WhatsApp refuses this number. Open WhatsApp on the phone to see why and to ask for a review."),
    ),
    REPLACED: Disconnect(
        Action.END,
        SenderStatus.REPLACED,
        _("The session was opened elsewhere. End it there, then connect again."),
    ),
    RESTART: Disconnect(Action.CONNECT_AT_ONCE),
}
NOBODY_SCANNED = Disconnect(
    Action.END,
    SenderStatus.DISCONNECTED,
    _("Nobody linked a phone in time. Connect again for a new code."),
)
GAVE_UP = Disconnect(
    Action.END,
    SenderStatus.DISCONNECTED,
    _("WhatsApp could not be reached in %(tries)s tries. Check this machine's network, then connect again.")
    % {"tries": TRIES},
)


class Backoff:
    """The delays between the tries of one session: 1, 2, 4 … 60 seconds, a quarter more or less, and no more than
    `TRIES` in a row without a connection."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0  # in a row, without a connection
        self._exponent = 0
        self._opened_at: float | None = None

    def opened(self) -> None:
        self._failures = 0
        self._opened_at = self._clock()

    def next_delay(self) -> float | None:
        """Seconds until the next try after a connection was lost or not made; None when there were enough."""
        if self._opened_at is not None and self._clock() - self._opened_at >= STEADY_SECONDS:
            self._exponent = 0
        self._opened_at = None
        if self._failures >= TRIES:
            return None
        self._failures += 1
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0**self._exponent)
        self._exponent = min(self._exponent + 1, 10)
        return delay * random.uniform(1 - JITTER, 1 + JITTER)
