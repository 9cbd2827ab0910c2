"""The emulated WhatsApp that `WHATSAPP_EMULATOR=1 make run` starts, as the commands and the tests talk to it.

It is a program of its own (`tests/whatsapp_emulator`), which leaves `ready.json` with its addresses in its folder below
`DATA_DIR`. Phone numbers are E.164 with a plus.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from django.conf import settings

TIMEOUT = 20.0  # linking waits for the client's answer


class EmulatorError(Exception):
    """The emulator refused, or does not run; the text is for the person who asked."""


def folder() -> Path:
    """Where the emulator of this data folder keeps its state."""
    return Path(settings.DATA_DIR) / "whatsapp_emulator"


@dataclass(frozen=True)
class Emulator:
    """One running emulator. `root_key` is hex; `ca_file` is what a client of its media host must trust."""

    websocket_url: str
    admin_url: str
    root_key: str
    ca_file: str
    pid: int

    @classmethod
    def from_ready(cls, ready: dict[str, Any]) -> Self:
        """From what the program says when it is ready."""
        return cls(**{name: ready[name] for name in cls.__dataclass_fields__})

    @property
    def port(self) -> int:
        """Where clients and these calls are answered."""
        return urllib.parse.urlsplit(self.admin_url).port or 0

    @classmethod
    def of_this_product(cls) -> Self:
        """The one that runs beside this product; raises `EmulatorError` when there is none."""
        try:
            emulator = cls.from_ready(json.loads((folder() / "ready.json").read_text()))
            emulator.get("/behaviour")
        except (FileNotFoundError, ValueError, EmulatorError) as error:
            raise EmulatorError(
                "The emulated WhatsApp is not running. Start the product with: WHATSAPP_EMULATOR=1 make run"
            ) from error
        return emulator

    def scan(self, *, qr: str, phone: str) -> dict[str, Any]:
        """The phone scans a QR code. Returns `phone`, `device`, `jid` and `lid` of the new companion."""
        return self.post("/scan", {"qr": qr, "phone": phone})

    def pair(self, *, code: str, phone: str) -> dict[str, Any]:
        """A person types the pairing code that a sender shows into the phone."""
        return self.post("/pair", {"code": code, "phone": phone})

    def say(self, *, sender: str, to: str, text: str = "", **content: Any) -> str:
        """The phone `sender` writes to the companions of `to`; `content` as in the emulator's README. Returns the id."""
        return self.post("/say", {"from": sender, "to": to, "text": text, **content})["message_id"]

    def inbox(self, phone: str = "", after: str = "") -> Iterator[dict[str, Any]]:
        """What phones decrypted, oldest first; `after` is the `seq` of the last line that is known."""
        query = urllib.parse.urlencode({name: value for name, value in (("phone", phone), ("after", after)) if value})
        with self._open("GET", f"/inbox?{query}") as lines:
            for line in lines:
                yield json.loads(line)

    def get(self, path: str) -> Any:
        with self._open("GET", path) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        with self._open("POST", path, json.dumps(body).encode()) as answer:
            return json.load(answer)

    def delete(self, path: str) -> Any:
        with self._open("DELETE", path) as answer:
            return json.load(answer)

    def _open(self, method: str, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self.admin_url + path, body, method=method)  # noqa: S310  always http
        try:
            return urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
        except urllib.error.HTTPError as error:
            with error:
                raise EmulatorError(json.load(error)["error"]) from error
        except OSError as error:
            raise EmulatorError(f"The emulated WhatsApp does not answer at {self.admin_url}: {error}") from error
