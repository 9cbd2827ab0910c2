"""Carries messages of all sessions of a provider into the network, and the answers back."""

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from messaging.events import Outcome, SendResult
from session_service.providers.base import Events, OutgoingMessage
from session_service.providers.simulated.behaviour import Behaviour
from session_service.providers.simulated.connection import Connection

if TYPE_CHECKING:
    from session_service.providers.simulated.provider import SimulatedSession

MESSAGES_A_ROUND_TRIP = 1000
SECONDS_FOR_ANSWERS = 2  # when the provider is closed
MESSAGES_A_STEP = 500  # Lua takes some thousand values at once; a message brings up to three events

REFUSALS = {
    "replaced": "The session was opened elsewhere.",
    "banned": "WhatsApp has banned the sender.",
    "logged_out": "The phone unlinked the sender.",
    "not_linked": "No phone is linked yet.",
    "closed": "The session is closed.",
}

log = logging.getLogger(__name__)

Entry = tuple["SimulatedSession", OutgoingMessage]
Answers = list[tuple["SimulatedSession", SendResult]]


class Outbox:
    """Two loops: one hands over whatever waits in one round trip, the other reports when the network acknowledges."""

    def __init__(self, connection: Connection, behaviour: Behaviour) -> None:
        self._connection = connection
        self._behaviour = behaviour
        self._waiting: deque[Entry] = deque()
        self._answers: deque[tuple[float, Answers]] = deque()  # by the loop's time at which they come in
        self._something_waits = asyncio.Event()
        self._something_answered = asyncio.Event()
        self._unanswered = 0
        self._all_answered = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._hand_over()), asyncio.create_task(self._report())]

    def put(self, session: "SimulatedSession", messages: Sequence[OutgoingMessage]) -> None:
        self._unanswered += len(messages)
        self._waiting.extend((session, message) for message in messages)
        self._something_waits.set()

    async def wait_for_answers(self) -> None:
        """Returns when every message has its result, or after `SECONDS_FOR_ANSWERS`: what is left is in doubt then."""
        if self._unanswered:
            self._all_answered.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_answered.wait(), SECONDS_FOR_ANSWERS)

    async def close(self) -> None:
        self._closed = True  # redis-py can swallow a cancellation that comes while it reads
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hand_over(self) -> None:
        while not self._closed:
            await self._something_waits.wait()
            self._something_waits.clear()
            while self._waiting:
                number = min(len(self._waiting), MESSAGES_A_ROUND_TRIP)
                entries = [self._waiting.popleft() for _ in range(number)]
                answers = await self._send(entries)
                self._answers.append((self._now() + self._behaviour.ack_ms / 1000, answers))
                self._something_answered.set()

    async def _send(self, entries: list[Entry]) -> Answers:
        """Hands messages over, each session's in their order, and returns what the network will say of them."""
        by_session: dict[SimulatedSession, list[OutgoingMessage]] = {}
        for session, message in entries:
            by_session.setdefault(session, []).append(message)
        refused = [session for session in by_session if session.refusal]
        answers = [(s, _refused(message, s.refusal)) for s in refused for message in by_session.pop(s)]
        steps = [
            Step(session, messages[start : start + MESSAGES_A_STEP], self._behaviour)
            for session, messages in by_session.items()
            for start in range(0, len(messages), MESSAGES_A_STEP)
        ]
        if not steps:
            return answers
        try:
            await self._connection.reach()
        except (RedisError, OSError) as error:
            return answers + [(step.session, result) for step in steps for result in step.unreachable(error)]
        try:
            verdicts = await self._connection.call_all([("send", step.arguments) for step in steps])
        except (RedisError, OSError) as error:
            verdicts = [error] * len(steps)
        for step, verdict in zip(steps, verdicts, strict=True):
            answers.extend((step.session, result) for result in step.results_after(verdict))
        return answers

    async def _report(self) -> None:
        while not self._closed:
            await self._something_answered.wait()
            self._something_answered.clear()
            while self._answers:
                await asyncio.sleep(max(0.0, self._answers[0][0] - self._now()))
                due: Answers = []
                while self._answers and self._answers[0][0] <= self._now():
                    due += self._answers.popleft()[1]
                await self._tell(due)

    async def _tell(self, answers: Answers) -> None:
        by_events: dict[Events, list[SendResult]] = {}
        for session, result in answers:
            by_events.setdefault(session.events, []).append(result)
        for events, results in by_events.items():
            try:
                await events.results(results)
            except Exception:  # what the listener did must not stop the answers of all others
                log.exception("%d results were not taken", len(results))
        self._unanswered -= len(answers)
        if not self._unanswered:
            self._all_answered.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class Step:
    """Consecutive messages of one session: what `send.lua` is told, and what the messages come to."""

    def __init__(self, session: "SimulatedSession", messages: Sequence[OutgoingMessage], behaviour: Behaviour) -> None:
        self.session = session
        self._keeps_ids = behaviour.keeps_message_ids
        self._results: list[SendResult] = []
        self._arrivals: list[str | int] = []
        self._moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        banned = False
        for message in messages:
            if banned:
                self._results.append(_refused(message, "banned"))
            else:
                banned = self._add(message, behaviour)
        self.arguments: list[str | int] = [
            session.sender_id,
            session.provider_name,
            session.epoch,
            int(banned),
            *self._arrivals,
        ]

    def _add(self, message: OutgoingMessage, behaviour: Behaviour) -> bool:
        """Returns whether the network bans the sender at this message."""
        message_id = message.whatsapp_id if self._keeps_ids else f"SIM{secrets.token_hex(10).upper()}"
        fate = behaviour.fate_of(message, message_id)
        result = SendResult(message.id, message.epoch, fate.outcome, fate.code, fate.detail)
        if fate.outcome is Outcome.ACKNOWLEDGED:
            if not self._keeps_ids:
                result = replace(result, whatsapp_id=message_id)
            known_as = message_id if self._keeps_ids else ""
            self._arrivals += [recipient_of(message), known_as, self._arrival(message, message_id), len(fate.events)]
            self._arrivals += [part for event in fate.events for part in event]
        self._results.append(result)
        return fate.bans

    def _arrival(self, message: OutgoingMessage, message_id: str) -> str:
        """The record of an arrival as JSON without its end: `send.lua` adds which attempt it was."""
        arrival: dict[str, Any] = {
            "to": recipient_of(message),
            "from": self.session.phone_number,
            "message_id": message_id,
            "text": message.text,
            "at": self._moment,
        }
        if message.kind != "text" or message.content:
            content = dict(message.content)
            arrival |= {"kind": message.kind, "media": content.pop("media", None), "content": content}
        if message.group:
            arrival["group"] = message.group
        if not self._keeps_ids:
            arrival["client_reference"] = message.whatsapp_id
        return json.dumps(arrival, ensure_ascii=False)[:-1]

    def results_after(self, verdict: str | Exception) -> list[SendResult]:
        """What the messages came to, given the network's answer to the step or the error instead of it."""
        if verdict == "ok":
            return self._results
        if isinstance(verdict, str):
            return [_refused(result, verdict) for result in self._results]
        return self.unreachable(verdict) if self._keeps_ids else self._without_answer(verdict, Outcome.UNCERTAIN)

    def unreachable(self, error: Exception) -> list[SendResult]:
        """The messages did not leave, or may be repeated all the same."""
        return self._without_answer(error, Outcome.UNREACHABLE)

    def _without_answer(self, error: Exception, outcome: Outcome) -> list[SendResult]:
        log.warning("The simulated network did not answer for sender %s: %s", self.session.sender_id, error)
        return [
            SendResult(result.message_id, result.epoch, outcome, "no_answer", "The network did not answer.")
            for result in self._results
        ]


def recipient_of(message: OutgoingMessage) -> str:
    """The group, the number, or the LID of a person whose number is not known."""
    return message.group or message.to or f"{message.lid}@lid"


def _refused(message: OutgoingMessage | SendResult, code: str) -> SendResult:
    """The message did not leave, and may leave through a session that is open."""
    message_id = message.id if isinstance(message, OutgoingMessage) else message.message_id
    return SendResult(message_id, message.epoch, Outcome.CLOSED, code, REFUSALS[code])
