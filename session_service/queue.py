"""Leases due messages: the only way from `queued` to `sending`.

One statement checks everything that must hold at the last moment: the lease of the sender, its state, its quotas,
the state of the batch, the blocklist.
"""

from collections import Counter
from collections.abc import Sequence

from django.db import connection

from messaging.counts import Changes
from messaging.models import MessageStatus
from senders.models import SenderStatus
from senders.quota import QUOTA_LEFT_SQL, spend
from session_service.providers.base import OutgoingMessage

MOST_A_SENDER = 50  # in one lease, so that a sender without a pace cannot keep the others waiting

# The lease row is locked until the commit: a take-over waits for it, and then sees these messages as `sending`.
_LEASE_SQL = f"""
WITH owned AS (
    SELECT lease.sender_id, lease.epoch, held.keeps_id, {QUOTA_LEFT_SQL} AS quota_left
    FROM unnest(%(senders)s::bigint[], %(epochs)s::bigint[], %(keeps)s::boolean[]) AS held (sender_id, epoch, keeps_id)
    JOIN session_service_sessionlease AS lease ON lease.sender_id = held.sender_id AND lease.epoch = held.epoch
        AND lease.worker_id = %(worker)s AND lease.expires_at > clock_timestamp()
    JOIN senders_sender AS sender ON sender.id = lease.sender_id AND sender.status = %(connected)s
    JOIN accounts_organization AS organization ON organization.id = sender.organization_id
    LEFT JOIN senders_senderusage AS usage ON usage.sender_id = sender.id
    WHERE EXISTS (
        SELECT FROM messaging_message AS message
        WHERE message.sender_id = lease.sender_id AND message.stage = %(queued)s AND message.due_at <= statement_timestamp()
    )
    ORDER BY random()
    FOR SHARE OF lease
), picked AS (
    SELECT due.id, owned.epoch, owned.keeps_id
    FROM owned CROSS JOIN LATERAL (
        SELECT message.id FROM messaging_message AS message
        LEFT JOIN messaging_batch AS batch ON batch.id = message.batch_id
        WHERE message.sender_id = owned.sender_id AND message.stage = %(queued)s AND message.due_at <= statement_timestamp()
            AND (batch.id IS NULL OR batch.status = 'running')
        ORDER BY message.priority, message.due_at, message.id
        LIMIT GREATEST(0, LEAST(owned.quota_left, %(most)s))
        FOR UPDATE OF message SKIP LOCKED
    ) AS due
    LIMIT %(room)s
)
UPDATE messaging_message AS message SET
    status = CASE WHEN blocked.reason IS NULL THEN %(sending)s ELSE %(skipped)s END,
    skip_reason = COALESCE(blocked.reason, ''),
    ended_at = CASE WHEN blocked.reason IS NULL THEN NULL ELSE statement_timestamp() END,
    attempts = message.attempts + CASE WHEN blocked.reason IS NULL THEN 1 ELSE 0 END,
    lease_epoch = picked.epoch,
    keeps_id = picked.keeps_id,
    leased_at = statement_timestamp()
FROM picked
JOIN messaging_message AS same ON same.id = picked.id
LEFT JOIN contacts_blocklistentry AS blocked
    ON blocked.organization_id = same.organization_id AND blocked.phone_number = same.phone_number
WHERE message.id = picked.id
RETURNING message.id, message.sender_id, message.lease_epoch, message.phone_number, message.text,
    message.whatsapp_id, message.attempts, message.batch_id, message.status, message.skip_reason
"""


def lease_due(
    *, worker_id: int, held: Sequence[tuple[int, int, bool]], room: int, changes: Changes
) -> list[OutgoingMessage]:
    """Leases up to `room` due messages of the held senders, given as (sender id, epoch, provider keeps ids).

    Spends their quotas. Call inside a transaction; the messages may be sent only after it is committed.
    """
    if not held or room <= 0:
        return []
    sender_ids, epochs, keeps = (list(column) for column in zip(*held, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _LEASE_SQL,
            {
                "senders": sender_ids,
                "epochs": epochs,
                "keeps": keeps,
                "worker": worker_id,
                "room": room,
                "most": MOST_A_SENDER,
                "connected": SenderStatus.CONNECTED,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
                "skipped": MessageStatus.SKIPPED,
            },
        )
        rows = cursor.fetchall()
    leased: list[OutgoingMessage] = []
    for row in rows:
        batch_id, status, reason = row[7:]
        changes.move(batch_id, MessageStatus.QUEUED, status, skip_reason=reason)
        if status == MessageStatus.SENDING:
            leased.append(OutgoingMessage(*row[:7]))
    spend(Counter(message.sender_id for message in leased))
    return leased
