"""Takes a person out of what belongs to others: JSON and texts that mention a number, a LID, or an address made of it."""

import json
import re
from collections.abc import Sequence
from typing import Any

from django.db import connection, models

from contacts.person import Person

REMOVED = "•••"
AUTHOR, KEPT_OF_A_QUOTE = "author", ("whatsapp_id", "from_me", "to", "emoji")
_AN_ENTRY_OF = ("phone_number", "lid", "phone", "number", "jid")


class Scrubber:
    """Knows what of a value is about the person. `names` are removed where they are the whole of a text, and only if
    asked for: a name alone is not one person's."""

    def __init__(self, person: Person, *, with_names: bool = False) -> None:
        self.person = person
        self._digits = re.compile("|".join(rf"\+?(?<!\d){re.escape(each)}(?!\d)" for each in person.digits) or r"(?!)")
        self._whole = person.phone_numbers | person.lids
        self._names = person.names if with_names else frozenset[str]()

    def text(self, written: str) -> str:
        if written in self._names:
            return ""
        return self._digits.sub(REMOVED, written)

    def value(self, value: Any) -> Any:
        """The value without the person: entries of lists that are about them go as a whole."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return None if self.text(str(value)) != str(value) else value
        if isinstance(value, list):
            return [self.value(each) for each in value if not self._is_about(each)]
        if isinstance(value, dict) and self._is_about(value.get(AUTHOR)):  # a quote of theirs
            return {key: each for key, each in value.items() if key in KEPT_OF_A_QUOTE}
        if isinstance(value, dict):
            return {self.text(key): {} if self._is_about(each) else self.value(each) for key, each in value.items()}
        return value

    def _is_about(self, value: Any) -> bool:
        return isinstance(value, dict) and any(value.get(key) in self._whole for key in _AN_ENTRY_OF if value.get(key))


def scrub(model: type[models.Model], fields: Sequence[str], scrubber: Scrubber, *, of: str = "{}") -> int:
    """Rewrites those rows of the person's organization in which one of these fields mentions the person; returns how
    many. `of` says in SQL how a row belongs to the organization, where it has no such column of its own: {} stands for
    the condition. Reads all these rows once: for what is done seldom and in the background."""
    if not scrubber.person.digits:
        return 0
    table = model._meta.db_table
    where = of.format("WHERE organization_id = %s") if of != "{}" else "organization_id = %s"
    texts = " || ' ' || ".join(f"COALESCE({field}::text, '')" for field in fields)
    columns = ", ".join(f"{field}::text" for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {columns} FROM {table} WHERE {where} AND {texts} ~ %s FOR UPDATE",
            [scrubber.person.organization_id, "|".join(scrubber.person.digits)],
        )
        rows = cursor.fetchall()
    changed = 0
    for row_id, *before in rows:
        after = [_scrubbed(model, field, text, scrubber) for field, text in zip(fields, before, strict=True)]
        if after != before:
            model._base_manager.filter(pk=row_id).update(
                **{field: _loaded(model, field, text) for field, text in zip(fields, after, strict=True)}
            )
            changed += 1
    return changed


def _scrubbed(model: type[models.Model], field: str, text: str | None, scrubber: Scrubber) -> str | None:
    if text is None:
        return None
    if isinstance(model._meta.get_field(field), models.JSONField):
        before = json.loads(text)
        after = scrubber.value({} if scrubber._is_about(before) else before)
        return text if after == before else json.dumps(after, ensure_ascii=False)
    return scrubber.text(text)


def _loaded(model: type[models.Model], field: str, text: str | None) -> Any:
    return (
        json.loads(text) if text is not None and isinstance(model._meta.get_field(field), models.JSONField) else text
    )
