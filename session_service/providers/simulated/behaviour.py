"""What the simulated network does with a message, drawn from a seed so that a run can be repeated.

A draw depends on the seed, the recipient and the text alone (failures also on the attempt), never on the order in
which messages arrive, on who sends them or on the ids that they happen to get.
"""

import struct
from dataclasses import dataclass
from hashlib import blake2b

from django.conf import settings

from messaging.events import Outcome
from messaging.kinds import Kind
from session_service.providers.base import OutgoingMessage
from session_service.providers.simulated.queue_events import inbound_event

NOT_ON_WHATSAPP_ENDING = "0000"
LASTING_SHARE = 0.25  # of the failures: these would fail again on every further attempt


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one message. `events` are (delay in ms, event) for the sender's queue."""

    outcome: Outcome
    code: str = ""
    detail: str = ""
    bans: bool = False  # the network bans the sender instead of taking the message
    events: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Delays in milliseconds and rates between 0 and 1. People who answer have read the message first."""

    ack_ms: int = 50
    delivered_ms: int = 800
    read_ms: int = 2500
    read_rate: float = 0.8
    failure_rate: float = 0.0
    ban_rate: float = 0.0
    reply_rate: float = 0.0
    reply_text: str = "STOP"
    keeps_message_ids: bool = True
    seed: int = 1

    @classmethod
    def from_settings(cls) -> "Behaviour":
        return cls(
            ack_ms=settings.SIMULATOR_ACK_MS,
            delivered_ms=settings.SIMULATOR_DELIVERED_MS,
            read_ms=settings.SIMULATOR_READ_MS,
            read_rate=settings.SIMULATOR_READ_RATE,
            failure_rate=settings.SIMULATOR_FAILURE_RATE,
            ban_rate=settings.SIMULATOR_BAN_RATE,
            reply_rate=settings.SIMULATOR_REPLY_RATE,
            reply_text=settings.SIMULATOR_REPLY_TEXT,
            keeps_message_ids=settings.SIMULATOR_KEEPS_MESSAGE_IDS,
            seed=settings.SIMULATOR_SEED,
        )

    def fate_of(self, message: OutgoingMessage, message_id: str) -> Fate:
        """`message_id` is the network's name for the message, which its receipts carry."""
        if message.to.endswith(NOT_ON_WHATSAPP_ENDING):
            return Fate(Outcome.REJECTED, "not_on_whatsapp", "The number is not on WhatsApp.")
        return self._trouble_with(message) or Fate(
            Outcome.ACKNOWLEDGED, events=self._what_follows(message, message_id)
        )

    def _trouble_with(self, message: OutgoingMessage) -> Fate | None:
        if not (self.failure_rate or self.ban_rate):
            return None
        ban, failure = self._draws(message.to, message.text, str(message.attempt), number=2)
        if ban < self.ban_rate:
            return Fate(Outcome.TRY_AGAIN, "banned", "WhatsApp has banned the sender.", bans=True)
        if failure < self.failure_rate * LASTING_SHARE:
            return Fate(Outcome.REJECTED, "refused", "The simulated network refused the message.")
        if failure < self.failure_rate:
            return Fate(Outcome.TRY_AGAIN, "network_error", "The simulated network lost the message.")
        return None

    def _what_follows(self, message: OutgoingMessage, message_id: str) -> tuple[tuple[int, str], ...]:
        delivering, opening, opens, answers, answering = self._draws(message.to, message.text, number=5)
        delivered = self.ack_ms + _around(self.delivered_ms, delivering)
        events = [(delivered, f"delivered {message_id}")]
        if message.kind == Kind.REACTION:  # nobody opens one
            return tuple(events)
        replies = answers < self.reply_rate
        if replies or opens < self.read_rate:
            read = delivered + _around(self.read_ms, opening)
            events.append((read, f"read {message_id}"))
            if replies and message.to:
                reply = inbound_event(message.to, f"{message_id}-REPLY", self.reply_text)
                events.append((read + _around(self.read_ms, answering), reply))
        return tuple(events)

    def _draws(self, *key: str, number: int) -> tuple[float, ...]:
        """`number` independent figures in [0, 1) that depend on the seed and the key alone."""
        digest = blake2b("\n".join((str(self.seed), *key)).encode(), digest_size=8 * number).digest()
        return tuple(draw / 2**64 for draw in struct.unpack(f"<{number}Q", digest))


def _around(milliseconds: int, draw: float) -> int:
    """From half to one and a half times the usual delay."""
    return round(milliseconds * (0.5 + draw))
