"""Reads settings from environment variables and remembers what was wrong with them.

A bad value never ends in a stack trace while Django starts: it is collected here, the default is used
meanwhile, and `whatsapp_automation.checks` reports each one by name, so that every command refuses to run
with a sentence that says which variable to mend.
"""

import base64
import binascii
import math
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from environs import Env, EnvError

T = TypeVar("T")
N = TypeVar("N", int, float)

NEW_FERNET_KEY = "Make a key with: openssl rand -base64 32 | tr '+/' '-_'"


@dataclass(frozen=True)
class Problem:
    """One variable that cannot be used: its name, what is wrong, and how to mend it."""

    name: str
    message: str
    hint: str


class Environment:
    """Typed access to `os.environ` and an optional `.env` file.

    `names` holds every variable that was asked for, so that a test can compare it with `.env.example`.
    """

    def __init__(self, env_file: Path) -> None:
        self._env = Env()
        self._env.read_env(str(env_file), recurse=False)
        self.names: set[str] = set()
        self.problems: list[Problem] = []

    def text(self, name: str, default: str = "") -> str:
        return self._read(name, default, self._env.str, "any text")

    def flag(self, name: str, default: bool) -> bool:
        return self._read(name, default, self._env.bool, "true or false")

    def words(self, name: str, default: list[str]) -> list[str]:
        return [word.strip() for word in self._read(name, default, self._env.list, "words separated by commas")]

    def fernet_keys(self, name: str) -> list[str]:
        """Secret keys of 32 bytes in base64, separated by commas."""
        keys = [word for word in self.words(name, []) if word]
        if not all(_is_fernet_key(key) for key in keys):  # the value is secret: it is not repeated
            self.complain(name, "holds something that is no key of 32 bytes in base64.", NEW_FERNET_KEY)
            return []
        return keys

    def networks(self, name: str, default: list[str]) -> list[str]:
        """Networks such as 10.1.2.0/24, separated by commas."""
        words = [word for word in self.words(name, default) if word]
        try:
            for word in words:
                ip_network(word)
        except ValueError as error:
            self.complain(name, f"holds something that is no network: {error}.", "Write networks such as 10.1.2.0/24.")
            return default
        return words

    def one_of(self, name: str, default: str, allowed: list[str]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            self.complain(name, f"is {value!r}, which is not known here.", f"It must be one of {', '.join(allowed)}.")
            return default
        return value

    def number(self, name: str, default: float, minimum: float = 0, maximum: float = math.inf) -> float:
        value = self._read(name, default, self._env.float, "a number")
        return self._within(name, value, default, minimum, maximum)

    def integer(self, name: str, default: int, minimum: int = 0, maximum: float = math.inf) -> int:
        value = self._read(name, default, self._env.int, "a whole number")
        return self._within(name, value, default, minimum, maximum)

    def rate(self, name: str, default: float) -> float:
        """A share of all cases, from 0 (never) to 1 (always)."""
        return self.number(name, default, 0, 1)

    def time_zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            self.complain(name, f"{value!r} is no time zone.", "Use a name such as Asia/Jakarta or UTC.")
            return default
        return value

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name, default)
        allowed = " or ".join(f"{scheme}://" for scheme in schemes)
        try:
            _ = urlsplit(value).port  # raises ValueError when it is no number
            is_right = not value or value.partition("://")[0] in schemes
        except ValueError:
            is_right = False
        if not is_right:  # the value may hold a password: it is not repeated
            self.complain(name, "is not an address of the right kind.", f"It must look like {allowed}host:port/path.")
            return default
        return value

    def hexadecimal(self, name: str, size: int) -> str:
        """That many bytes as hexadecimal digits, or nothing."""
        value = self.text(name)
        try:
            is_right = not value or len(bytes.fromhex(value)) == size
        except ValueError:
            is_right = False
        if not is_right:
            self.complain(name, "cannot be read.", f"It must be {2 * size} hexadecimal digits.")
            return ""
        return value

    def version(self, name: str) -> list[int]:
        """Three whole numbers with dots between them, or nothing."""
        value = self.text(name)
        parts = value.split(".") if value else []
        if value and not (len(parts) == 3 and all(part.isdecimal() for part in parts)):
            self.complain(name, "cannot be read.", "It must look like 2.3000.1043857760.")
            return []
        return [int(part) for part in parts]

    def folder(self, name: str, default: Path) -> Path:
        """A folder that this program may write to; made if need be."""
        path = Path(self.text(name, str(default))).absolute()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.complain(name, f"cannot be used: {error.strerror}.", "Name a folder that this user may write to.")
            return default
        return path

    def complain(self, name: str, message: str, hint: str) -> None:
        self.problems.append(Problem(name, message, hint))

    def _read(self, name: str, default: T, parse: Callable[..., Any], kind: str) -> T:
        self.names.add(name)
        try:
            return parse(name, default)
        except EnvError:
            self.complain(name, "cannot be read.", f"It must be {kind}.")
            return default

    def _within(self, name: str, value: N, default: N, minimum: N, maximum: float) -> N:
        if not minimum <= value <= maximum:  # also true of "nan"
            limits = f"at least {minimum}" if math.isinf(maximum) else f"between {minimum} and {maximum}"
            self.complain(name, f"is {value}, which cannot work.", f"It must be {limits}.")
            return default
        return value


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False
