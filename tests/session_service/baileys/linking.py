"""A linked sender in a test: its session, what it reported, and its phone."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from messaging.events import Changed, Event, Inbound
from senders.models import Sender
from session_service.providers.baileys import BaileysProvider
from session_service.providers.baileys.session import BaileysSession
from session_service.providers.base import SenderToOpen
from tests.session_service.listening import Listener, message, until
from tests.whatsapp_emulator.running import RunningEmulator

MakeSender = Callable[[], Sender]
PATIENCE = 20


class Ear(Listener):
    """Also reads the files that came with messages, which are gone afterwards: their contents by path."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    async def record(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Inbound) and event.media and event.media.path:
                self.files[event.media.path] = await asyncio.to_thread(Path(event.media.path).read_bytes)
        await super().record(events)


class Linked:
    def __init__(
        self, provider: BaileysProvider, whatsapp: RunningEmulator, sender_id: int, epoch: int, phone: str
    ) -> None:
        self.provider = provider
        self.whatsapp = whatsapp
        self.sender_id = sender_id
        self.epoch = epoch
        self.phone = phone
        self.heard = Ear()
        self.session: BaileysSession

    async def open(self, *, paired: bool = False) -> None:
        number = self.phone if paired else ""
        sender = SenderToOpen(self.sender_id, self.epoch, "Shop", phone_number="", pairing_number=number)
        self.session = await self.provider.open(sender, self.heard)

    async def scan(self) -> None:
        await until(lambda: self.heard.codes, PATIENCE)
        await self.in_thread(self.whatsapp.scan, qr=self.heard.codes[-1].text, phone=self.phone)
        await self.is_connected()

    async def pair(self) -> None:
        await until(lambda: self.heard.pairing_codes, PATIENCE)
        await self.in_thread(self.whatsapp.pair, code=self.heard.pairing_codes[-1].code, phone=self.phone)
        await self.is_connected()

    async def is_connected(self, times: int = 1) -> None:
        await until(lambda: self.heard.statuses.count("connected") >= times, PATIENCE)

    async def send(self, number: int, person: str, text: str = "Hello", **more: Any) -> None:
        made = message(number, to=person, text=text, whatsapp_id=f"ID{self.sender_id}A{number}", epoch=self.epoch)
        await self.session.send([replace(made, **more)])

    async def has_result(self, number: int) -> tuple[str, str]:
        """Outcome and code."""
        await until(lambda: number in self.heard.outcomes, PATIENCE)
        return self.heard.outcomes[number]

    async def inbox(self, phone: str) -> list[dict[str, Any]]:
        return await self.in_thread(self.whatsapp.lines, phone)

    async def say(self, sender: str, text: str = "", **content: Any) -> str:
        """Somebody writes to this sender. Returns the id."""
        return await self.in_thread(self.whatsapp.say, sender=sender, to=self.phone, text=text, **content)

    async def say_in(self, group: str, sender: str, text: str) -> None:
        """Somebody writes to a group that this sender is in."""
        await self.in_thread(self.whatsapp.post, "/say", {"from": sender, "group": group, "text": text})

    async def hears(self, number: int) -> list[Inbound]:
        await until(lambda: len(self.heard.inbound) >= number, PATIENCE)
        return self.heard.inbound

    @property
    def changes(self) -> list[Changed]:
        return [event for event in self.heard.recorded if isinstance(event, Changed)]

    @staticmethod
    async def pause() -> None:
        await asyncio.sleep(0.05)

    async def close(self) -> None:
        await self.session.close()

    @staticmethod
    async def in_thread(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(call, *arguments, **named)
