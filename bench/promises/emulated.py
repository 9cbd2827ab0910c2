"""The emulated WhatsApp in a run: started before Django is set up, and senders linked to it by scanning."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.whatsapp_emulator.running import RunningEmulator

PHONE = "+62811{:07}"  # of the sender with this number
PHONES_AT_ONCE = 4
AGAIN_AFTER = 5.0  # seconds; a code that was scanned and led nowhere is scanned again


@contextmanager
def emulated_whatsapp(data_dir: Path) -> Iterator["RunningEmulator"]:
    """An emulator until the end of the block, which this process's children use."""
    from tests.whatsapp_emulator.running import RunningEmulator

    folder = data_dir / "whatsapp"
    folder.mkdir()
    emulator = RunningEmulator.started(folder)
    os.environ |= emulator.environment()
    try:
        yield emulator
    finally:
        emulator.stop()


class Scanner:
    """Scans, with a phone for each sender, whatever code is shown."""

    def __init__(self, emulator: "RunningEmulator") -> None:
        self.scanned = 0
        self._emulator = emulator
        self._last: dict[int, float] = {}

    def scan(self) -> None:
        """One round over all senders that show a code."""
        from senders import linking
        from senders.models import Sender, SenderStatus

        codes = []
        for sender_id in Sender.objects.filter(status=SenderStatus.SCAN).values_list("pk", flat=True):
            shown = linking.shown(sender_id)
            if isinstance(shown, linking.ShownQrCode) and time.monotonic() > self._last.get(sender_id, 0.0):
                codes.append((sender_id, shown.text))
        with ThreadPoolExecutor(PHONES_AT_ONCE) as phones:
            list(phones.map(lambda code: self._scan(*code), codes))

    def _scan(self, sender_id: int, text: str) -> None:
        from session_service.emulator import EmulatorError

        try:
            self._emulator.scan(qr=text, phone=PHONE.format(sender_id))
        except EmulatorError:
            return  # the code has just been replaced
        self.scanned += 1
        self._last[sender_id] = time.monotonic() + AGAIN_AFTER


def deliveries(emulator: "RunningEmulator") -> Iterator[dict[str, Any]]:
    """What phones decrypted, in the form of the simulated network's record."""
    for line in emulator.inbox():
        one = {"to": line["phone"], "from": line["from"], "text": line["text"], "at": line["at"]}
        yield {**one, "duplicate": False}
        for _ in range(line["repeats"]):
            yield {**one, "duplicate": True}
