"""Reads settings from environment variables and remembers what was wrong with them.

A bad value never ends in a stack trace while Django starts: it is collected here, the default is used
meanwhile, and `whatsapp_automation.checks` reports each one by name, so that every command refuses to run
with a sentence that says which variable to mend.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from environs import Env, EnvError

T = TypeVar("T")
N = TypeVar("N", int, float)


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

    def number(self, name: str, default: float, minimum: float = 0) -> float:
        value = self._read(name, default, self._env.float, "a number")
        return self._at_least(name, value, default, minimum)

    def integer(self, name: str, default: int, minimum: int = 0) -> int:
        value = self._read(name, default, self._env.int, "a whole number")
        return self._at_least(name, value, default, minimum)

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
        if value and value.partition("://")[0] not in schemes:
            allowed = ", ".join(f"{scheme}://" for scheme in schemes)
            self.complain(name, "is not an address of the right kind.", f"It must start with {allowed}.")
            return default
        return value

    def complain(self, name: str, message: str, hint: str) -> None:
        self.problems.append(Problem(name, message, hint))

    def _read(self, name: str, default: T, parse: Callable[..., Any], kind: str) -> T:
        self.names.add(name)
        try:
            return parse(name, default)
        except EnvError:
            self.complain(name, "cannot be read.", f"It must be {kind}.")
            return default

    def _at_least(self, name: str, value: N, default: N, minimum: N) -> N:
        if value < minimum:
            self.complain(name, f"is {value}, which is too small.", f"The least that works is {minimum}.")
            return default
        return value
