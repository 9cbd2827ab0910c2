"""A contact's timeline: what every part of the product knows of a person, newest first.

Each part registers a source from its `AppConfig.ready`: contacts come below messages and flows, and cannot name them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import Organization
from contacts.models import Contact

A_PAGE = 30
_LAST_ID = 2**63 - 1


@dataclass(frozen=True)
class Whose:
    """A contact with all numbers and LIDs, its own first."""

    organization: Organization
    contact: Contact
    numbers: tuple[str, ...]
    lids: tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """A place in a source's entries: what comes behind it is older, or as old with a smaller id."""

    at: datetime
    id: int


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `template` shows it, with `value` as `value`; `data` is the same for programs."""

    at: datetime
    id: int
    template: str
    value: Any
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """`entries` gives at most as many as asked for, newest first, behind the position if there is one. It needs
    `capability`. Of entries of one moment, those of the source with the lower `order` come first."""

    name: str
    order: int
    capability: str
    entries: Callable[[Whose, Position | None, int], Sequence[Entry]]


@dataclass(frozen=True)
class Page:
    """`rows` are entries with the name of their source; `older` is the cursor of what comes behind them, or empty."""

    rows: list[tuple[str, Entry]]
    older: str


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    _sources[source.name] = source


def whose(contact: Contact) -> Whose:
    others = list(contact.other_numbers.values_list("phone_number", "lid"))
    pairs = [(contact.phone_number, contact.lid), *others]
    numbers = tuple(number for number, _lid in pairs if number)
    return Whose(contact.organization, contact, numbers, tuple(lid for _number, lid in pairs if lid))


def page(whose: Whose, *, capabilities: Collection[str], older_than: str = "", size: int = A_PAGE) -> Page:
    """The next `size` entries of all sources. Raises `ValueError` for a cursor that `Page.older` never gave."""
    cursor = _read(older_than) if older_than else None
    sources = sorted(_sources.values(), key=lambda source: source.order)
    found: list[tuple[datetime, int, int, str, Entry]] = []
    for source in sources:
        if source.capability in capabilities:
            entries = source.entries(whose, _position(source, cursor), size + 1)
            found += [(entry.at, -source.order, entry.id, source.name, entry) for entry in entries]
    found.sort(key=lambda each: each[:3], reverse=True)
    shown = found[:size]
    older = _written(shown[-1][0], -shown[-1][1], shown[-1][2]) if len(found) > size else ""
    return Page([(name, entry) for *_place, name, entry in shown], older)


def _position(source: Source, cursor: tuple[datetime, int, int] | None) -> Position | None:
    """Where a source goes on, when the last entry shown was of `(moment, order of its source, id)`."""
    if cursor is None:
        return None
    at, order, entry_id = cursor
    if source.order == order:
        return Position(at, entry_id)
    return Position(at, 0 if source.order < order else _LAST_ID)


def _written(at: datetime, order: int, entry_id: int) -> str:
    return f"{at.isoformat()}_{order}_{entry_id}"


def _read(cursor: str) -> tuple[datetime, int, int]:
    moment, order, entry_id = cursor.split("_")
    at, number = datetime.fromisoformat(moment), int(entry_id)
    if at.tzinfo is None or not 0 <= number <= _LAST_ID:
        raise ValueError(cursor)
    return at, int(order), number
