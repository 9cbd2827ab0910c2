"""Takes back what was queued and never leased: for a pause, a lost sender, an outage."""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from messaging.counts import Changes
from messaging.models import Message, MessageStatus
from senders.health import SENDABLE_SQL


def take_back_queued(changes: Changes, *, batch_id: int | None = None, sender_ids: list[int] | None = None) -> int:
    """Returns what was queued and never leased to `pending`, for a batch or for senders, and frees their slots.

    Single messages keep the sender they asked for. Call inside a transaction; the caller saves `changes`.
    """
    condition = "batch_id = %(batch)s" if batch_id is not None else "sender_id = ANY(%(senders)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH taken AS (
                SELECT id, sender_id FROM messaging_message
                WHERE {condition} AND stage = %(queued)s AND attempts = 0 AND retried_at IS NULL
                ORDER BY id FOR UPDATE
            ), freed AS (
                UPDATE senders_sender SET planned_until = NULL WHERE id IN (SELECT sender_id FROM taken)
            )
            UPDATE messaging_message AS message SET status = %(pending)s, due_at = now(), queued_at = NULL,
                whatsapp_id = '', sender_id = CASE WHEN message.batch_id IS NULL THEN message.sender_id END,
                text = CASE WHEN message.batch_id IS NULL THEN message.text ELSE '' END,
                kind = CASE WHEN message.batch_id IS NULL THEN message.kind ELSE 'text' END,
                media_id = CASE WHEN message.batch_id IS NULL THEN message.media_id END
            FROM taken WHERE message.id = taken.id
            RETURNING message.batch_id
            """,
            {
                "batch": batch_id,
                "senders": sender_ids,
                "queued": MessageStatus.QUEUED,
                "pending": MessageStatus.PENDING,
            },
        )
        rows = cursor.fetchall()
    for (batch,) in rows:
        changes.move(batch, MessageStatus.QUEUED, MessageStatus.PENDING)
    return len(rows)


def take_back_from_unsendable(organization_id: int, changes: Changes) -> int:
    """Returns what is queued for senders that may not send now (lost, resting, paused, unhealthy), for others to take."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM senders_sender AS sender WHERE organization_id = %s AND NOT {SENDABLE_SQL}",
            [organization_id],
        )
        sender_ids = [row[0] for row in cursor.fetchall()]
    return take_back_queued(changes, sender_ids=sender_ids) if sender_ids else 0


def take_back_late(changes: Changes, *, older_than: timedelta, sender_ids: list[int]) -> int:
    """Takes back the queue of those senders whose messages are late, to be planned afresh: what piled up in an outage
    would leave all at once, whatever the pace. Batches without a delay have no pace to keep, and are left alone.

    Call inside a transaction; the caller saves `changes`.
    """
    late = _late(older_than).filter(sender_id__in=sender_ids, batch__max_delay_ms__gt=0)
    return _take_back_queues(late, changes)


def recover_overdue(*, older_than: timedelta) -> int:
    """Takes back queued messages whose time passed long ago, to be planned afresh: windows and quotas have moved on."""
    with transaction.atomic():
        changes = Changes()
        taken = _take_back_queues(_late(older_than).filter(sender__isnull=False), changes)
        changes.save()
    return taken


def _late(older_than: timedelta) -> QuerySet[Message]:
    return Message.objects.filter(stage=MessageStatus.QUEUED, attempts=0, due_at__lt=now() - older_than)


def _take_back_queues(late: QuerySet[Message], changes: Changes) -> int:
    sender_ids = [sender_id for sender_id in late.values_list("sender_id", flat=True).distinct() if sender_id]
    return take_back_queued(changes, sender_ids=sender_ids) if sender_ids else 0
