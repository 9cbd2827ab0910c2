"""Writes what became of messages: results of sends, receipts and inbound messages, in batches.

Every function is one or a few set-based statements inside the caller's transaction, changes the counters of the
batches in it, and returns the batches that changed. Statuses move forward only; a late or repeated event changes
nothing, and neither does one that carries the epoch of an older lease.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now

from messaging.counts import Changes
from messaging.events import Inbound, Outcome, Receipt, SendResult
from messaging.models import MessageStatus, SkipReason

NOT_ON_WHATSAPP = "not_on_whatsapp"  # the code with which providers say that a number has no WhatsApp account


def retry_delay(attempts: int) -> timedelta:
    """2, 4, 8 s after the first, second and third attempt, a quarter more or less so that retries do not bunch."""
    return timedelta(seconds=2**attempts * random.uniform(0.75, 1.25))


def _status_of(result: SendResult) -> tuple[int, str]:
    """The status that a result leads to, and the skip reason where it is `skipped`."""
    if result.outcome is Outcome.ACKNOWLEDGED:
        return MessageStatus.SENT, ""
    if result.outcome is Outcome.UNCERTAIN:
        return MessageStatus.UNKNOWN, ""
    if result.outcome is Outcome.TRY_AGAIN:
        return MessageStatus.QUEUED, ""
    if result.code == NOT_ON_WHATSAPP:
        return MessageStatus.SKIPPED, SkipReason.NOT_ON_WHATSAPP
    return MessageStatus.FAILED, ""


_RESULTS_SQL = """
UPDATE messaging_message AS message SET
    status = CASE WHEN r.status = %(queued)s AND message.attempts >= %(tries)s THEN %(failed)s ELSE r.status END,
    skip_reason = r.skip_reason,
    error_code = r.code,
    error = r.detail,
    whatsapp_id = CASE WHEN r.whatsapp_id = '' THEN message.whatsapp_id ELSE r.whatsapp_id END,
    sent_at = CASE WHEN r.status = %(sent)s THEN %(now)s ELSE message.sent_at END,
    due_at = CASE WHEN r.status = %(queued)s THEN r.again_at[message.attempts] ELSE message.due_at END,
    ended_at = CASE WHEN r.status >= %(failed)s OR (r.status = %(queued)s AND message.attempts >= %(tries)s)
        THEN %(now)s END
FROM (
    SELECT id, epoch, status, skip_reason, code, detail, whatsapp_id, %(again_at)s::timestamptz[] AS again_at
    FROM unnest(%(ids)s::bigint[], %(epochs)s::bigint[], %(statuses)s::smallint[], %(reasons)s::text[],
        %(codes)s::text[], %(details)s::text[], %(whatsapp_ids)s::text[])
        AS given (id, epoch, status, skip_reason, code, detail, whatsapp_id)
) AS r
WHERE message.id = r.id AND message.lease_epoch = r.epoch AND message.status = %(sending)s
RETURNING message.batch_id, message.sender_id, message.status, message.skip_reason, r.status = %(queued)s
"""


def write_results(results: Sequence[SendResult], changes: Changes) -> int:
    """What the sends came to. Returns how many rows changed: a result of an older epoch, or of a message that a
    receipt already settled, changes none. Call inside a transaction; the caller saves `changes`."""
    if not results:
        return 0
    moment = now()
    statuses = [_status_of(result) for result in results]
    with connection.cursor() as cursor:
        cursor.execute(
            _RESULTS_SQL,
            {
                "ids": [result.message_id for result in results],
                "epochs": [result.epoch for result in results],
                "statuses": [status for status, _ in statuses],
                "reasons": [reason for _, reason in statuses],
                "codes": [result.code[:40] for result in results],
                "details": [result.detail[:300] for result in results],
                "whatsapp_ids": [result.whatsapp_id for result in results],
                "again_at": [moment + retry_delay(attempts) for attempts in range(1, settings.SEND_ATTEMPTS + 1)],
                "tries": settings.SEND_ATTEMPTS,
                "now": moment,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
                "sent": MessageStatus.SENT,
                "failed": MessageStatus.FAILED,
            },
        )
        rows = cursor.fetchall()
    for batch_id, _, status, reason, _ in rows:
        changes.move(batch_id, MessageStatus.SENDING, status, skip_reason=reason)
    _count_failures(
        failures=Counter(sender for _, sender, status, _, again in rows if again or status == MessageStatus.FAILED),
        working={sender for _, sender, status, _, _ in rows if status == MessageStatus.SENT},
    )
    return len(rows)


def _count_failures(*, failures: Counter[int], working: set[int]) -> None:
    """Failures in a row of each sender; an acknowledged message ends the row."""
    only_failing = {sender: number for sender, number in failures.items() if sender not in working}
    with connection.cursor() as cursor:
        if only_failing:
            cursor.execute(
                """
                UPDATE senders_sender SET consecutive_failures = consecutive_failures + f.number
                FROM unnest(%s::bigint[], %s::integer[]) AS f (sender_id, number) WHERE id = f.sender_id
                """,
                [list(only_failing), list(only_failing.values())],
            )
        if working:
            cursor.execute(
                "UPDATE senders_sender SET consecutive_failures = 0 WHERE id = ANY(%s) AND consecutive_failures > 0",
                [list(working)],
            )


_RECEIPTS_SQL = """
WITH r AS (
    SELECT sender_id, whatsapp_id, max(status) AS status, max(code) AS code, max(detail) AS detail,
        min(at) FILTER (WHERE status = %(delivered)s) AS delivered_at,
        min(at) FILTER (WHERE status = %(read)s) AS read_at, min(at) AS first_at
    FROM unnest(%(senders)s::bigint[], %(whatsapp_ids)s::text[], %(statuses)s::smallint[], %(times)s::timestamptz[],
        %(codes)s::text[], %(details)s::text[]) AS given (sender_id, whatsapp_id, status, at, code, detail)
    GROUP BY sender_id, whatsapp_id
), old AS (
    SELECT found.id, found.status AS was, r.*
    FROM (SELECT * FROM r ORDER BY whatsapp_id) AS r
    -- A row at a time on purpose: the statistics of a growing table mislead a join into reading the whole index.
    CROSS JOIN LATERAL (
        SELECT message.id, message.status, message.attempts FROM messaging_message AS message
        WHERE message.whatsapp_id = r.whatsapp_id AND message.whatsapp_id <> ''
            AND message.sender_id = r.sender_id AND message.direction = 'out'
        OFFSET 0 FOR UPDATE
    ) AS found
    WHERE (found.status < r.status AND (found.status <> %(queued)s OR found.attempts > 0))
        OR (found.status = %(failed)s AND r.status < %(failed)s)
        OR (found.status = %(unknown)s AND r.status <= %(failed)s)
)
UPDATE messaging_message AS message SET
    status = old.status,
    sent_at = CASE WHEN old.status < %(failed)s THEN COALESCE(message.sent_at, old.first_at) ELSE message.sent_at END,
    delivered_at = CASE WHEN old.status IN (%(delivered)s, %(read)s)
        THEN COALESCE(message.delivered_at, old.delivered_at, old.read_at) ELSE message.delivered_at END,
    read_at = COALESCE(message.read_at, old.read_at),
    ended_at = CASE WHEN old.status = %(failed)s THEN old.first_at END,
    error_code = CASE WHEN old.status = %(failed)s THEN old.code ELSE '' END,
    error = CASE WHEN old.status = %(failed)s THEN old.detail ELSE '' END
FROM old WHERE message.id = old.id AND (old.status <> %(failed)s OR old.was NOT IN (%(delivered)s, %(read)s))
RETURNING message.batch_id, old.was, message.status
"""


def write_receipts(receipts: Sequence[Receipt], changes: Changes) -> int:
    """What WhatsApp says of messages that left: forward only, and evidence of arrival mends `failed` and `unknown`.

    Returns how many rows changed. Call inside a transaction; the caller saves `changes`.
    """
    if not receipts:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _RECEIPTS_SQL,
            {
                "senders": [receipt.sender_id for receipt in receipts],
                "whatsapp_ids": [receipt.whatsapp_id for receipt in receipts],
                "statuses": [int(receipt.status) for receipt in receipts],
                "times": [receipt.at for receipt in receipts],
                "codes": [receipt.code[:40] for receipt in receipts],
                "details": [receipt.detail[:300] for receipt in receipts],
                "queued": MessageStatus.QUEUED,
                "sent": MessageStatus.SENT,
                "delivered": MessageStatus.DELIVERED,
                "read": MessageStatus.READ,
                "failed": MessageStatus.FAILED,
                "unknown": MessageStatus.UNKNOWN,
            },
        )
        rows = cursor.fetchall()
    for batch_id, was, status in rows:
        changes.move(batch_id, was, status)
    return len(rows)


def write_inbound(messages: Sequence[Inbound]) -> list[int]:
    """Stores what people wrote, each WhatsApp message once. Returns the ids of the new rows."""
    if not messages:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO messaging_message (organization_id, sender_id, direction, phone_number, whatsapp_id, text,
                status, skip_reason, error_code, error, variables, priority, attempts, lease_epoch, keeps_id, created_at)
            SELECT sender.organization_id, sender.id, 'in', given.phone_number, given.whatsapp_id, given.text,
                %s, '', '', '', '{}', 1, 0, 0, true, given.at
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
                AS given (sender_id, phone_number, whatsapp_id, text, at)
            JOIN senders_sender AS sender ON sender.id = given.sender_id
            ON CONFLICT DO NOTHING
            RETURNING id
            """,
            [
                MessageStatus.RECEIVED,
                [message.sender_id for message in messages],
                [message.phone_number for message in messages],
                [message.whatsapp_id for message in messages],
                [message.text.replace("\x00", "") for message in messages],
                [message.at for message in messages],
            ],
        )
        return [row[0] for row in cursor.fetchall()]


def record(events: Sequence[Receipt | Inbound]) -> set[int]:
    """Commits receipts and inbound messages; returns the batches whose counters changed."""
    changes = Changes()
    with transaction.atomic():
        write_receipts([event for event in events if isinstance(event, Receipt)], changes)
        write_inbound([event for event in events if isinstance(event, Inbound)])
        changes.save()
    return changes.batch_ids
