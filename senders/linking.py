"""The code that a sender shows while it waits to be linked: a QR code to scan, or a pairing code to type.

It lives in Redis and runs out by itself. Whoever has it can link a phone: it is for those who may manage senders.
"""

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import segno
from django.core.cache import cache
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now

from accounts import live

QUIET_ZONE = 4  # modules of white around the code, as the standard asks
SECONDS_OF_GRACE = 5  # it stays until the next one replaces it, so that a page never blinks


@dataclass(frozen=True, slots=True)
class ShownQrCode:
    """`text` is what the phone reads; after `expires_at` the next code replaces it."""

    text: str
    expires_at: datetime

    @property
    def svg(self) -> SafeString:
        """The code as an SVG document without a size of its own: the page decides on that."""
        picture = io.BytesIO()
        segno.make(self.text, error="m", micro=False).save(
            picture, kind="svg", xmldecl=False, border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True
        )
        return mark_safe(picture.getvalue().decode())  # noqa: S308  it holds nothing but squares

    @property
    def png(self) -> bytes:
        picture = io.BytesIO()
        segno.make(self.text, error="m", micro=False).save(picture, kind="png", scale=8, border=QUIET_ZONE)
        return picture.getvalue()

    @property
    def event(self) -> dict[str, Any]:
        return {"type": "qr", "text": self.text, "svg": str(self.svg), "expires_at": self.expires_at.isoformat()}


@dataclass(frozen=True, slots=True)
class ShownPairingCode:
    """Eight letters and digits. After `expires_at` the next one replaces it, or the sender stops waiting."""

    code: str
    expires_at: datetime

    @property
    def halves(self) -> str:
        """As WhatsApp writes it: ABCD-1234."""
        middle = len(self.code) // 2
        return f"{self.code[:middle]}-{self.code[middle:]}"

    @property
    def event(self) -> dict[str, Any]:
        return {"type": "pairing_code", "code": self.code, "expires_at": self.expires_at.isoformat()}


Shown = ShownQrCode | ShownPairingCode


def show_qr(sender_id: int, text: str, expires_in: float) -> None:
    """Shows a QR code for `expires_in` seconds."""
    _show(sender_id, ShownQrCode(text, _end_of(expires_in)), expires_in)


def show_pairing_code(sender_id: int, code: str, expires_in: float) -> None:
    """Shows a pairing code for `expires_in` seconds."""
    _show(sender_id, ShownPairingCode(code.replace("-", "").upper(), _end_of(expires_in)), expires_in)


def shown(sender_id: int) -> Shown | None:
    """The code that is shown now: there is one at most."""
    return cache.get(_key(sender_id))


def shown_qr(sender_id: int) -> ShownQrCode | None:
    code = shown(sender_id)
    return code if isinstance(code, ShownQrCode) else None


def shown_pairing_code(sender_id: int) -> ShownPairingCode | None:
    code = shown(sender_id)
    return code if isinstance(code, ShownPairingCode) else None


def forget(sender_id: int) -> None:
    cache.delete(_key(sender_id))


def topic(sender_id: int) -> str:
    """The live topic that carries codes. Watching it takes the right to link a phone."""
    return f"linking.{sender_id}"


def _show(sender_id: int, code: Shown, expires_in: float) -> None:
    cache.set(_key(sender_id), code, int(expires_in) + SECONDS_OF_GRACE)
    live.publish(topic(sender_id), code.event)


def _end_of(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)


def _key(sender_id: int) -> str:
    return f"senders:linking:{sender_id}"
