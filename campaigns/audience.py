"""Who gets a campaign's message: fixed once, in one statement, whatever the size of the list.

The people of the contact list and of the segment come first; rows of the uploaded sheet override them by phone, value by
value; of rows with one number the last one counts. A contact's other number stands for the contact, unless it is
blocked itself. Who is on an excluded list or in an excluded segment is left out, also of the sheet. Each person becomes
one message: `pending`, or `skipped` with the reason. Segments are asked in the same statement, so that they mean the very
people that get a message.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.timezone import now

from campaigns.models import Campaign
from contacts import unreachable
from contacts.segments import compiled
from contacts.segments import services as segments
from contacts.segments.services import WORK_MEMORY
from messaging import sources
from messaging.counts import Key
from messaging.models import Message, MessageStatus, SkipReason
from messaging.variants import assignment


@dataclass(frozen=True)
class Audience:
    """`numbers` counts the messages by status and reason; `overridden` what gave way: people who were on the list as
    well, and rows with another number of a person who has a row."""

    numbers: dict[Key, int]
    overridden: int


# Whom the campaign names: rows of the sheet, people of the list and the segment, and those who are left out.
SOURCES = r"""
others AS (
    SELECT other.phone_number AS written, contact.phone_number FROM contacts_othernumber AS other
    JOIN contacts_contact AS contact ON contact.id = other.contact_id AND contact.phone_number <> ''
    WHERE other.organization_id = %(organization)s AND other.phone_number <> '' AND NOT EXISTS (
        SELECT FROM contacts_contact AS own
        WHERE own.organization_id = %(organization)s AND own.phone_number = other.phone_number
    ) AND NOT EXISTS (
        SELECT FROM contacts_blocklistentry AS entry
        WHERE entry.organization_id = %(organization)s AND entry.phone_number = other.phone_number
    )
), named AS (
    SELECT COALESCE(others.phone_number, given.phone_number) AS phone_number, given.phone_number AS written, row_number,
        values
    FROM contacts_importedrow AS given LEFT JOIN others ON others.written = given.phone_number
    WHERE list_import_id = %(list_import)s AND given.phone_number <> ''
), sheet AS (
    SELECT DISTINCT ON (phone_number) phone_number, row_number, values FROM named
    ORDER BY phone_number, row_number DESC
), listed AS (
    SELECT contact.id, contact.phone_number, {listed_values}
    FROM contacts_contact AS contact
    WHERE contact.id IN ({chosen}) AND contact.organization_id = %(organization)s AND contact.phone_number <> ''
), excluded AS (
    SELECT phone_number FROM contacts_contact
    WHERE id IN ({excluded}) AND organization_id = %(organization)s AND phone_number <> ''
)"""
# Rows of the sheet that gave way to one with another number of the same person.
UNITED = """(
    SELECT count(DISTINCT written) - count(DISTINCT phone_number) FROM named
    WHERE phone_number IN (SELECT phone_number FROM others)
)"""
_LISTED_VALUES = """
        contact.attributes || jsonb_strip_nulls(jsonb_build_object('name', NULLIF(contact.name, ''))) AS values"""
_INSERT = (
    "WITH "
    + SOURCES
    + r""", people AS (
    SELECT phone_number, listed.id AS contact_id, row_number, listed.id IS NOT NULL AND row_number IS NOT NULL AS is_both,
        jsonb_build_object('phone', phone_number) || COALESCE(listed.values, '{{}}') || COALESCE(sheet.values, '{{}}')
            AS variables
    FROM listed FULL JOIN sheet USING (phone_number)
    WHERE NOT EXISTS (SELECT FROM excluded WHERE excluded.phone_number = COALESCE(listed.phone_number, sheet.phone_number))
), judged AS (
    SELECT people.*, {slot} AS slot, COALESCE(blocked.reason, CASE WHEN %(needs_consent)s AND NOT EXISTS (
        SELECT FROM contacts_consent AS consent WHERE consent.organization_id = %(organization)s
            AND consent.phone_number = people.phone_number AND consent.is_given
    ) THEN %(no_consent)s END) AS blocked_as, (
        SELECT string_agg(key, ', ') FROM unnest(%(required)s::text[]) AS key
        WHERE COALESCE(people.variables ->> key, '') !~ '\S'
    ) AS missing
    FROM people LEFT JOIN contacts_blocklistentry AS blocked
        ON blocked.organization_id = %(organization)s AND blocked.phone_number = people.phone_number
), reasons AS (
    SELECT judged.*, COALESCE(blocked_as, CASE WHEN missing IS NOT NULL THEN %(missing_variable)s
        WHEN {held_out} THEN %(holdout)s END, '') AS reason
    FROM judged
), inserted AS (
    INSERT INTO messaging_message (
        organization_id, batch_id, direction, phone_number, status, skip_reason, error_code, error, variables, text,
        priority, whatsapp_id, attempts, lease_epoch, keeps_id, created_at, ended_at, variant_id, due_at
    )
    SELECT %(organization)s, %(batch)s, 'out', phone_number,
        CASE WHEN reason = '' THEN %(pending)s ELSE %(skipped)s END, reason,
        '', CASE WHEN reason = %(missing_variable)s THEN left(missing, 300) ELSE '' END, variables, '',
        %(priority)s, '', 0, 0, TRUE, now(), CASE WHEN reason <> '' THEN now() END, {variant}, {due_at}
    FROM reasons ORDER BY row_number, contact_id
    RETURNING status, skip_reason
)
SELECT status, skip_reason, count(*), (SELECT count(*) FROM people WHERE is_both) + """
    + UNITED
    + """ FROM inserted GROUP BY 1, 2
"""
)


_NOBODY = "SELECT NULL::bigint WHERE FALSE"
_ON_LISTS = "SELECT contact_id FROM contacts_contactlistmember WHERE contact_list_id = ANY(%(lists_{name})s::bigint[])"


def insert_messages(campaign: Campaign, required: Sequence[str], *, at: datetime) -> Audience:
    """Writes the messages of a campaign whose list is read; `required` are variables that must have a value. Segments
    are those of the moment `at`.

    Call it once, inside a transaction, and count what it gives. Raises `InvalidFilter` of a segment that asks for what
    is no longer there.
    """
    chosen, excluded = people_of(campaign, at)
    dealt = assignment.of(campaign.batch)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, TRUE)", [WORK_MEMORY])  # until the transaction ends
        cursor.execute(
            _INSERT.format(
                chosen=chosen.sql,
                listed_values=_LISTED_VALUES,
                excluded=excluded.sql,
                slot=dealt.slot,
                held_out=dealt.held_out,
                variant=dealt.variant,
                due_at=dealt.due_at,
            ),
            {
                **dealt.parameters,
                **chosen.parameters,
                **excluded.parameters,
                "list_import": campaign.list_import_id,
                "organization": campaign.organization_id,
                "batch": campaign.batch_id,
                "priority": campaign.batch.priority,
                "required": list(required),
                "pending": MessageStatus.PENDING,
                "skipped": MessageStatus.SKIPPED,
                "missing_variable": SkipReason.MISSING_VARIABLE,
                "no_consent": SkipReason.NO_CONSENT,
                "holdout": SkipReason.HOLDOUT,
                "needs_consent": sources.needs_consent(campaign.batch),
            },
        )
        rows = cursor.fetchall()
    return _counted(campaign, rows)


def people_of(campaign: Campaign, at: datetime) -> tuple[compiled.Query, compiled.Query]:
    """The contacts whom its list and segment name, and those whom it leaves out. Raises `InvalidFilter`."""
    chosen = _people("chosen", [campaign.contact_list_id], [campaign.segment], at)
    lists = list(campaign.excluded_lists.values_list("pk", flat=True))
    return chosen, _people("excluded", lists, list(campaign.excluded_segments.all()), at)


def _people(name: str, list_ids: Sequence[int | None], of: Sequence[Any], at: datetime) -> compiled.Query:
    """The contacts' ids on any of these lists and in any of these segments; None among them says nobody."""
    lists = [each for each in list_ids if each is not None]
    queries = [
        segments.query_of(segment, at=at, prefix=f"{name}_{index}")
        for index, segment in enumerate(of)
        if segment is not None
    ]
    if lists:
        queries.append(compiled.Query(_ON_LISTS.format(name=name), {f"lists_{name}": lists}))
    return compiled.union(queries) if queries else compiled.Query(_NOBODY, {})


def _counted(campaign: Campaign, rows: Sequence[Any]) -> Audience:
    """The audience from what the statement gave, once erased people are skipped as well."""
    numbers = Counter[Key]({(status, reason): number for status, reason, number, _overridden in rows})
    for reason, skipped in _skip_erased(campaign).items():
        numbers[MessageStatus.PENDING, ""] -= skipped
        numbers[MessageStatus.SKIPPED, reason] += skipped
    return Audience({key: number for key, number in numbers.items() if number}, overridden=rows[0][3] if rows else 0)


def _skip_erased(campaign: Campaign) -> dict[str, int]:
    """Skips people who were erased and must not be messaged. Returns how many, by reason."""
    pending = Message.objects.filter(batch_id=campaign.batch_id, stage=MessageStatus.PENDING)
    found = unreachable.recognise(
        organization_id=campaign.organization_id,
        people=pending.values_list("phone_number", "lid").iterator(unreachable.AT_ONCE),
    )
    skipped = {}
    for reason in set(found.values()):
        numbers = [number for (number, _lid), why in found.items() if why == reason]
        skipped[reason] = pending.filter(phone_number__in=numbers).update(
            status=MessageStatus.SKIPPED, skip_reason=reason, ended_at=now()
        )
    return skipped
