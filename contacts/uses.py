"""What keeps a contact that nobody would miss otherwise: the parts of the product that have something about a person.

Rows that point at a contact are found by themselves. Parts that know people by their number, such as messages, say so
in their `AppConfig.ready`: contacts come below them and cannot name them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from contacts.models import Contact


@dataclass(frozen=True, slots=True)
class Use:
    """`condition` is SQL about the row `contact` of contacts_contact; `words` finish “12 people stay: …”."""

    name: str
    words: Callable[[], str]
    condition: str


_by_number: dict[str, Use] = {}


def register(use: Use) -> None:
    _by_number[use.name] = use


def registered() -> list[Use]:
    return list(_by_number.values())


def pointing_at_contacts(*, besides: frozenset[str]) -> list[str]:
    """SQL conditions, true of a `contact` that rows of other tables than these point at."""
    conditions = []
    for relation in Contact._meta.related_objects:
        table = relation.related_model._meta.db_table
        if relation.many_to_many or table in besides:
            continue
        column = relation.field.column
        conditions.append(f'EXISTS (SELECT FROM "{table}" AS used WHERE used."{column}" = contact.id)')
    return conditions
