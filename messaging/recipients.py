"""Turns people who are named one by one into the messages of a batch: a broadcast's members, a bulk send's recipients.

One statement, whatever their number. Each becomes one message: `pending`, or `skipped` with the reason. Also whoever
cannot be sent to gets a row, so that the results say of every one that was asked for what became of it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.timezone import now

from contacts import unreachable
from messaging import sources, sql
from messaging.counts import Key
from messaging.models import Batch, Message, MessageStatus, SkipReason
from messaging.template_text import Template
from messaging.variants.assignment import FAR_AHEAD

TEXT_VARIABLE = "text"  # under this name a message of a bulk send has a text of its own


@dataclass(frozen=True, slots=True)
class Recipient:
    """`phone_number` is in E.164; empty where `reason` says that there is none to use, and `error` what was written.
    `text` is what this person gets where each gets another text."""

    phone_number: str
    text: str = ""
    wave: int | None = None
    reason: str = ""
    error: str = ""


# Contacts' values are looked up only where the text asks for them.
_VALUES = """
    LEFT JOIN contacts_contact AS contact
        ON contact.organization_id = %(organization)s AND contact.phone_number = given.phone_number
        AND given.phone_number <> ''
"""
_INSERT = r"""
WITH given AS (
    SELECT * FROM unnest(%(numbers)s::text[], %(texts)s::text[], %(waves)s::bigint[], %(reasons)s::text[],
        %(errors)s::text[]) WITH ORDINALITY AS given (phone_number, text, wave, reason, error, place)
), people AS (
    SELECT given.*, jsonb_build_object('phone', given.phone_number) || {values} AS variables
    FROM given {joined}
), judged AS (
    SELECT people.*, (
        SELECT string_agg(key, ', ') FROM unnest(%(required)s::text[]) AS key
        WHERE COALESCE(people.variables ->> key, '') !~ '\S'
    ) AS missing, COALESCE(
        NULLIF(people.reason, ''), blocked.reason,
        CASE WHEN %(needs_consent)s AND NOT EXISTS (
            SELECT FROM contacts_consent AS consent WHERE consent.organization_id = %(organization)s
                AND consent.phone_number = people.phone_number AND consent.is_given
        ) THEN %(no_consent)s END
    ) AS refused
    FROM people LEFT JOIN contacts_blocklistentry AS blocked
        ON blocked.organization_id = %(organization)s AND blocked.phone_number = people.phone_number
        AND people.phone_number <> ''
), reasons AS (
    SELECT judged.*, COALESCE(refused, CASE WHEN missing IS NOT NULL THEN %(missing_variable)s END, '') AS why FROM judged
), inserted AS (
    INSERT INTO messaging_message (
        organization_id, batch_id, direction, phone_number, status, skip_reason, error_code, error, variables, text,
        priority, whatsapp_id, attempts, lease_epoch, keeps_id, created_at, ended_at, due_at, wave
    )
    SELECT %(organization)s, %(batch)s, 'out', phone_number,
        CASE WHEN why = '' THEN %(pending)s ELSE %(skipped)s END, why, '',
        CASE WHEN why = %(missing_variable)s THEN left(missing, 300) ELSE error END, variables, '',
        %(priority)s, '', 0, 0, TRUE, %(now)s, CASE WHEN why <> '' THEN %(now)s END,
        CASE WHEN COALESCE(wave, 0) = 0 THEN %(now)s ELSE %(far_ahead)s END, wave
    FROM reasons ORDER BY place
    RETURNING status, skip_reason
)
SELECT status, skip_reason, count(*) FROM inserted GROUP BY 1, 2
"""
_CONTACTS_VALUES = """COALESCE(
    contact.attributes || jsonb_strip_nulls(jsonb_build_object('name', NULLIF(contact.name, ''))), '{}'
)"""
_OWN_TEXT = f"jsonb_build_object('{TEXT_VARIABLE}', given.text)"


def insert(batch: Batch, people: Sequence[Recipient], template: Template | None) -> dict[Key, int]:
    """Writes the messages of a batch, in this order. Without a template each recipient brings a text. The caller counts
    what it gives, in the same transaction. Those of wave 0, and of none, may leave at once."""
    if template is None:
        values, joined = _OWN_TEXT, ""
    elif template.variables:
        values, joined = _CONTACTS_VALUES, _VALUES
    else:
        values, joined = "'{}'", ""
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT.format(values=values, joined=joined),
            {
                "numbers": sql.texts(person.phone_number for person in people),
                "texts": sql.texts(person.text if template is None else "" for person in people),
                "waves": sql.numbers(person.wave for person in people),
                "reasons": sql.texts(person.reason for person in people),
                "errors": sql.texts(person.error[:300] for person in people),
                "organization": batch.organization_id,
                "batch": batch.pk,
                "priority": batch.priority,
                "required": list(template.required) if template is not None else [],
                "needs_consent": sources.needs_consent(batch),
                "pending": MessageStatus.PENDING,
                "skipped": MessageStatus.SKIPPED,
                "no_consent": SkipReason.NO_CONSENT,
                "missing_variable": SkipReason.MISSING_VARIABLE,
                "now": moment,
                "far_ahead": FAR_AHEAD,
            },
        )
        numbers = Counter[Key]({(status, reason): number for status, reason, number in cursor.fetchall()})
    _skip_erased(batch, people, numbers, moment)
    return {key: number for key, number in numbers.items() if number}


def _skip_erased(batch: Batch, people: Sequence[Recipient], numbers: Counter[Key], moment: datetime) -> None:
    """Skips people who were erased and must not be messaged."""
    found = unreachable.recognise(
        organization_id=batch.organization_id,
        people=((person.phone_number, "") for person in people if person.phone_number),
    )
    for reason in set(found.values()):
        pending = Message.objects.filter(
            batch=batch,
            stage=MessageStatus.PENDING,
            phone_number__in=[number for (number, _lid), why in found.items() if why == reason],
        )
        skipped = pending.update(status=MessageStatus.SKIPPED, skip_reason=reason, ended_at=moment)
        numbers[MessageStatus.PENDING, ""] -= skipped
        numbers[MessageStatus.SKIPPED, reason] += skipped
