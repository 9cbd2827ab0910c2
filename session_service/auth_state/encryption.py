"""Encrypts the rows of auth state with the keys of `AUTH_STATE_KEYS`: the first encrypts, any of them decrypts.

A row holds a Fernet token without its base64, which saves a quarter, and the mark of the key that made it, so that
rows of an older key are found without trying. Of a text longer than `COMPRESSED_FROM` bytes the token holds the zlib
stream: most then stay out of PostgreSQL's second storage, where a row's new version costs twice as much.
"""

import hashlib
import zlib
from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _

FORMAT = 1  # of a row; a change of what a token holds needs a higher one and a way to read this
COMPRESSED_FROM = 1200
ZLIB_START = b"\x78"  # no JSON text starts with an x


class Unreadable(Exception):
    """Stored auth state cannot be decrypted. The message is for the person who runs the installation."""


class Cipher:
    """Fernet over several keys, newest first."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernets = {mark_of(key): Fernet(key) for key in reversed(keys)}
        self._first = Fernet(keys[0])
        self._any = MultiFernet([Fernet(key) for key in keys])
        self.mark = mark_of(keys[0])

    def encrypt(self, text: str) -> str:
        """The token of a text, in base64 for the way to PostgreSQL."""
        plain = text.encode()
        return self._first.encrypt(zlib.compress(plain, 1) if len(plain) >= COMPRESSED_FROM else plain).decode()

    def decrypt(self, data: bytes, mark: int, version: int) -> str:
        """The text in a row. Raises `Unreadable`."""
        if version != FORMAT:
            raise Unreadable(
                _("Auth state of format %(format)s was written by a newer version of this program. Update it.")
                % {"format": version}
            )
        try:
            plain = self._fernets.get(mark, self._any).decrypt(urlsafe_b64encode(data))
        except InvalidToken as error:
            raise Unreadable(
                _("Auth state is encrypted with a key that is not in AUTH_STATE_KEYS. Add that key again at the end.")
            ) from error
        return (zlib.decompress(plain) if plain.startswith(ZLIB_START) else plain).decode()


def mark_of(key: str) -> int:
    """A number of 31 bits that names a key and does not reveal it."""
    return int.from_bytes(hashlib.sha256(b"auth state key " + key.encode()).digest()[:4], "big") & 0x7FFFFFFF


@cache
def _cipher_of(keys: tuple[str, ...]) -> Cipher:
    return Cipher(keys)


def cipher() -> Cipher:
    return _cipher_of(tuple(settings.AUTH_STATE_KEYS))
