"""Puts people on the blocklist and takes them off: one, or thousands in one statement.

What people write themselves, and keep the proof of, is `contacts.opt_outs`' matter.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.timezone import now

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import events, opt_outs
from contacts.models import AskedBy, BlocklistEntry, ContactEvent, OptOutEvent
from contacts.phone_numbers import masked, normalise

Reason = BlocklistEntry.Reason


@dataclass(frozen=True, slots=True)
class Blocked:
    """Of the numbers given: those that are new on the blocklist, and those there that it now says more of."""

    new: frozenset[str]
    changed: frozenset[str]


# A person's own wish outlasts what staff decide, and what staff decided is remembered behind it.
_BLOCK_SQL = """
INSERT INTO contacts_blocklistentry AS entry (organization_id, phone_number, lid, reason, blocked_by_staff, asked_by,
    source, evidence_text, evidence_id, created_at)
SELECT %(organization)s, given.phone_number, COALESCE(contact.lid, ''), %(reason)s, FALSE, %(asked_by)s, %(source)s,
    '', '', now()
FROM (SELECT DISTINCT phone_number FROM unnest(%(numbers)s::text[]) AS each (phone_number)) AS given
LEFT JOIN contacts_contact AS contact
    ON contact.organization_id = %(organization)s AND contact.phone_number = given.phone_number
    AND contact.phone_number <> ''
ORDER BY given.phone_number  -- in one order, so that two writers cannot deadlock
ON CONFLICT (organization_id, phone_number) DO UPDATE SET
    reason = 'opted_out',
    blocked_by_staff = TRUE,
    asked_by = CASE WHEN excluded.reason = 'opted_out' THEN excluded.asked_by ELSE entry.asked_by END,
    source = CASE WHEN excluded.reason = 'opted_out' THEN excluded.source ELSE entry.source END
WHERE entry.reason <> excluded.reason AND (excluded.reason = 'opted_out' OR NOT entry.blocked_by_staff)
RETURNING phone_number, xmax = 0
"""


def block_many(
    *,
    organization: Organization,
    phone_numbers: Collection[str],
    reason: str = Reason.BLOCKED,
    source: str = "",
    asked_by: str = AskedBy.STAFF,
    by: Actor = None,
) -> Blocked:
    """Puts numbers, in E.164 as `phone_numbers.normalise` gives them, on the blocklist. Repeats change nothing."""
    if not phone_numbers:
        return Blocked(frozenset(), frozenset())
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                _BLOCK_SQL,
                {
                    "organization": organization.pk,
                    "numbers": list(phone_numbers),
                    "reason": reason,
                    "asked_by": asked_by,
                    "source": source[:200],
                },
            )
            rows = cursor.fetchall()
        if not rows:
            return Blocked(frozenset(), frozenset())
        new = frozenset(number for number, is_new in rows if is_new)
        if reason == Reason.OPTED_OUT:
            opt_outs.record_events(
                OptOutEvent(
                    organization=organization,
                    kind=OptOutEvent.Kind.OPTED_OUT,
                    phone_number=number,
                    asked_by=asked_by,
                    source=source[:200],
                )
                for number, _is_new in rows
            )
        events.record_by_number(
            organization_id=organization.pk,
            phone_numbers=[number for number, _is_new in rows],
            kind=ContactEvent.Kind(reason),
            by=by,
            source=source,
        )
        target = masked(rows[0][0]) if len(rows) == 1 else ""
        record(organization=organization, by=by, action="contacts.blocked", target=target, reason=reason, n=len(rows))
    return Blocked(new, frozenset(number for number, is_new in rows if not is_new))


def block(
    *,
    organization: Organization,
    phone_number: str,
    reason: str = Reason.BLOCKED,
    source: str = "",
    asked_by: str = AskedBy.STAFF,
    by: Actor = None,
) -> tuple[BlocklistEntry, bool]:
    """Puts a number on the blocklist; the second value says whether it is new there. Raises `InvalidNumber`.

    A person's own wish outlasts what staff decide: `opted_out` is never changed to `blocked`.
    """
    number = normalise(phone_number, organization.default_region, allow_fixed_line=True)
    blocked = block_many(
        organization=organization, phone_numbers=[number], reason=reason, source=source, asked_by=asked_by, by=by
    )
    entry = BlocklistEntry.objects.for_organization(organization).get(phone_number=number)
    return entry, number in blocked.new


def unblock(*, organization: Organization, phone_number: str = "", lid: str = "", by: Actor = None) -> bool:
    """Takes a person off the blocklist, by number or, where none is known, by LID; False where they were not there.

    The history keeps what they wrote. Raises `InvalidNumber`.
    """
    entries = BlocklistEntry.objects.for_organization(organization)
    if phone_number:
        entries = entries.filter(
            phone_number=normalise(phone_number, organization.default_region, allow_fixed_line=True)
        )
    else:
        entries = entries.filter(phone_number=None, lid=lid).exclude(lid="")
    with transaction.atomic():
        entry = entries.select_for_update().first()
        if entry is None:
            return False
        entry.delete()
        if entry.reason == Reason.OPTED_OUT:
            removed = OptOutEvent(
                organization=organization,
                kind=OptOutEvent.Kind.REMOVED,
                phone_number=entry.phone_number or "",
                lid=entry.lid,
                asked_by=AskedBy.STAFF,
                source=str(by or "")[:200],
                at=now(),
            )
            opt_outs.record_events([removed])
        if entry.phone_number:
            events.record_by_number(
                organization_id=organization.pk,
                phone_numbers=[entry.phone_number],
                kind=ContactEvent.Kind.UNBLOCKED,
                by=by,
            )
        target = masked(entry.phone_number) if entry.phone_number else "LID"
        record(organization=organization, by=by, action="contacts.unblocked", target=target)
    return True
