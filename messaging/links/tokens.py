"""Addresses of short links: they name a message and one of its batch's links, and prove with a keyed hash that we wrote
them. So there is no row a recipient, nobody can make an address that leads anywhere, and none can be guessed.

A token is the base-62 number `message id * 256 + number of the link`, and eight digits of a hash of it (48 bits).
"""

import hashlib
import hmac
import re
from functools import cache
from typing import NamedTuple

from django.conf import settings

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MOST_LINKS = 255  # of a batch
_HASH_DIGITS = 8
_VALUES = {digit: value for value, digit in enumerate(DIGITS)}
# Phones take signs that stand behind an address for a part of it, or not: a full stop, the mark of bold letters.
_TOKEN = re.compile(r"([0-9A-Za-z]{9,24})[^0-9A-Za-z]*")


class Named(NamedTuple):
    """What a token names."""

    message_id: int
    number: int


def write(message_id: int, number: int) -> str:
    named = _base62(message_id << 8 | number)
    return named + _hashed(named, settings.SECRET_KEY)


def read(token: str) -> Named | None:
    """None for what we did not write."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    named, given = found[1][:-_HASH_DIGITS], found[1][-_HASH_DIGITS:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(given, _hashed(named, key)) for key in keys):
        return None
    value = 0
    for digit in named:
        value = value * 62 + _VALUES[digit]
    return Named(value >> 8, value & 0xFF)


def _hashed(named: str, key: str) -> str:
    digest = hmac.digest(_derived(key), named.encode(), "sha256")
    return _base62(int.from_bytes(digest[:8], "big") % 62**_HASH_DIGITS).rjust(_HASH_DIGITS, "0")


@cache
def _derived(key: str) -> bytes:
    return hashlib.sha256(b"messaging.links\0" + key.encode()).digest()


def _base62(value: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, 62)
        digits = DIGITS[digit] + digits
    return digits or "0"
