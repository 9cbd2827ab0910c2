"""Moves messages from `pending` to `queued`: picks the sender, renders the text, fixes the due time and the id.

Runs every second and on every start and resume. It queues about `PLAN_AHEAD_SECONDS` ahead for each sender and no
further, so that a pause, a blocked number or a lost sender takes effect at once. Two planners at a time do no harm:
an organization is planned under an advisory lock, and rows are claimed with SKIP LOCKED.
"""

import random
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now as clock

from accounts.locks import Lock
from accounts.models import Organization
from contacts.phone_zones import zone_of
from messaging import counts, progress, recall, sources, sql, waves
from messaging.counts import Changes
from messaging.models import OPEN_STATUSES, Batch, BatchStatus, MessageStatus, Priority
from messaging.sources import PendingMessage, Source
from messaging.variants import waiting
from messaging.windows import Windows
from senders.health import HEALTH_SQL, PROBE_SQL, SENDABLE_SQL
from senders.pace import SenderPace, Slot, allocate
from senders.quota import quotas_now

MOST_A_PASS = 300  # messages that one pass plans for an organization: a pause may have to wait for it
MOST_QUEUED_A_SENDER = 2_000  # where no delay or quota limits the pace, this bounds what a pause has to take back
CANCELLED_PER_TICK = 50_000
# A message's id, its sender's, text, due time, WhatsApp id, typing time (ms), kind, and the id of its file.
QueuedRow = tuple[int, int, str, datetime, str, int, str, int | None]
Figures = dict[int, dict[counts.Key, int]]  # batch → status and reason → messages
LONGEST_IDLE = "30s"  # a planner that hangs in the middle of a pass, or whose machine vanished, lets another one plan


def plan_all() -> int:
    """Plans every organization that has something to plan. Returns how many messages were queued or skipped."""
    planned = 0
    for organization in _organizations_with_work():
        while True:
            number = plan_organization(organization)
            planned += number
            if number < MOST_A_PASS:
                break
    return planned


def _organizations_with_work() -> list[Organization]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT organization_id FROM messaging_batch
            WHERE status IN ('running', 'cancelled') AND finished_at IS NULL
            UNION
            SELECT organization_id FROM messaging_message
            WHERE batch_id IS NULL AND stage = %s AND due_at <= statement_timestamp()
            """,
            [MessageStatus.PENDING],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Organization.objects.filter(id__in=ids))


def plan_organization(organization: Organization) -> int:
    """Plans one organization in one transaction. Returns how many messages were queued or skipped."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(%s, %s), set_config('idle_in_transaction_session_timeout', %s, true)",
                [Lock.PLANNING, organization.pk % 2**31, LONGEST_IDLE],
            )
            if not cursor.fetchone()[0]:
                return 0  # another planner got there first
            # Who pauses a batch waits for this pass, and then takes back what it queued as well.
            cursor.execute(
                """
                SELECT id FROM messaging_batch
                WHERE organization_id = %s AND status IN ('running', 'cancelled') AND finished_at IS NULL
                ORDER BY id FOR SHARE
                """,
                [organization.pk],
            )
        changes = Changes()
        recall.take_back_from_unsendable(organization.pk, changes)
        batches, figures = _open_batches(organization, changes)
        planned = _plan_messages(organization, batches, figures, changes)
        changes.save()
    progress.publish(changes.batch_ids)
    progress.publish({batch.pk for batch in batches if batch.finished_at}, at_once=True)
    return planned


def _open_batches(organization: Organization, changes: Changes) -> tuple[list[Batch], Figures]:
    """The organization's unfinished batches with their figures; those with nothing left to do are finished."""
    batches = list(
        Batch.objects.for_organization(organization)
        .select_related("experiment")
        .filter(status__in=[BatchStatus.RUNNING, BatchStatus.CANCELLED], finished_at=None)
        .order_by("priority", "id")
    )
    waves.go_on(batches)
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
    return batches, figures


def _numbers_at(status: MessageStatus, figures: Figures) -> dict[int, int]:
    return {batch_id: found.get((status, ""), 0) for batch_id, found in figures.items()}


def cancel_pending(batch_id: int, changes: Changes, limit: int) -> int:
    """Cancels up to `limit` messages that were never planned. The rest follows in later passes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH next AS MATERIALIZED (  -- as a subquery it may be run again for each row, and then finds others
                SELECT id FROM messaging_message WHERE batch_id = %s AND stage = %s
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE messaging_message AS message SET status = %s, ended_at = now() FROM next WHERE message.id = next.id
            """,
            [batch_id, MessageStatus.PENDING, limit, MessageStatus.CANCELLED],
        )
        changes.move(batch_id, MessageStatus.PENDING, MessageStatus.CANCELLED, cursor.rowcount)
        return cursor.rowcount


def _plan_messages(organization: Organization, batches: list[Batch], figures: Figures, changes: Changes) -> int:
    """Deals slots to everything that is pending, and fills them: first to what a person is waiting for."""
    now = clock()
    until = now + timedelta(seconds=settings.PLAN_AHEAD_SECONDS)
    senders = {sender.id: sender for sender in _sendable_senders(organization)}
    on_hold = {sender.id for sender in senders.values() if sender.is_on_hold}
    singles = sources.sources_of_single_messages(organization, set(senders), on_hold, MOST_A_PASS)
    urgent, _ = _plan(singles, senders, now, until, changes, urgent=True)
    pending, queued = (_numbers_at(status, figures) for status in (MessageStatus.PENDING, MessageStatus.QUEUED))
    pending |= waiting.numbers_due(batches, MOST_A_PASS)
    randomness = random.Random()
    running = sorted(
        (batch for batch in batches if batch.status == BatchStatus.RUNNING and pending[batch.pk]),
        key=lambda batch: turn(batch.priority, queued[batch.pk], randomness),
    )
    free = {sender.id for sender in senders.values() if sender.planned_until is None or sender.planned_until < until}
    planned, slots = _plan(
        sources.sources_of_batches(organization, running, pending, free, on_hold), senders, now, until, changes
    )
    _remember_free_at(slots)
    return urgent + planned


def turn(priority: int, queued: int, randomness: random.Random) -> tuple[int, int, float]:
    """What a pass sorts its batches by: priority, then who has the fewest messages queued, then the lot.

    A pass often finds only one sender free, and whoever comes first gets it: in a fixed order the others would starve.
    """
    return priority, queued, randomness.random()


def _plan(
    waiting: list[Source],
    senders: dict[int, "SendableSender"],
    now: datetime,
    until: datetime,
    changes: Changes,
    *,
    urgent: bool = False,
) -> tuple[int, list[Slot]]:
    """Queues messages of these sources. Returns how many it planned, skipped ones too, and the slots that were used."""
    pool = {sender_id for source in waiting for sender_id in source.plan.sender_ids}
    if not pool:
        return 0, []
    for key, source in enumerate(waiting):
        source.plan.key = key
        source.plan.wanted = min(source.plan.wanted, MOST_A_PASS)
    slots = allocate(
        [source.plan for source in waiting],
        paces([senders[sender_id] for sender_id in pool], waiting[0].organization, now, urgent=urgent),
        now=now,
        until=until,
        randomness=random.Random(),
    )
    planned, used = 0, []
    for source in waiting:
        if dealt := slots[source.plan.key]:
            number, slots_used = _fill(source, dealt, changes)
            planned += number
            used += slots_used
    return planned, used


_SENDERS_SQL = f"""
SELECT sender.id, {HEALTH_SQL}, sender.planned_until, {PROBE_SQL},
    COALESCE(sender.first_contacts_held_until > statement_timestamp(), FALSE)
FROM senders_sender AS sender WHERE sender.organization_id = %s AND {SENDABLE_SQL}
"""
# Minutes since 1970: thousands of rows, and times are slow to pass.
_UNDER_WAY_SQL = """
SELECT sender_id, stage = %s, floor(extract(epoch FROM GREATEST(due_at, statement_timestamp())) / 60)::bigint, count(*)
FROM messaging_message WHERE sender_id = ANY(%s::bigint[]) AND stage IN (%s, %s) AND priority <= %s GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class SendableSender:
    """A sender that may send: `most` under way at a time; `is_on_hold` while its first contacts are held."""

    id: int
    health: int
    planned_until: datetime | None
    most: int
    is_on_hold: bool


def _sendable_senders(organization: Organization) -> list[SendableSender]:
    with connection.cursor() as cursor:
        cursor.execute(_SENDERS_SQL, [organization.pk])
        return [SendableSender(*row) for row in cursor.fetchall()]


def paces(
    senders: list[SendableSender], organization: Organization, now: datetime, *, urgent: bool = False
) -> dict[int, SenderPace]:
    """The senders as the pace rules see them. For urgent messages they are free now, whatever of lower priority is
    planned for the next minute: at the lease those overtake it, and it waits for the quota instead of them."""
    ids = [sender.id for sender in senders]
    lowest = Priority.INTERACTIVE if urgent else max(Priority)
    with connection.cursor() as cursor:
        cursor.execute(
            _UNDER_WAY_SQL,
            [MessageStatus.QUEUED, sql.numbers(ids), MessageStatus.QUEUED, MessageStatus.SENDING, lowest],
        )
        under_way = cursor.fetchall()
    quotas = quotas_now(ids)
    zone = ZoneInfo(organization.timezone)
    found = {
        sender.id: SenderPace(
            sender_id=sender.id,
            zone=zone,
            quotas=quotas[sender.id].limits,
            free_at=now if urgent or sender.planned_until is None else max(now, sender.planned_until),
            room=min(MOST_QUEUED_A_SENDER, sender.most),
            health=sender.health,
        )
        for sender in senders
    }
    for sender_id, pace in found.items():
        pace.count_spent(now, quotas[sender_id].used)
    minutes = {minute: datetime.fromtimestamp(minute * 60, UTC) for _, _, minute, _ in under_way}
    for sender_id, is_queued, minute, number in under_way:
        found[sender_id].room -= number
        if is_queued:  # what is being sent has spent its quota already
            found[sender_id].count(max(minutes[minute], now), number)
    return found


def _fill(source: Source, slots: list[Slot], changes: Changes) -> tuple[int, list[Slot]]:
    """Queues the next pending messages of a source into its slots. Returns how many messages it took up, and the slots
    that were used: none for a message that is skipped or must wait for its recipient's hours."""
    render = source.renderer()
    rows: list[QueuedRow] = []
    skipped: list[tuple[int, str]] = []
    postponed: list[tuple[int, datetime]] = []
    free = iter(slots)
    slot = next(free)
    used: list[Slot] = []
    messages = sources.pending_messages(source, len(slots))
    for message in messages:
        said = render(message)
        if reason := message.blocked_as or said.reason:
            skipped.append((message.id, reason))
            continue
        opens_at = _opens_for(source, message, slot.due_at)
        if opens_at > slot.due_at:
            postponed.append((message.id, opens_at))
            continue
        used.append(slot)
        typing_ms = source.typing_ms(said.text)
        rows.append(
            (
                message.id,
                slot.sender_id,
                said.text,
                slot.due_at,
                new_whatsapp_id(),
                typing_ms,
                said.kind,
                said.media_id,
            )
        )
        slot = next(free, slot)
    _write_queued(rows, source)
    _write_skipped(skipped)
    _write_postponed(postponed)
    changes.move(source.batch_id, MessageStatus.PENDING, MessageStatus.QUEUED, len(rows))
    for _, reason in skipped:
        changes.move(source.batch_id, MessageStatus.PENDING, MessageStatus.SKIPPED, skip_reason=reason)
    return len(messages), used


def _opens_for(source: Source, message: PendingMessage, moment: datetime) -> datetime:
    """When the message may leave, where its batch keeps to the recipient's own hours."""
    if not source.recipient_windows:
        return moment
    zone = zone_of(message.phone_number, ZoneInfo(source.organization.timezone))
    return Windows(source.recipient_windows, zone).next_open(moment)


def new_whatsapp_id() -> str:
    """An id of the form that WhatsApp's own web clients make: 3EB0 and 18 hexadecimal digits."""
    return "3EB0" + secrets.token_hex(9).upper()


# Of a single message kind and file stay as they are.
_OF_BATCH_SQL = ", kind = q.kind, media_id = q.media_id"


def _write_queued(rows: list[QueuedRow], source: Source) -> None:
    if not rows:
        return
    ids, sender_ids, rendered, due_at, whatsapp_ids, typing_ms, kinds, media_ids = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE messaging_message AS message SET status = %s, sender_id = q.sender_id, text = q.text,
                due_at = q.due_at, whatsapp_id = q.whatsapp_id, typing_ms = q.typing_ms, priority = %s,
                queued_at = now(){_OF_BATCH_SQL if source.batch is not None else ""}
            FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::integer[],
                %s::text[], %s::bigint[]) AS q (id, sender_id, text, due_at, whatsapp_id, typing_ms, kind, media_id)
            WHERE message.id = q.id
            """,
            [
                MessageStatus.QUEUED,
                source.priority,
                sql.numbers(ids),
                sql.numbers(sender_ids),
                sql.texts(rendered),
                sql.times(due_at),
                sql.texts(whatsapp_ids),
                sql.numbers(typing_ms),
                sql.texts(kinds),
                sql.numbers(media_ids),
            ],
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
            [MessageStatus.SKIPPED, *(list(column) for column in zip(*skipped, strict=True))],
        )


def _write_postponed(postponed: list[tuple[int, datetime]]) -> None:
    """Sets pending messages aside until their recipient's hours."""
    if not postponed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message AS message SET due_at = p.due_at
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS p (id, due_at) WHERE message.id = p.id
            """,
            [list(column) for column in zip(*postponed, strict=True)],
        )


def _remember_free_at(slots: list[Slot]) -> None:
    """Notes when each sender is free again, for the next pass."""
    free_at: dict[int, datetime] = {}
    for slot in slots:
        free_at[slot.sender_id] = max(slot.free_at, free_at.get(slot.sender_id, slot.free_at))
    if free_at:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE senders_sender SET planned_until = f.free_at
                FROM unnest(%s::bigint[], %s::timestamptz[]) AS f (sender_id, free_at) WHERE id = f.sender_id
                """,
                [sql.numbers(free_at), sql.times(free_at.values())],
            )
