"""Moves messages from `pending` to `queued`: picks the sender, renders the text, fixes the due time and the id.

Runs every second and on every start and resume. It queues about `PLAN_AHEAD_SECONDS` ahead for each sender and no
further, so that a pause, a blocked number or a lost sender takes effect at once. Two planners at a time do no harm:
an organization is planned under an advisory lock, and rows are claimed with SKIP LOCKED.
"""

import json
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now as clock

from accounts.models import Organization
from messaging import counts, progress, template_text
from messaging.counts import Changes
from messaging.models import OPEN_STATUSES, Batch, BatchStatus, Message, MessageStatus, Priority, SkipReason
from senders.models import Sender, SenderStatus
from senders.pace import Plan, SenderPace, Slot, allocate
from senders.quota import used_now

ADVISORY_LOCK = 7_301  # the first half of this module's advisory locks; the second is the organization
MOST_PER_TICK = 10_000  # messages that one pass queues for an organization, to keep its transaction short
MOST_QUEUED_A_SENDER = 2_000  # where no delay or quota limits the pace, this bounds what a pause has to take back
CANCELLED_PER_TICK = 50_000
LOOSE = 0  # the plan key of messages that belong to no batch


@dataclass(frozen=True)
class PendingMessage:
    id: int
    phone_number: str
    variables: dict[str, str]
    text: str
    blocked_as: str  # a SkipReason, or empty


def plan_all() -> int:
    """One pass over every organization that has something to plan. Returns how many messages were queued."""
    queued = 0
    for organization in _organizations_with_work():
        while True:
            made = plan_organization(organization)
            queued += made
            if made < MOST_PER_TICK:
                break
    return queued


def _organizations_with_work() -> list[Organization]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT organization_id FROM messaging_batch
            WHERE status IN ('running', 'cancelled') AND finished_at IS NULL
            UNION
            SELECT organization_id FROM messaging_message WHERE batch_id IS NULL AND stage = %s
            """,
            [MessageStatus.PENDING],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Organization.objects.filter(id__in=ids))


def plan_organization(organization: Organization) -> int:
    """Plans one organization in one transaction. Returns how many messages were queued."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [ADVISORY_LOCK, organization.pk % 2**31])
            if not cursor.fetchone()[0]:
                return 0  # another planner got there first
        changes = Changes()
        batches, pending = _open_batches(organization, changes)
        queued = _queue_messages(organization, batches, pending, changes)
        changes.save()
    progress.publish(changes.batch_ids)
    progress.publish({batch.pk for batch in batches if batch.finished_at}, at_once=True)
    return queued


def _open_batches(organization: Organization, changes: Changes) -> tuple[list[Batch], dict[int, int]]:
    """The organization's unfinished batches with their pending messages; those with nothing left to do are finished."""
    batches = list(
        Batch.objects.for_organization(organization)
        .filter(status__in=[BatchStatus.RUNNING, BatchStatus.CANCELLED], finished_at=None)
        .order_by("priority", "id")
    )
    figures = counts.of_batches([batch.pk for batch in batches])
    for batch in batches:
        if batch.status == BatchStatus.CANCELLED:
            cancel_pending(batch.pk, changes, CANCELLED_PER_TICK)
        if any(status in OPEN_STATUSES for status, _ in figures[batch.pk]):
            continue
        batch.finished_at = clock()
        if batch.status == BatchStatus.RUNNING:
            batch.status = BatchStatus.COMPLETED
        batch.save(update_fields=["status", "finished_at"])
    return batches, {batch_id: found.get((MessageStatus.PENDING, ""), 0) for batch_id, found in figures.items()}


def cancel_pending(batch_id: int, changes: Changes, limit: int) -> int:
    """Cancels up to `limit` messages that were never planned. The rest follows in later passes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message SET status = %s, ended_at = now() WHERE id IN (
                SELECT id FROM messaging_message WHERE batch_id = %s AND stage = %s
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            )
            """,
            [MessageStatus.CANCELLED, batch_id, MessageStatus.PENDING, limit],
        )
        changes.move(batch_id, MessageStatus.PENDING, MessageStatus.CANCELLED, cursor.rowcount)
        return cursor.rowcount


def _queue_messages(
    organization: Organization, batches: list[Batch], pending: dict[int, int], changes: Changes
) -> int:
    """Deals slots to everything that is pending, and fills them."""
    now = clock()
    paces, room = _paces(organization, now)
    if not paces:
        return 0
    running = [batch for batch in batches if batch.status == BatchStatus.RUNNING and pending[batch.pk]]
    plans = _plans_of_loose_messages(organization, paces) + _plans(running, pending, paces)
    most = min(MOST_PER_TICK, sum(room.values()))
    for plan in plans:
        plan.wanted = min(plan.wanted, most)
    slots = allocate(
        plans,
        paces,
        now=now,
        until=now + timedelta(seconds=settings.PLAN_AHEAD_SECONDS),
        randomness=random.Random(),
    )
    by_key = {batch.pk: batch for batch in running}
    queued, free_at = 0, dict[int, datetime]()
    for plan in plans:
        if slots[plan.key]:
            used = _fill(organization, by_key.get(plan.key), plan, slots[plan.key], changes)
            queued += len(used)
            for slot in used:
                free_at[slot.sender_id] = max(slot.free_at, free_at.get(slot.sender_id, slot.free_at))
    _remember_free_at(free_at)
    return queued


def _paces(organization: Organization, now: datetime) -> tuple[dict[int, SenderPace], dict[int, int]]:
    """The organization's connected senders as the pace rules see them, and how many more each may have queued."""
    senders = list(Sender.objects.for_organization(organization).filter(wanted=True, status=SenderStatus.CONNECTED))
    zone = ZoneInfo(organization.timezone)
    used = used_now([sender.pk for sender in senders])
    paces, room = {}, {}
    for sender in senders:
        pace = SenderPace(
            sender_id=sender.pk,
            zone=zone,
            quotas={
                "minute": sender.quota_per_minute,
                "hour": sender.quota_per_hour,
                "day": sender.quota_per_day,
            },
            free_at=max(now, sender.planned_until or now),
        )
        pace.count_spent(now, used[sender.pk])
        paces[sender.pk] = pace
        room[sender.pk] = MOST_QUEUED_A_SENDER
    queued = (
        Message.objects.filter(sender_id__in=paces, stage=MessageStatus.QUEUED)
        .values_list("sender_id", "due_at")
        .order_by()
    )
    for sender_id, due_at in queued:
        if sender_id is not None and due_at is not None:
            room[sender_id] -= 1
            paces[sender_id].count(max(due_at, now))
    return {sender_id: pace for sender_id, pace in paces.items() if room[sender_id] > 0}, room


def _plans(batches: Sequence[Batch], pending: dict[int, int], paces: dict[int, SenderPace]) -> list[Plan]:
    pools: dict[int, list[int]] = {batch.pk: [] for batch in batches}
    through = Batch.senders.through.objects.filter(batch_id__in=pools, sender_id__in=paces)
    for batch_id, sender_id in through.values_list("batch_id", "sender_id"):
        pools[batch_id].append(sender_id)
    return [
        Plan(
            key=batch.pk,
            sender_ids=pools[batch.pk],
            min_delay=timedelta(milliseconds=batch.min_delay_ms),
            max_delay=timedelta(milliseconds=batch.max_delay_ms),
            wanted=pending[batch.pk],
        )
        for batch in batches
        if pools[batch.pk]
    ]


def _plans_of_loose_messages(organization: Organization, paces: dict[int, SenderPace]) -> list[Plan]:
    """Single messages: those that ask for a sender get that one, the others any. They wait for quotas only."""
    pending = (
        Message.objects.for_organization(organization)
        .filter(batch=None, stage=MessageStatus.PENDING)
        .values_list("sender_id", flat=True)
        .order_by("id")[:MOST_PER_TICK]
    )
    wanted: dict[int | None, int] = {}
    for sender_id in pending:
        wanted[sender_id] = wanted.get(sender_id, 0) + 1
    nothing = timedelta(0)
    return [
        Plan(
            key=LOOSE if sender_id is None else -sender_id,
            sender_ids=list(paces) if sender_id is None else [sender_id],
            min_delay=nothing,
            max_delay=nothing,
            wanted=number,
        )
        for sender_id, number in wanted.items()
    ]


_PENDING_SQL = """
SELECT message.id, message.phone_number, message.variables, message.text, COALESCE(blocked.reason, '')
FROM messaging_message AS message
LEFT JOIN contacts_blocklistentry AS blocked
    ON blocked.organization_id = message.organization_id AND blocked.phone_number = message.phone_number
WHERE message.stage = %s AND {condition}
ORDER BY message.id LIMIT %s
FOR UPDATE OF message SKIP LOCKED
"""


def _pending(organization: Organization, batch: Batch | None, plan: Plan, limit: int) -> list[PendingMessage]:
    parameters: list[Any]
    if batch is not None:
        condition, parameters = "message.batch_id = %s", [batch.pk]
    elif plan.key == LOOSE:
        condition = "message.batch_id IS NULL AND message.organization_id = %s AND message.sender_id IS NULL"
        parameters = [organization.pk]
    else:
        condition, parameters = "message.batch_id IS NULL AND message.sender_id = %s", [-plan.key]
    with connection.cursor() as cursor:
        cursor.execute(_PENDING_SQL.format(condition=condition), [MessageStatus.PENDING, *parameters, limit])
        return [
            PendingMessage(row_id, phone_number, json.loads(variables), text, blocked_as)
            for row_id, phone_number, variables, text, blocked_as in cursor.fetchall()
        ]


def _fill(
    organization: Organization, batch: Batch | None, plan: Plan, slots: list[Slot], changes: Changes
) -> list[Slot]:
    """Queues the next pending messages of a plan into its slots; returns the slots that were used."""
    render = _renderer(batch)
    rows: list[tuple[int, int, str, datetime, str]] = []
    skipped: list[tuple[int, str]] = []
    used: list[Slot] = []
    free = iter(slots)
    for message in _pending(organization, batch, plan, len(slots)):
        text, reason = render(message)
        reason = message.blocked_as or reason
        if reason:
            skipped.append((message.id, reason))
            continue
        slot = next(free)
        used.append(slot)
        rows.append((message.id, slot.sender_id, text, slot.due_at, new_whatsapp_id()))
    batch_id = batch.pk if batch is not None else None
    _write_queued(rows, batch.priority if batch is not None else Priority.INTERACTIVE)
    _write_skipped(skipped)
    changes.move(batch_id, MessageStatus.PENDING, MessageStatus.QUEUED, len(rows))
    for _, reason in skipped:
        changes.move(batch_id, MessageStatus.PENDING, MessageStatus.SKIPPED, skip_reason=reason)
    return used


def _renderer(batch: Batch | None) -> Callable[[PendingMessage], tuple[str, str]]:
    """Gives a message's final text, and the reason to skip it where a variable is missing."""
    if batch is None:
        return lambda message: (message.text, "")
    template = template_text.parse(batch.text)

    def render(message: PendingMessage) -> tuple[str, str]:
        text, missing = template.render(message.variables)
        return text, SkipReason.MISSING_VARIABLE if missing else ""

    return render


def new_whatsapp_id() -> str:
    """An id of the form that WhatsApp's own web clients make: 3EB0 and 18 hexadecimal digits."""
    return "3EB0" + secrets.token_hex(9).upper()


def _write_queued(rows: list[tuple[int, int, str, datetime, str]], priority: int) -> None:
    if not rows:
        return
    ids, sender_ids, texts, due_ats, whatsapp_ids = (list(column) for column in zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message AS message SET status = %s, sender_id = q.sender_id, text = q.text,
                due_at = q.due_at, whatsapp_id = q.whatsapp_id, priority = %s, queued_at = now()
            FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::text[])
                AS q (id, sender_id, text, due_at, whatsapp_id)
            WHERE message.id = q.id
            """,
            [MessageStatus.QUEUED, priority, ids, sender_ids, texts, due_ats, whatsapp_ids],
        )


def _write_skipped(skipped: list[tuple[int, str]]) -> None:
    if not skipped:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message AS message SET status = %s, skip_reason = s.reason, ended_at = now()
            FROM unnest(%s::bigint[], %s::text[]) AS s (id, reason) WHERE message.id = s.id
            """,
            [MessageStatus.SKIPPED, [row_id for row_id, _ in skipped], [reason for _, reason in skipped]],
        )


def _remember_free_at(free_at: dict[int, datetime]) -> None:
    """Notes when each sender is free again, for the next pass."""
    if free_at:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE senders_sender SET planned_until = f.free_at
                FROM unnest(%s::bigint[], %s::timestamptz[]) AS f (sender_id, free_at) WHERE id = f.sender_id
                """,
                [list(free_at), list(free_at.values())],
            )
