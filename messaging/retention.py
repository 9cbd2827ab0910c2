"""What an organization does not want to keep: texts and files of old messages, and people without any activity.

Both are off until somebody switches them on. A nightly task works in portions of one transaction each, so that it can be
killed at any time and never holds anybody up; a message that is still open is left alone however old it is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import people
from contacts.models import Consent, ConsentChange, Contact, ContactSettings
from contacts.queries import settings_of
from messaging import clearing, sql
from messaging.models import OPEN_STATUSES

MESSAGES_A_PORTION = 5_000
PEOPLE_A_PORTION = 1_000

# From the oldest on, along the index of the log; what was looked at and is old enough is never looked at again.
_PORTION_SQL = """
SELECT id, GREATEST(created_at, sent_at, delivered_at, read_at, ended_at, edited_at) < %(before)s AS is_old,
    stage = ANY(%(open)s::smallint[]) AS is_open, cleared_at IS NOT NULL OR deleted_at IS NOT NULL AS is_clear
FROM messaging_message WHERE organization_id = %(organization)s AND id > %(after)s
ORDER BY id LIMIT %(limit)s
"""
_OLD_SQL = """
SELECT count(*) FROM messaging_message WHERE organization_id = %(organization)s AND id > %(after)s
    AND cleared_at IS NULL AND deleted_at IS NULL AND NOT stage = ANY(%(open)s::smallint[])
    AND GREATEST(created_at, sent_at, delivered_at, read_at, ended_at, edited_at) < %(before)s
"""
# Nobody wrote to them, they wrote to nobody, and nobody changed what is known of them.
_INACTIVE_SQL = """
FROM contacts_contact AS contact
WHERE contact.organization_id = %(organization)s AND contact.id > %(after)s
    AND contact.created_at < %(before)s AND contact.updated_at < %(before)s
    AND (contact.phone_number = '' OR NOT EXISTS (
        SELECT FROM messaging_message AS message WHERE message.organization_id = contact.organization_id
            AND message.phone_number = contact.phone_number
            AND (message.stage = ANY(%(open)s::smallint[])
                OR GREATEST(message.created_at, message.sent_at, message.read_at) >= %(before)s)
    ))
    AND (contact.lid = '' OR NOT EXISTS (
        SELECT FROM messaging_message AS message WHERE message.organization_id = contact.organization_id
            AND message.lid = contact.lid AND message.lid <> '' AND message.phone_number = ''
            AND message.created_at >= %(before)s
    ))
    AND NOT EXISTS (
        SELECT FROM contacts_othernumber AS other JOIN messaging_message AS message
            ON message.organization_id = other.organization_id AND message.phone_number = other.phone_number
        WHERE other.contact_id = contact.id AND other.phone_number <> '' AND message.created_at >= %(before)s
    )
"""


@dataclass(frozen=True)
class Preview:
    """What would go if the rules were applied now: texts of messages, and people."""

    texts: int
    people: int


def change_settings(
    *,
    organization: Organization,
    marketing_needs_consent: bool,
    texts_kept_days: int | None,
    contacts_kept_days: int | None,
    by: Actor = None,
) -> bool:
    """Changes what is demanded and kept; False where it was so already. It holds from this moment, or this night, on."""
    wanted = {
        "marketing_needs_consent": marketing_needs_consent,
        "texts_kept_days": texts_kept_days,
        "contacts_kept_days": contacts_kept_days,
    }
    before = settings_of(organization)
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if getattr(before, name) != value}
    if not changes:
        return False
    with transaction.atomic():
        ContactSettings.objects.update_or_create(organization=organization, defaults=changes)
        record(organization=organization, by=by, action="contacts.privacy_changed", **changes)
    return True


def preview(organization: Organization, *, texts_kept_days: int | None, contacts_kept_days: int | None) -> Preview:
    """Counts, and changes nothing."""
    with connection.cursor() as cursor:
        texts = people = 0
        if texts_kept_days:
            given = _given(organization, texts_kept_days, after=settings_of(organization).texts_cleared_up_to)
            cursor.execute(_OLD_SQL, given)
            texts = cursor.fetchone()[0]
        if contacts_kept_days:
            cursor.execute(f"SELECT count(*) {_INACTIVE_SQL}", _given(organization, contacts_kept_days))
            people = cursor.fetchone()[0]
    return Preview(texts, people)


def apply(organization: Organization) -> Preview:
    """Removes what is kept long enough by the organization's own rules. Returns how much went."""
    settings = settings_of(organization)
    texts = _clear_texts(organization, settings) if settings.texts_kept_days else 0
    people = _remove_people(organization, settings.contacts_kept_days) if settings.contacts_kept_days else 0
    return Preview(texts, people)


def _clear_texts(organization: Organization, settings: ContactSettings) -> int:
    """Portion after portion, until one has nothing old. `texts_cleared_up_to` moves on as long as nothing was passed
    over, which is looked at again the next night."""
    cleared, after, holds = 0, settings.texts_cleared_up_to, False
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                given = _given(organization, settings.texts_kept_days or 0, after=after)
                cursor.execute(_PORTION_SQL, {**given, "limit": MESSAGES_A_PORTION})
                rows = cursor.fetchall()
            old = [row_id for row_id, is_old, is_open, is_clear in rows if is_old and not is_open and not is_clear]
            number, _files = clearing.clear(old)  # a task of its own removes the files that nothing has any more
            cleared += number
            waiting = [
                row_id for row_id, is_old, is_open, is_clear in rows if not is_clear and (is_open or not is_old)
            ]
            if rows and not holds:
                up_to = waiting[0] - 1 if waiting else rows[-1][0]
                ContactSettings.objects.filter(pk=settings.pk, texts_cleared_up_to__lt=up_to).update(
                    texts_cleared_up_to=up_to
                )
            holds = holds or bool(waiting)
        if not any(is_old for _id, is_old, _open, _clear in rows):
            return cleared
        after = rows[-1][0]


def _remove_people(organization: Organization, days: int) -> int:
    """The contacts with their lists, tags, attributes, history and consent. The blocklist stays as it is."""
    removed, after = 0, 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            given = {**_given(organization, days, after=after), "limit": PEOPLE_A_PORTION}
            cursor.execute(f"SELECT contact.id {_INACTIVE_SQL} ORDER BY contact.id LIMIT %(limit)s", given)
            ids = [row[0] for row in cursor.fetchall()]
            contacts = Contact.objects.filter(pk__in=ids)
            numbers = contacts.exclude(phone_number="").values("phone_number")
            for model in (Consent, ConsentChange):
                model.objects.filter(organization=organization, phone_number__in=numbers).delete()
            people.delete(organization=organization, contact_ids=ids)
        removed += len(ids)
        if len(ids) < PEOPLE_A_PORTION:
            return removed
        after = ids[-1]


def _given(organization: Organization, days: int, *, after: int = 0) -> dict[str, Any]:
    before: datetime = now() - timedelta(days=days)
    return {
        "organization": organization.pk,
        "before": before,
        "after": after,
        "open": sql.numbers(OPEN_STATUSES),
    }
