"""Where pending messages come from, as the planner deals with them: batches, single messages, and people whom a
sender may still write to while WhatsApp holds its first contacts.

A source says which senders may serve it, at what pace, and which rows are its own.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models.functions import Now

from accounts.models import Organization
from contacts import unreachable
from contacts.models import ContactSettings
from messaging import rendering, sql, windows
from messaging.models import Batch, Message, MessageStatus, Priority, Purpose
from messaging.rendering import Rendered
from messaging.windows import Windows
from senders.pace import Plan, anytime

LONGEST_TYPING_MS = 8_000
TYPING_MS_A_CHARACTER = 40


@dataclass(frozen=True)
class PendingMessage:
    id: int
    phone_number: str
    variables: dict[str, str]
    text: str
    blocked_as: str  # a SkipReason, or empty
    variant_id: int | None = None


@dataclass
class Source:
    """`where` is SQL over `message`, with `parameters`; `few` where it finds few of many that are pending. Without a
    batch the texts are final already."""

    organization: Organization
    plan: Plan
    where: str
    parameters: list[Any]
    batch: Batch | None = None
    recipient_windows: list[windows.Window] = field(default_factory=list)
    few: bool = False

    @property
    def batch_id(self) -> int | None:
        return self.batch.pk if self.batch is not None else None

    @property
    def priority(self) -> int:
        return self.batch.priority if self.batch is not None else Priority.INTERACTIVE

    def renderer(self) -> Callable[[PendingMessage], Rendered]:
        """Gives what a message says when it leaves."""
        if self.batch is None:
            return lambda message: Rendered(message.text)
        return rendering.renderer_of(self.batch, self.organization)

    def typing_ms(self, text: str) -> int:
        """How long a person would take to write the text, within reason."""
        if self.batch is None or not self.batch.typing:
            return 0
        return min(LONGEST_TYPING_MS, len(text) * TYPING_MS_A_CHARACTER)


def blocked_sql(message: str) -> str:
    """SQL of the reason why a message (the name of a row) may not leave, if there is one: its person is on the
    blocklist, by number or, where none is known, by LID. Only the answer to an opt-out passes, unless staff blocked the
    person as well."""
    passes = f"{message}.confirms_id IS NOT NULL AND entry.reason = 'opted_out' AND NOT entry.blocked_by_staff"
    return f"""
        SELECT entry.reason FROM contacts_blocklistentry AS entry
        WHERE entry.organization_id = {message}.organization_id AND entry.phone_number = {message}.phone_number
            AND NOT ({passes})
        UNION ALL
        SELECT entry.reason FROM contacts_blocklistentry AS entry
        WHERE {message}.phone_number = '' AND {message}.lid <> '' AND entry.organization_id = {message}.organization_id
            AND entry.lid = {message}.lid AND entry.lid <> '' AND NOT ({passes})
        LIMIT 1
    """


_PENDING_SQL = f"""
SELECT message.id, message.phone_number, message.variables, message.text,
    COALESCE(blocked.reason, CASE WHEN {{unwanted}} THEN 'no_consent' END,
        CASE WHEN {{capped}} THEN 'frequency_cap' END, ''), message.variant_id
FROM messaging_message AS message
LEFT JOIN LATERAL ({blocked_sql("message")}) AS blocked ON TRUE
WHERE message.stage = %(pending)s AND {{where}}
"""
_CLAIMED_SQL = """ AND message.due_at <= statement_timestamp()
ORDER BY message.due_at, message.id LIMIT %(limit)s
FOR UPDATE OF message SKIP LOCKED
"""
# How many campaign messages the person got, or is about to get, in the last days.
_CAPPED_SQL = """(
    SELECT count(*) FROM messaging_message AS other
    WHERE other.organization_id = message.organization_id AND other.phone_number = message.phone_number
        AND other.batch_id IS NOT NULL AND other.batch_id <> message.batch_id
        AND other.stage IN (20, 30, 40) AND other.due_at > statement_timestamp() - %(cap_days)s * interval '1 day'
) >= %(cap_messages)s"""


# Marketing to people who have not agreed, where the organization demands it.
_UNWANTED_SQL = """NOT EXISTS (
    SELECT FROM contacts_consent AS consent WHERE consent.organization_id = message.organization_id
        AND consent.phone_number = message.phone_number AND consent.is_given
)"""


def needs_consent(batch: Batch | None) -> bool:
    """Whether the batch goes only to people who agreed."""
    if batch is None or batch.purpose != Purpose.MARKETING:
        return False
    settings = ContactSettings.objects.filter(organization_id=batch.organization_id)
    return settings.filter(marketing_needs_consent=True).exists()


def pending_messages(source: Source, limit: int) -> list[PendingMessage]:
    """Claims the source's next rows, until the transaction ends; rows that another planner claims are passed over."""
    return _found(source, _CLAIMED_SQL, limit=limit)


def some_pending(source: Source, ids: Sequence[int]) -> list[PendingMessage]:
    """Those of the source's pending messages that have one of these ids, with what would become of them now."""
    return _found(source, " AND message.id = ANY(%(ids)s::bigint[])", ids=sql.numbers(ids))


def _found(source: Source, which: str, **parameters: Any) -> list[PendingMessage]:
    organization = source.organization
    capped = organization.cap_messages and organization.cap_days and source.batch is not None
    with connection.cursor() as cursor:
        sql.along_indexes(cursor, not source.few)
        cursor.execute(
            _PENDING_SQL.format(
                capped=_CAPPED_SQL if capped else "FALSE",
                unwanted=_UNWANTED_SQL if needs_consent(source.batch) else "FALSE",
                where=source.where,
            )
            + which,
            {
                "pending": MessageStatus.PENDING,
                "cap_days": organization.cap_days,
                "cap_messages": organization.cap_messages,
                **{f"p{index}": value for index, value in enumerate(source.parameters)},
                **parameters,
            },
        )
        messages = [
            PendingMessage(row_id, phone_number, json.loads(variables), text, blocked_as, variant_id)
            for row_id, phone_number, variables, text, blocked_as, variant_id in cursor.fetchall()
        ]
    if not messages:
        return []
    # What is planned and not yet leased when a person is erased, the erasure ends itself.
    erased = unreachable.recognise(
        organization_id=organization.pk, people=[(message.phone_number, "") for message in messages]
    )
    if not erased:
        return messages
    return [
        replace(message, blocked_as=message.blocked_as or erased.get((message.phone_number, ""), ""))
        for message in messages
    ]


# A person may be written to by a sender on hold only if they wrote to that sender before. Groups are no first contacts,
# and a person who is known by LID only is known because they wrote.
_KNOWN_SQL = """(message.phone_number = '' OR EXISTS (
    SELECT FROM messaging_message AS inbound WHERE inbound.organization_id = message.organization_id
        AND inbound.phone_number = message.phone_number AND inbound.sender_id = %(p1)s AND inbound.direction = 'in'
        AND inbound.group_id IS NULL
))"""
# The same for a batch, from the few who wrote to the many who wait.
KNOWN_OF_BATCH_SQL = """message.batch_id = %(p0)s AND message.phone_number IN (
    SELECT inbound.phone_number FROM messaging_message AS inbound
    WHERE inbound.sender_id = %(p1)s AND inbound.direction = 'in' AND inbound.group_id IS NULL
)"""


def sources_of_batches(
    organization: Organization, batches: list[Batch], pending: dict[int, int], sender_ids: set[int], on_hold: set[int]
) -> list[Source]:
    """One source a batch for the senders that may write to anyone, and one for each of its senders on hold."""
    pools: dict[int, list[int]] = {batch.pk: [] for batch in batches}
    through = Batch.senders.through.objects.filter(batch_id__in=pools, sender_id__in=sender_ids)
    for batch_id, sender_id in through.values_list("batch_id", "sender_id"):
        pools[batch_id].append(sender_id)
    sources = []
    for batch in batches:
        free = [sender_id for sender_id in pools[batch.pk] if sender_id not in on_hold]
        held = [sender_id for sender_id in pools[batch.pk] if sender_id in on_hold]
        if free:
            sources.append(_source_of_batch(organization, batch, free, pending[batch.pk], "message.batch_id = %(p0)s"))
        sources += [
            _source_of_batch(organization, batch, [sender_id], pending[batch.pk], KNOWN_OF_BATCH_SQL)
            for sender_id in held
        ]
    return sources


def _source_of_batch(organization: Organization, batch: Batch, pool: list[int], wanted: int, where: str) -> Source:
    parsed = windows.parse(batch.windows)
    zone = ZoneInfo(batch.timezone or organization.timezone)
    plan = Plan(
        key=0,
        sender_ids=pool,
        wanted=wanted,
        min_delay=timedelta(milliseconds=batch.min_delay_ms),
        max_delay=timedelta(milliseconds=batch.max_delay_ms),
        next_open=anytime if batch.recipient_time or not parsed else Windows(parsed, zone).next_open,
    )
    return Source(
        organization=organization,
        plan=plan,
        where=where,
        parameters=[batch.pk, pool[0]],
        batch=batch,
        recipient_windows=parsed if batch.recipient_time else [],
        few=where == KNOWN_OF_BATCH_SQL,
    )


def sources_of_single_messages(
    organization: Organization, sender_ids: set[int], on_hold: set[int], most: int
) -> list[Source]:
    """Single messages that are due: those that ask for a sender get that one, the others any. They wait for quotas
    only."""
    pending = (
        Message.objects.for_organization(organization)
        .filter(batch=None, stage=MessageStatus.PENDING, due_at__lte=Now())
        .values_list("sender_id", flat=True)
        .order_by("due_at", "id")[:most]
    )
    sources = []
    for sender_id, number in Counter[int | None](pending).items():
        if sender_id is None:
            where = "message.batch_id IS NULL AND message.organization_id = %(p0)s AND message.sender_id IS NULL"
            pool = sorted(sender_ids - on_hold)
        elif sender_id in sender_ids:
            where = "message.batch_id IS NULL AND message.organization_id = %(p0)s AND message.sender_id = %(p1)s"
            where += f" AND {_KNOWN_SQL}" if sender_id in on_hold else ""
            pool = [sender_id]
        else:
            continue
        if pool:
            plan = Plan(key=0, sender_ids=pool, wanted=number)
            sources.append(Source(organization, plan, where, [organization.pk, sender_id]))
    return sources
