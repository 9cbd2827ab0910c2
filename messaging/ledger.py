"""Writes what became of messages: results of sends and receipts, in batches; `messaging.received` what people write.

Every function is one or a few set-based statements inside the caller's transaction, changes the counters of the
batches in it, and returns the batches that changed. Statuses move forward only; a late or repeated event changes
nothing, and neither does one that carries the epoch of an older lease.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now

from messaging import opt_outs, recall, received, replies, sql
from messaging.counts import Changes
from messaging.events import Changed, Event, Inbound, Outcome, Receipt, SendResult
from messaging.models import MessageStatus, SkipReason
from senders import health

FIRST_CONTACTS_HELD = timedelta(hours=24)  # where WhatsApp limits new chats and does not say until when
NOT_ON_WHATSAPP = "not_on_whatsapp"  # the code with which providers say that a number has no WhatsApp account
MEDIA_MISSING = "media_missing"  # the code of a message whose file is gone
# A network that is away and a session that was closed say nothing about the message: it never runs out of tries by them.
# The number is the fewest attempts that remain: after 0 it may change senders, after 1 it may have left.
_COSTS_NO_TRY = {Outcome.UNREACHABLE: 1, Outcome.LOST: 1, Outcome.CLOSED: 0}
_MAY_HAVE_LEFT = (Outcome.UNREACHABLE, Outcome.LOST)


def retry_delay(attempts: int) -> timedelta:
    """2, 4, 8 s after the first, second and third attempt, a quarter more or less so that retries do not bunch."""
    return timedelta(seconds=2**attempts * random.uniform(0.75, 1.25))


def _status_of(result: SendResult) -> tuple[int, str]:
    """The status that a result leads to, and the skip reason where it is `skipped`."""
    if result.outcome is Outcome.ACKNOWLEDGED:
        return MessageStatus.SENT, ""
    if result.outcome is Outcome.UNCERTAIN:
        return MessageStatus.UNKNOWN, ""
    if result.outcome in (Outcome.TRY_AGAIN, *_COSTS_NO_TRY):
        return MessageStatus.QUEUED, ""
    if result.code == NOT_ON_WHATSAPP:
        return MessageStatus.SKIPPED, SkipReason.NOT_ON_WHATSAPP
    return MessageStatus.FAILED, ""


# Results of an older lease change nothing. As a CASE, because PostgreSQL would otherwise begin with all rows that are
# `sending`, which its old statistics hold to be few, and compare each with every result.
_STILL_OURS_SQL = """message.id = r.id
    AND CASE WHEN message.lease_epoch = r.epoch THEN message.status = %(sending)s ELSE FALSE END"""
_ACKNOWLEDGED_SQL = f"""
UPDATE messaging_message AS message SET status = %(sent)s, sent_at = %(now)s, error_code = '', error = '',
    whatsapp_id = COALESCE(NULLIF(r.whatsapp_id, ''), message.whatsapp_id)
FROM unnest(%(ids)s::bigint[], %(epochs)s::bigint[], %(whatsapp_ids)s::text[]) AS r (id, epoch, whatsapp_id)
WHERE {_STILL_OURS_SQL}
RETURNING message.batch_id, message.sender_id
"""
_EXHAUSTED_SQL = "(r.status = %(queued)s AND r.least_attempts IS NULL AND message.attempts >= %(tries)s)"
_RESULTS_SQL = f"""
UPDATE messaging_message AS message SET
    status = CASE WHEN {_EXHAUSTED_SQL} THEN %(failed)s ELSE r.status END,
    skip_reason = r.skip_reason,
    error_code = r.code,
    error = r.detail,
    exhausted = {_EXHAUSTED_SQL},
    attempts = CASE WHEN r.least_attempts IS NULL THEN message.attempts
        ELSE GREATEST(r.least_attempts, message.attempts - 1) END,
    whatsapp_id = COALESCE(NULLIF(r.whatsapp_id, ''), message.whatsapp_id),
    -- There can be more attempts than tries: those of a killed worker cost none.
    due_at = CASE WHEN r.status = %(queued)s THEN r.again_at[LEAST(message.attempts, %(tries)s)] ELSE message.due_at END,
    ended_at = CASE WHEN r.status >= %(failed)s OR {_EXHAUSTED_SQL} THEN %(now)s END
FROM (
    SELECT given.*, %(again_at)s::timestamptz[] AS again_at
    FROM unnest(%(ids)s::bigint[], %(epochs)s::bigint[], %(statuses)s::smallint[], %(reasons)s::text[],
        %(codes)s::text[], %(details)s::text[], %(whatsapp_ids)s::text[], %(blamed)s::boolean[],
        %(least_attempts)s::integer[])
        AS given (id, epoch, status, skip_reason, code, detail, whatsapp_id, sender_is_blamed, least_attempts)
) AS r
WHERE {_STILL_OURS_SQL}
RETURNING message.batch_id, message.sender_id, message.status, message.skip_reason, r.sender_is_blamed
"""


@dataclass
class Written:
    """What `write_results` did: rows changed, and senders that paused themselves because of it."""

    rows: int = 0
    paused_senders: list[int] = field(default_factory=list)


def write_results(results: Sequence[SendResult], changes: Changes) -> Written:
    """What the sends came to. A result of an older epoch, or of a message that a receipt already settled, changes
    nothing. Call inside a transaction; the caller saves `changes`."""
    if not results:
        return Written()
    results = sorted(results, key=lambda result: result.message_id)  # receipts take rows in the same order
    with connection.cursor() as cursor:
        sql.along_indexes(cursor)
    acknowledged = [result for result in results if result.outcome is Outcome.ACKNOWLEDGED]
    held = [result for result in results if result.outcome is Outcome.HELD]
    others = [result for result in results if result.outcome not in (Outcome.ACKNOWLEDGED, Outcome.HELD)]
    written = Written()
    working = _write_acknowledged(acknowledged, changes, written) if acknowledged else set()
    if others:
        _write_others(others, changes, written, working)
    if held:
        written.rows += _write_held(held, changes)
    return written


def _write_acknowledged(results: Sequence[SendResult], changes: Changes, written: Written) -> set[int]:
    """Nearly all results. Returns the senders that work, as these messages show."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ACKNOWLEDGED_SQL,
            {
                "ids": sql.numbers(result.message_id for result in results),
                "epochs": sql.numbers(result.epoch for result in results),
                "whatsapp_ids": sql.texts(result.whatsapp_id for result in results),
                "now": now(),
                "sending": MessageStatus.SENDING,
                "sent": MessageStatus.SENT,
            },
        )
        rows = cursor.fetchall()
    for batch_id, number in Counter(batch_id for batch_id, _ in rows).items():
        changes.move(batch_id, MessageStatus.SENDING, MessageStatus.SENT, number)
    working = {sender_id for _, sender_id in rows}
    health.note_successes(working)
    written.rows += len(rows)
    return working


def _write_others(results: Sequence[SendResult], changes: Changes, written: Written, working: set[int]) -> None:
    """What did not simply succeed. A sender that works is not blamed for a message that failed."""
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
                # Empty also where it may have left: `services.cancel_batch` tells the two apart by it.
                "codes": ["" if result.outcome in _MAY_HAVE_LEFT else result.code[:40] for result in results],
                "details": [result.detail[:300] for result in results],
                "whatsapp_ids": [result.whatsapp_id for result in results],
                "blamed": [_is_blamed(result) for result in results],
                "least_attempts": [_COSTS_NO_TRY.get(result.outcome) for result in results],
                "again_at": [moment + retry_delay(attempts) for attempts in range(1, settings.SEND_ATTEMPTS + 1)],
                "tries": settings.SEND_ATTEMPTS,
                "now": moment,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
                "failed": MessageStatus.FAILED,
            },
        )
        rows = cursor.fetchall()
    for batch_id, _, status, reason, _ in rows:
        changes.move(batch_id, MessageStatus.SENDING, status, skip_reason=reason)
    failing = Counter(sender_id for _, sender_id, _, _, blamed in rows if blamed and sender_id not in working)
    written.paused_senders = health.note_failures(failing)
    written.rows += len(rows)


def _is_blamed(result: SendResult) -> bool:
    """Whether a result speaks against the sender: not where the network was away, the recipient has no account, or
    the file to send is gone."""
    if result.outcome is Outcome.REJECTED:
        return result.code not in (NOT_ON_WHATSAPP, MEDIA_MISSING)
    return result.outcome is Outcome.TRY_AGAIN


def _write_held(results: Sequence[SendResult], changes: Changes) -> int:
    """WhatsApp limits new chats of a sender: what it refused goes back to `pending`, for senders that are not limited,
    and the sender holds its first contacts until the stated time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE messaging_message AS message SET status = %(pending)s, attempts = message.attempts - 1,
                whatsapp_id = '', due_at = now(), error_code = r.code,
                sender_id = CASE WHEN message.batch_id IS NULL THEN message.sender_id END
            FROM (
                SELECT given.*, same.sender_id AS limited_sender_id
                FROM unnest(%(ids)s::bigint[], %(epochs)s::bigint[], %(codes)s::text[], %(until)s::timestamptz[])
                    AS given (id, epoch, code, held_until)
                JOIN messaging_message AS same ON same.id = given.id
            ) AS r
            WHERE {_STILL_OURS_SQL}
            RETURNING message.batch_id, r.limited_sender_id, r.held_until
            """,
            {
                "ids": [result.message_id for result in results],
                "epochs": [result.epoch for result in results],
                "codes": [result.code[:40] for result in results],
                "until": [result.held_until or now() + FIRST_CONTACTS_HELD for result in results],
                "pending": MessageStatus.PENDING,
                "sending": MessageStatus.SENDING,
            },
        )
        rows = cursor.fetchall()
        for batch_id, _, _ in rows:
            changes.move(batch_id, MessageStatus.SENDING, MessageStatus.PENDING)
        until = {sender_id: held_until for _, sender_id, held_until in rows}
        cursor.execute(
            """
            UPDATE senders_sender SET first_contacts_held_until = GREATEST(first_contacts_held_until, h.held_until)
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS h (sender_id, held_until) WHERE id = h.sender_id
            """,
            [list(until), list(until.values())],
        )
    recall.take_back_queued(changes, sender_ids=list(until))
    return len(rows)


_RECEIPTS_SQL = """
WITH r AS (
    SELECT sender_id, whatsapp_id, max(status) AS status, max(code) AS code, max(detail) AS detail,
        min(at) FILTER (WHERE status = %(delivered)s) AS delivered_at,
        min(at) FILTER (WHERE status = %(read)s) AS read_at, min(at) AS first_at
    FROM unnest(%(senders)s::bigint[], %(whatsapp_ids)s::text[], %(statuses)s::smallint[], %(times)s::timestamptz[],
        %(codes)s::text[], %(details)s::text[]) AS given (sender_id, whatsapp_id, status, at, code, detail)
    GROUP BY sender_id, whatsapp_id
), found AS (
    SELECT same.id, same.status AS was, r.*
    FROM (
        SELECT seen.id AS message_id, r.* FROM r
        -- A row at a time on purpose: the statistics of a growing table mislead a join into reading the whole index.
        CROSS JOIN LATERAL (
            SELECT message.id FROM messaging_message AS message
            WHERE message.whatsapp_id = r.whatsapp_id AND message.whatsapp_id <> ''
                AND message.sender_id = r.sender_id AND message.direction = 'out'
            OFFSET 0
        ) AS seen ORDER BY seen.id  -- the order in which results are written: two writers cannot deadlock
    ) AS r
    CROSS JOIN LATERAL (
        SELECT message.id, message.status FROM messaging_message AS message WHERE message.id = r.message_id
        OFFSET 0 FOR UPDATE
    ) AS same
)
UPDATE messaging_message AS message SET
    status = r.status,
    sent_at = CASE WHEN r.status < %(failed)s THEN COALESCE(message.sent_at, r.first_at) ELSE message.sent_at END,
    delivered_at = CASE WHEN r.status IN (%(delivered)s, %(read)s)
        THEN COALESCE(message.delivered_at, r.delivered_at, r.read_at) ELSE message.delivered_at END,
    read_at = COALESCE(message.read_at, r.read_at),
    ended_at = CASE WHEN r.status = %(failed)s THEN r.first_at END,
    exhausted = FALSE,
    error_code = CASE WHEN r.status = %(failed)s THEN r.code ELSE '' END,
    error = CASE WHEN r.status = %(failed)s THEN r.detail ELSE '' END
FROM found AS r
WHERE message.id = r.id
    AND (
        (message.status < r.status AND (message.status <> %(queued)s OR message.attempts > 0))
        OR (message.status = %(failed)s AND r.status < %(failed)s)
        OR (message.status = %(unknown)s AND r.status <= %(failed)s)
    )
    AND (r.status <> %(failed)s OR message.status NOT IN (%(delivered)s, %(read)s))
RETURNING message.batch_id, r.was, message.status
"""


def write_receipts(receipts: Sequence[Receipt], changes: Changes) -> int:
    """What WhatsApp says of messages that left: forward only, and evidence of arrival mends `failed` and `unknown`.

    Returns how many rows changed. Call inside a transaction; the caller saves `changes`.
    """
    if not receipts:
        return 0
    with connection.cursor() as cursor:
        sql.along_indexes(cursor)
        cursor.execute(
            _RECEIPTS_SQL,
            {
                "senders": sql.numbers(receipt.sender_id for receipt in receipts),
                "whatsapp_ids": sql.texts(receipt.whatsapp_id for receipt in receipts),
                "statuses": sql.numbers(receipt.status for receipt in receipts),
                "times": sql.times(receipt.at for receipt in receipts),
                "codes": sql.texts(receipt.code[:40] for receipt in receipts),
                "details": sql.texts(receipt.detail[:300] for receipt in receipts),
                "queued": MessageStatus.QUEUED,
                "delivered": MessageStatus.DELIVERED,
                "read": MessageStatus.READ,
                "failed": MessageStatus.FAILED,
                "unknown": MessageStatus.UNKNOWN,
            },
        )
        rows = cursor.fetchall()
    for (batch_id, was, status), number in Counter(rows).items():
        changes.move(batch_id, was, status, number)
    return len(rows)


def record(events: Sequence[Event]) -> set[int]:
    """Commits receipts, inbound messages and their changes; returns the batches whose counters changed."""
    changes = Changes()
    with transaction.atomic():
        write_events(events, changes)
        changes.save()
    return changes.batch_ids


def write_events(events: Sequence[Event], changes: Changes) -> None:
    """Everything that a provider can report. Call inside a transaction; the caller saves `changes`."""
    if events:
        write_receipts([event for event in events if isinstance(event, Receipt)], changes)
        inbound = [event for event in events if isinstance(event, Inbound)]
        stored = received.write_inbound(inbound)
        replies.attribute([row.id for row in stored if row.is_private and row.phone_number], changes)
        changed = received.write_changes([event for event in events if isinstance(event, Changed)])
        opt_outs.honour(inbound, stored, changed, changes)
