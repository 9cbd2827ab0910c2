"""The QR code that a sender shows while it waits to be linked. It lives in Redis and runs out by itself."""

import io
from dataclasses import dataclass
from datetime import datetime, timedelta

import segno
from django.core.cache import cache
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now

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


def store(sender_id: int, text: str, expires_in: float) -> None:
    """Shows a code for `expires_in` seconds."""
    code = ShownQrCode(text, now() + timedelta(seconds=expires_in))
    cache.set(_key(sender_id), code, int(expires_in) + SECONDS_OF_GRACE)


def fetch(sender_id: int) -> ShownQrCode | None:
    return cache.get(_key(sender_id))


def forget(sender_id: int) -> None:
    cache.delete(_key(sender_id))


def _key(sender_id: int) -> str:
    return f"senders:qr:{sender_id}"
