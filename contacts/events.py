"""Writes what happened to contacts. Set-based: one statement, however many people it concerns.

Imports write no event a person: what an import did stands in its own records, from which the timeline tells it.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.timezone import now

from accounts.models import ApiKey, User
from accounts.services import Actor
from contacts.models import ContactEvent

Kind = ContactEvent.Kind

_INSERT = """
INSERT INTO contacts_contactevent (contact_id, kind, source, detail, at)
SELECT contact.id, %(kind)s, %(source)s, %(detail)s, %(at)s FROM contacts_contact AS contact
WHERE contact.organization_id = %(organization)s AND contact.id {whom}
ORDER BY contact.id FOR KEY SHARE OF contact
"""
_BY_ID = "= ANY(%(contacts)s::bigint[])"
_BY_NUMBER = """IN (
    SELECT id FROM contacts_contact
    WHERE organization_id = %(organization)s AND phone_number = ANY(%(numbers)s::text[]) AND phone_number <> ''
    UNION
    SELECT contact_id FROM contacts_othernumber
    WHERE organization_id = %(organization)s AND phone_number = ANY(%(numbers)s::text[]) AND phone_number <> ''
)"""
_EACH = """
INSERT INTO contacts_contactevent (contact_id, kind, source, detail, at)
SELECT contact.id, %(kind)s, %(source)s, given.detail::jsonb, %(at)s
FROM unnest(%(contacts)s::bigint[], %(details)s::text[]) AS given (id, detail)
JOIN contacts_contact AS contact ON contact.id = given.id AND contact.organization_id = %(organization)s
ORDER BY contact.id FOR KEY SHARE OF contact
"""


def name_of(by: Actor) -> str:
    """Who did it, as timelines and the blocklist name them; empty for the system itself."""
    if isinstance(by, ApiKey):
        return f"API: {by.name}"[:200]
    return str(by)[:200] if isinstance(by, User) else ""


def record(
    *,
    organization_id: int,
    contact_ids: Iterable[int],
    kind: Kind,
    by: Actor = None,
    source: str = "",
    at: datetime | None = None,
    **detail: Any,
) -> int:
    """Writes the same event for all of these contacts; gives how many were written. `source` replaces the name of `by`.

    Call it in the transaction of the change itself. Contacts that are gone, or of others, are passed over.
    """
    given = {"contacts": list(contact_ids), "organization": organization_id}
    return _write(_INSERT.format(whom=_BY_ID), given, kind, by, source, at, detail=json.dumps(detail))


def record_by_number(
    *,
    organization_id: int,
    phone_numbers: Iterable[str],
    kind: Kind,
    by: Actor = None,
    source: str = "",
    at: datetime | None = None,
    **detail: Any,
) -> int:
    """The same for whoever has one of these numbers (E.164), as their own or as another one of theirs."""
    given = {"numbers": list(phone_numbers), "organization": organization_id}
    return _write(_INSERT.format(whom=_BY_NUMBER), given, kind, by, source, at, detail=json.dumps(detail))


def record_each(
    *,
    organization_id: int,
    details: dict[int, dict[str, Any]],
    kind: Kind,
    by: Actor = None,
    source: str = "",
    at: datetime | None = None,
) -> int:
    """The same with a detail of its own for each contact id."""
    texts = [json.dumps(detail) for detail in details.values()]
    given = {"contacts": list(details), "details": texts, "organization": organization_id}
    return _write(_EACH, given, kind, by, source, at)


def _write(
    statement: str, given: dict[str, Any], kind: Kind, by: Actor, source: str, at: datetime | None, **more: Any
) -> int:
    with connection.cursor() as cursor:
        common: dict[str, Any] = {"kind": Kind(kind).value, "source": (source or name_of(by))[:200], "at": at or now()}
        cursor.execute(statement, given | common | more)
        return cursor.rowcount
