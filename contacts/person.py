"""Everything about one person, wherever it stands: each layer says what it holds, once, and two things are done with it:
the person is exported, or erased.

Layers above contacts register theirs from `AppConfig.ready`. What a part finds it finds by number, LID and contact.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.db.models import Q

from contacts.models import Contact, OtherNumber


@dataclass(frozen=True)
class Person:
    """One person of an organization, by every name that is known. `names` are what the contacts are called."""

    organization_id: int
    contact_ids: frozenset[int] = frozenset()
    phone_numbers: frozenset[str] = frozenset()  # E.164
    lids: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def digits(self) -> list[str]:
        """What numbers and LIDs have in common with addresses such as 62812…@s.whatsapp.net."""
        return sorted({number.removeprefix("+") for number in self.phone_numbers} | self.lids)


@dataclass
class Erased:
    """What a part removed: `rows` that it found, and the names in the storage of `files` that they had."""

    rows: int = 0
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """Rows for an export, as dictionaries that JSON can hold. `title` is for people."""

    name: str
    title: str
    rows: Iterable[dict[str, Any]]


@dataclass(frozen=True)
class StoredFile:
    """A file of the person: its name in the storage, and under which name it is exported."""

    stored_as: str
    file_name: str


class Release(StrEnum):
    """What may become of a stored file whose person was erased."""

    REMOVE = "remove"
    KEEP = "keep"  # somebody else has it as well
    LATER = "later"  # it is not sure yet


def _no_names(person: Person) -> tuple[set[str], set[str]]:
    return set(), set()


def _nothing_under_way(person: Person) -> str:
    return ""


def _release_all(person: Person, names: Sequence[str]) -> dict[str, Release]:
    return {}


def _no_tables(person: Person) -> Iterable[Table]:
    return ()


def _no_files(person: Person) -> Iterable[StoredFile]:
    return ()


@dataclass(frozen=True)
class Part:
    """What one layer holds of a person. All run in the caller's transaction.

    `release` says what may become of files that `erase` named, and nothing of those that may go in any case. `names`
    gives further numbers and LIDs of theirs. `stop` ends what is under way, as far as it can be ended, and says
    what must be waited for, or nothing. `erase` removes everything, and nothing the second time.
    """

    name: str
    erase: Callable[[Person], Erased]
    names: Callable[[Person], tuple[set[str], set[str]]] = _no_names
    stop: Callable[[Person], str] = _nothing_under_way
    release: Callable[[Person, Sequence[str]], dict[str, Release]] = _release_all
    tables: Callable[[Person], Iterable[Table]] = _no_tables
    files: Callable[[Person], Iterable[StoredFile]] = _no_files


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    _parts[part.name] = part


def parts() -> Iterator[Part]:
    """From the lowest layer to the highest."""
    return iter(_parts.values())


def whole(person: Person) -> Person:
    """The same person with all contacts, numbers and LIDs that belong to what is known already."""
    while True:
        known = _with_contacts(person)
        for part in parts():
            numbers, lids = part.names(known)
            known = replace(known, phone_numbers=known.phone_numbers | numbers, lids=known.lids | lids)
        if known == person:
            return known
        person = known


def _with_contacts(person: Person) -> Person:
    by_other = OtherNumber.objects.filter(
        Q(phone_number__in=person.phone_numbers - {""}) | Q(lid__in=person.lids - {""}),
        organization_id=person.organization_id,
    )
    named = (
        Q(pk__in=person.contact_ids)
        | Q(pk__in=by_other.values("contact_id"))
        | Q(phone_number__in=person.phone_numbers - {""})
        | Q(lid__in=person.lids - {""})
    )
    contacts = list[Contact](Contact.objects.filter(named, organization_id=person.organization_id))
    ids = person.contact_ids | {contact.pk for contact in contacts}
    others = list[OtherNumber](OtherNumber.objects.filter(organization_id=person.organization_id, contact_id__in=ids))
    return Person(
        organization_id=person.organization_id,
        contact_ids=ids,
        phone_numbers=(
            person.phone_numbers | {row.phone_number for row in contacts} | {row.phone_number for row in others}
        )
        - {""},
        lids=(person.lids | {row.lid for row in contacts} | {row.lid for row in others}) - {""},
        names=(person.names | {contact.name for contact in contacts}) - {""},
    )
