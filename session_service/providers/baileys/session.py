"""One sender's connection, through however many tries it takes. What follows from what is in the tables beside this."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.timezone import now
from django.utils.translation import gettext as _

from contacts.phone_variants import canonical
from messaging.events import Outcome, SendResult
from senders.models import SenderStatus
from session_service.providers.baileys import disconnects, verdicts, wire
from session_service.providers.baileys.bridge import Bridge, Gone, Line, Refused
from session_service.providers.baileys.disconnects import Action, Backoff, Disconnect
from session_service.providers.base import (
    Events,
    GroupInfo,
    GroupMember,
    NotPossible,
    NumberInfo,
    OutgoingMessage,
    PairingCode,
    QrCode,
    SenderToOpen,
    SessionState,
)

if TYPE_CHECKING:
    from session_service.providers.baileys.provider import BaileysProvider

log = logging.getLogger(__name__)

ROUNDS_OF_CODES = 5  # of some minutes each; nobody is looking at the code after that
SECONDS_TO_CLOSE = 3.0
SECONDS_FOR_LIMIT = 5.0


class BaileysSession:
    """`number` names the present connection in the conversation with its bridge: each try has a new one, so what an
    earlier connection still says is not taken for this one's."""

    def __init__(self, provider: "BaileysProvider", sender: SenderToOpen, events: Events) -> None:
        self.sender = sender
        self.events = events
        self.number = 0
        self._provider = provider
        self._bridge: Bridge | None = None
        self._backoff = Backoff()
        self._connected = False
        self._linked = False
        self._was_connected = False
        self._shows_code = False
        self._rounds_of_codes = 0
        self._restarted = False
        self._held_until: datetime | None = None
        self._refusal = ""  # why it takes no messages any more
        self._in_flight: dict[str, OutgoingMessage] = {}  # by WhatsApp id
        self._news: asyncio.Queue[Line] = asyncio.Queue()
        self._life = asyncio.create_task(self._live())
        self._tasks: set[asyncio.Task[None]] = set()

    # -- Life --

    async def _live(self) -> None:
        """Connects, and does what the bridge's news ask for, until it is the end or `close`."""
        await self._report(SenderStatus.CONNECTING)
        await self._connect()
        while not self._refusal:
            line = await self._news.get()
            try:
                await self._obey(line)
            except Exception:
                log.exception("sender %s: %s was not done", self.sender.id, line["event"])
                if line["event"] == "closed":  # then nothing would connect it again
                    await asyncio.sleep(disconnects.FIRST_DELAY)
                    self.hear(line)

    async def _connect(self) -> None:
        """One try. Whatever keeps it from being made counts as a lost connection."""
        try:
            creds = await self._provider.auth_state.load(self.sender.id, self.sender.epoch)
            self._linked = creds is not None
            self._shows_code = False
            self._bridge, self.number = await self._provider.place(self)
            await self._bridge.ask(
                "open",
                session=self.number,
                sender=self.sender.id,
                creds=creds,
                pairing_number=self.sender.pairing_number,
            )
        except Exception as error:  # noqa: BLE001  the database away, the process not to be started, …
            log.warning("sender %s could not be opened: %s", self.sender.id, error)
            self.hear({"event": "closed", "code": disconnects.BRIDGE_LOST, "text": str(error)})

    def hear(self, line: Line) -> None:
        """News of the present connection. Answers to messages are passed on at once, the rest in its turn."""
        match line["event"]:
            case "ack":
                self._answered(line["id"], line["error"], verdicts.of_ack(line["error"]))
            case "unsent":
                self._answered(line["id"], line["code"], verdicts.of_failure(line["code"], line["text"]))
            case "keys":
                self._provider.auth_state.set_keys(self.sender.id, self.sender.epoch, line["keys"])
            case "known_as":
                self._start(self._provider.remember_form(self.sender.id, line["number"], line["known"]))
            case "trouble":
                log.warning("the session of sender %s: %s", self.sender.id, line["text"])
            case "closed":
                self._connected = False
                self._lose_messages()
                self._news.put_nowait(line)
            case _:
                self._news.put_nowait(line)

    def lose_bridge(self) -> None:
        self.hear({"event": "closed", "code": disconnects.BRIDGE_LOST, "text": "the bridge process ended"})

    async def _obey(self, line: Line) -> None:
        match line["event"]:
            case "qr":
                await self._show_status_of_code()
                await self.events.qr(QrCode(self.sender.id, line["text"], line["expires_in"]))
            case "pairing_code":
                await self._show_status_of_code()
                await self.events.pairing_code(PairingCode(self.sender.id, line["code"], line["expires_in"]))
            case "creds":
                self._linked = True
                await self._provider.auth_state.save_credentials(self.sender.id, self.sender.epoch, line["creds"])
            case "open":
                await self._opened(line)
            case "limit":
                self._note_limit(line)
            case "closed":
                await self._closed(line["code"], line["text"])

    async def _show_status_of_code(self) -> None:
        if not self._shows_code:
            self._shows_code = True
            await self._report(SenderStatus.SCAN)

    async def _opened(self, line: Line) -> None:
        self._backoff.opened()
        self._connected = self._was_connected = self._linked = True
        self._restarted = False
        self._rounds_of_codes = 0
        await self._report(SenderStatus.CONNECTED, phone_number=canonical(line["number"]))

    # -- Disconnects --

    async def _closed(self, code: int, text: str) -> None:
        self._provider.leave(self)
        self._bridge = None
        log.info("sender %s was disconnected: %s %s", self.sender.id, code, text)
        disconnect = self._follows_from(code)
        if disconnect.action is Action.END:
            await self._end(disconnect)
        elif disconnect.action is Action.CONNECT_AT_ONCE:
            await self._connect()
        else:
            await self._back_off(_reason(code, text))

    def _follows_from(self, code: int) -> Disconnect:
        if code == disconnects.TIMED_OUT and self._shows_code and not self._linked:
            self._rounds_of_codes += 1
            if self._rounds_of_codes >= ROUNDS_OF_CODES:
                return disconnects.NOBODY_SCANNED
            return disconnects.BY_CODE[disconnects.RESTART]
        disconnect = disconnects.BY_CODE.get(code, disconnects.BACK_OFF)
        if disconnect.action is Action.CONNECT_AT_ONCE:
            if self._restarted:  # asked for a second time without a connection in between
                return disconnects.BACK_OFF
            self._restarted = True
        return disconnect

    async def _back_off(self, reason: str) -> None:
        delay = self._backoff.next_delay()
        if delay is None:
            await self._end(replace(disconnects.GAVE_UP, detail=f"{disconnects.GAVE_UP.detail} ({reason})"))
            return
        if self._was_connected:
            detail = _("The connection to WhatsApp was lost (%(reason)s).") % {"reason": reason}
        else:
            detail = _("WhatsApp could not be reached (%(reason)s).") % {"reason": reason}
        await self._report(SenderStatus.RECONNECTING, detail, next_try_at=now() + timedelta(seconds=delay))
        await asyncio.sleep(delay)
        await self._connect()

    async def _end(self, disconnect: Disconnect) -> None:
        self._refusal = str(disconnect.status)
        if disconnect.wipes:
            await self._provider.auth_state.wipe(self.sender.id, self.sender.epoch)
        await self._report(disconnect.status, str(disconnect.detail))

    async def _report(
        self,
        status: SenderStatus,
        detail: str = "",
        *,
        phone_number: str = "",
        next_try_at: datetime | None = None,
    ) -> None:
        await self.events.state(
            SessionState(self.sender.id, self.sender.epoch, status, detail, phone_number, next_try_at)
        )

    async def log_out(self) -> None:
        """Unlinks this device from the phone; then the state `logged_out` is reported."""
        await self._ask("log_out")

    async def close(self) -> None:
        """Returns when the connection is closed: only then may another worker open it. Raises `Gone` where nobody knows
        whether it is."""
        self._refusal = self._refusal or "closed"
        self._connected = False
        self._life.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._life, *self._tasks, return_exceptions=True)
        try:
            if self._bridge is not None and self._bridge.alive:
                await self._bridge.ask("close", seconds=SECONDS_TO_CLOSE, session=self.number)
        except Gone:
            if self._bridge is not None and self._bridge.alive:
                raise  # it may still be open: its lease must run out, and is not given up
        finally:
            self._provider.leave(self)

    # -- Messages --

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        if not self._connected or self._bridge is None:
            self._provider.report(self.events, [self._unsent(message) for message in messages])
            return
        self._in_flight.update({message.whatsapp_id: message for message in messages})
        first = [message for message in messages if message.attempt == 1]
        again = [message for message in messages if message.attempt > 1]
        self._hand_over(first)
        if again:
            self._start(self._repeat(again, self._bridge, self.number))

    def _hand_over(self, messages: Sequence[OutgoingMessage]) -> None:
        if messages and self._bridge is not None:
            lines = [wire.outgoing(message) for message in messages]
            self._bridge.tell({"do": "send", "session": self.number, "messages": lines})

    async def _repeat(self, messages: list[OutgoingMessage], bridge: Bridge, number: int) -> None:
        """Hands over again, under the same ids, what the server has not acknowledged to this bridge before."""
        ids = [message.whatsapp_id for message in messages]
        try:
            known = set(await bridge.ask("acknowledged", session=number, ids=ids))
        except (Gone, Refused):
            return  # the connection is lost with its bridge, and these messages with it
        for whatsapp_id in known:
            self._answered(whatsapp_id, "", verdicts.ACKNOWLEDGED)
        if self.number == number:
            self._hand_over([message for message in messages if message.whatsapp_id in self._in_flight])

    def _answered(self, whatsapp_id: str, code: str, verdict: verdicts.Verdict) -> None:
        message = self._in_flight.pop(whatsapp_id, None)
        if message is None:
            return  # of an earlier connection, or Baileys' own
        if verdict.outcome is Outcome.HELD:
            self._start(self._hold(message, code, verdict))
        else:
            self._provider.report(self.events, [_result(message, verdict, code)])

    async def _hold(self, message: OutgoingMessage, code: str, verdict: verdicts.Verdict) -> None:
        """Tells until when WhatsApp limits the sender, where WhatsApp says so."""
        if (self._held_until is None or self._held_until <= now()) and self._bridge is not None:
            with suppress(Gone, Refused):
                self._note_limit(await self._bridge.ask("limit", seconds=SECONDS_FOR_LIMIT, session=self.number))
        self._provider.report(self.events, [_result(message, verdict, code, held_until=self._held_until)])

    def _note_limit(self, line: Line) -> None:
        has_end = line["active"] and line["until"]
        self._held_until = datetime.fromtimestamp(line["until"], UTC) if has_end else None

    def _lose_messages(self) -> None:
        """What was handed over and not acknowledged may have left: it may be repeated under the same id."""
        lost = list(self._in_flight.values())
        self._in_flight.clear()
        if lost:
            verdict = verdicts.BY_REASON["428"]
            self._provider.report(self.events, [_result(message, verdict, "connection_lost") for message in lost])

    def _unsent(self, message: OutgoingMessage) -> SendResult:
        return SendResult(message.id, message.epoch, Outcome.CLOSED, self._refusal or "closed", _("Not connected."))

    async def typing(self, to: str, seconds: float) -> None:
        if self._connected and self._bridge is not None:
            to_whom = wire.recipient(number=to)
            self._bridge.tell({"do": "typing", "session": self.number, "to": to_whom, "seconds": seconds})

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- Questions --

    async def check_numbers(self, numbers: Sequence[str]) -> dict[str, NumberInfo]:
        return wire.numbers(
            await self._ask("check_numbers", numbers=[wire.recipient(number=number) for number in numbers])
        )

    async def groups(self) -> list[GroupInfo]:
        return [wire.group(line) for line in await self._ask("groups")]

    async def create_group(self, subject: str, numbers: Sequence[str]) -> GroupInfo:
        members = [wire.recipient(number=number) for number in numbers]
        return wire.group(await self._ask("create_group", subject=subject, members=members))

    async def group_members(self, group: str) -> list[GroupMember]:
        return list(wire.group(await self._ask("group_members", group=group)).members)

    async def _ask(self, order: str, **parameters: Any) -> Any:
        if not self._connected or self._bridge is None:
            raise NotPossible(_("The sender is not connected."))
        try:
            return await self._bridge.ask(order, session=self.number, **parameters)
        except Refused as error:
            raise NotPossible(_("WhatsApp refused: %(reason)s") % {"reason": error}) from error
        except Gone as error:
            raise NotPossible(_("WhatsApp did not answer. Try again.")) from error


def _reason(code: int, text: str) -> str:
    """Why a connection ended, in a few words: WhatsApp's code, or what is wrong with our own process."""
    if code == disconnects.BRIDGE_LOST:
        return text
    return str(disconnects.REASONS.get(code, code))


def _result(
    message: OutgoingMessage, verdict: verdicts.Verdict, code: str, *, held_until: datetime | None = None
) -> SendResult:
    return SendResult(message.id, message.epoch, verdict.outcome, code, str(verdict.detail), held_until=held_until)
