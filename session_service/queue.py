"""Leases due messages: the only way from `queued` to `sending`.

One statement checks everything that must hold at the last moment: the lease of the sender, its state and health, its
quotas, held first contacts, the state of the batch, the order within a chat, the blocklist, consent where it is needed.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from django.db import connection

from contacts import phone_variants
from messaging import sql
from messaging.counts import Changes
from messaging.models import MessageStatus
from messaging.sources import blocked_sql
from senders.health import PROBE_SQL, SENDABLE_SQL
from senders.quota import QUOTA_LEFT_SQL, spend
from session_service.providers.base import Media, OutgoingMessage

MOST_A_SENDER = 50  # in one lease, so that a sender without a pace cannot keep the others waiting

# The lease row is locked until the commit, so that nobody takes the sender over meanwhile (`leases.take` locks FOR UPDATE
# and passes over it); afterwards they see these messages as `sending`. The heartbeat is not held up by it. Each OFFSET 0
# makes one index look-up of what PostgreSQL might otherwise turn into a join over the whole queue.
_LEASE_SQL = f"""
WITH owned AS (
    SELECT held.keeps_id, mine.*
    FROM unnest(%(senders)s::bigint[], %(epochs)s::bigint[], %(keeps)s::boolean[]) AS held (sender_id, epoch, keeps_id)
    CROSS JOIN LATERAL (
        SELECT lease.sender_id, lease.epoch, LEAST({QUOTA_LEFT_SQL}, {PROBE_SQL}) AS most,
            COALESCE(sender.first_contacts_held_until > statement_timestamp(), FALSE) AS holds_first_contacts,
            COALESCE(settings.marketing_needs_consent, FALSE) AS marketing_needs_consent
        FROM session_service_sessionlease AS lease
        JOIN senders_sender AS sender ON sender.id = lease.sender_id AND {SENDABLE_SQL}
        JOIN accounts_organization AS organization ON organization.id = sender.organization_id
        LEFT JOIN senders_senderusage AS usage ON usage.sender_id = sender.id
        LEFT JOIN contacts_contactsettings AS settings ON settings.organization_id = sender.organization_id
        WHERE lease.sender_id = held.sender_id AND lease.epoch = held.epoch
            AND lease.worker_id = %(worker)s AND lease.expires_at > clock_timestamp()
            AND EXISTS (
                SELECT FROM messaging_message AS message
                WHERE message.sender_id = lease.sender_id AND message.stage = %(queued)s
                    AND message.due_at <= statement_timestamp()
                ORDER BY message.priority, message.due_at, message.id OFFSET 0
            )
        FOR KEY SHARE OF lease
    ) AS mine
), picked AS (
    SELECT due.*, owned.epoch, owned.keeps_id
    FROM (SELECT * FROM owned ORDER BY random()) AS owned CROSS JOIN LATERAL (
        SELECT message.id, message.organization_id, message.phone_number, message.lid, message.confirms_id,
            owned.marketing_needs_consent AND batch.purpose = 'marketing' AS needs_consent
        FROM messaging_message AS message
        LEFT JOIN messaging_batch AS batch ON batch.id = message.batch_id
        WHERE message.sender_id = owned.sender_id AND message.stage = %(queued)s AND message.due_at <= statement_timestamp()
            AND (batch.id IS NULL OR batch.status = 'running')
            -- One chat's messages stay in order: an earlier one of the same or higher priority goes first, and what
            -- is being sent is answered first.
            AND NOT EXISTS (
                SELECT FROM messaging_message AS other
                WHERE other.sender_id = message.sender_id AND other.phone_number = message.phone_number
                    AND other.stage IN ({MessageStatus.QUEUED}, {MessageStatus.SENDING}) AND other.id <> message.id
                    AND (other.stage = {MessageStatus.SENDING}
                        OR (other.priority <= message.priority AND other.id < message.id))
                    AND (message.phone_number <> ''
                        OR (other.group_id IS NOT DISTINCT FROM message.group_id AND other.lid = message.lid))
                OFFSET 0
            )
            AND (NOT owned.holds_first_contacts OR EXISTS (
                SELECT FROM messaging_message AS inbound
                WHERE inbound.organization_id = message.organization_id AND inbound.sender_id = message.sender_id
                    AND inbound.phone_number = message.phone_number AND inbound.direction = 'in'
                    AND inbound.group_id IS NULL
            ) OR message.phone_number = '')
        ORDER BY message.priority, message.due_at, message.id
        LIMIT GREATEST(0, LEAST(owned.most, %(most)s))
        FOR UPDATE OF message SKIP LOCKED
    ) AS due
    LIMIT %(room)s
), judged AS (
    SELECT picked.id, picked.epoch, picked.keeps_id,
        -- As a CASE, so that nobody is looked up where no consent is needed.
        COALESCE(blocked.reason, CASE WHEN picked.needs_consent THEN CASE WHEN NOT EXISTS (
            SELECT FROM contacts_consent AS consent
            WHERE consent.organization_id = picked.organization_id AND consent.phone_number = picked.phone_number
                AND consent.is_given
        ) THEN 'no_consent' END END) AS reason
    FROM picked
    LEFT JOIN LATERAL ({blocked_sql("picked")}) AS blocked ON TRUE
)
UPDATE messaging_message AS message SET
    status = CASE WHEN judged.reason IS NULL THEN %(sending)s ELSE %(skipped)s END,
    skip_reason = COALESCE(judged.reason, ''),
    ended_at = CASE WHEN judged.reason IS NULL THEN NULL ELSE statement_timestamp() END,
    attempts = message.attempts + CASE WHEN judged.reason IS NULL THEN 1 ELSE 0 END,
    lease_epoch = judged.epoch,
    keeps_id = judged.keeps_id,
    leased_at = statement_timestamp()
FROM judged
WHERE message.id = judged.id
RETURNING message.id, message.sender_id, message.lease_epoch, message.phone_number, message.text,
    message.whatsapp_id, message.attempts, message.batch_id, message.status, message.skip_reason,
    message.kind = 'text' AND message.content = '{{}}' AND message.phone_number <> ''
"""
# What most messages do not have, for those that do.
_REST_SQL = """
SELECT message.id, message.kind, message.content, message.lid, COALESCE(chat.whatsapp_id, ''),
    media.name, media.mime_type, media.file_name, media.size
FROM messaging_message AS message
LEFT JOIN messaging_group AS chat ON chat.id = message.group_id
LEFT JOIN messaging_media AS media ON media.id = message.media_id
WHERE message.id = ANY(%s::bigint[])
"""


def lease_due(
    *, worker_id: int, held: Sequence[tuple[int, int, bool]], room: int, changes: Changes
) -> list[OutgoingMessage]:
    """Leases up to `room` due messages of the held senders, given as (sender id, epoch, provider keeps ids).

    Spends their quotas. Call inside a transaction; the messages may be sent only after it is committed.
    """
    if not held or room <= 0:
        return []
    sender_ids, epochs, keeps = zip(*sorted(held), strict=True)  # one order for all who lock leases
    with connection.cursor() as cursor:
        sql.along_indexes(cursor)
        cursor.execute(
            _LEASE_SQL,
            {
                "senders": sql.numbers(sender_ids),
                "epochs": sql.numbers(epochs),
                "keeps": list(keeps),
                "worker": worker_id,
                "room": room,
                "most": MOST_A_SENDER,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
                "skipped": MessageStatus.SKIPPED,
            },
        )
        rows = cursor.fetchall()
    for (batch_id, status, reason), number in Counter(row[7:10] for row in rows).items():
        changes.move(batch_id, MessageStatus.QUEUED, status, number, skip_reason=reason)
    leased = _with_known_forms([OutgoingMessage(*row[:7]) for row in rows if row[8] == MessageStatus.SENDING])
    spend(Counter(message.sender_id for message in leased))
    more_than_text = [row[0] for row in rows if not row[10] and row[8] == MessageStatus.SENDING]
    return _completed(leased, more_than_text) if more_than_text else leased


def _with_known_forms(leased: list[OutgoingMessage]) -> list[OutgoingMessage]:
    """The same messages, those to numbers that can be registered in two ways with the form that was seen."""
    doubtful = [message.id for message in leased if phone_variants.others(message.to)]
    if not doubtful:
        return leased
    forms = forms_of_messages(doubtful)
    return [replace(message, wire_number=forms.get(message.id, "")) for message in leased]


def forms_of_messages(message_ids: list[int]) -> dict[int, str]:
    """The forms under which WhatsApp was seen to know the numbers of these messages, by message id."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT message.id, known.wire_number FROM messaging_message AS message
            JOIN senders_numbercheck AS known
                ON known.organization_id = message.organization_id AND known.phone_number = message.phone_number
            WHERE message.id = ANY(%s::bigint[]) AND known.wire_number <> ''
            """,
            [sql.numbers(message_ids)],
        )
        return dict(cursor.fetchall())


def _completed(leased: list[OutgoingMessage], more_than_text: list[int]) -> list[OutgoingMessage]:
    """The same messages, those named with everything that a plain text to a number does not have."""
    rest = {}
    with connection.cursor() as cursor:
        cursor.execute(_REST_SQL, [sql.numbers(more_than_text)])
        for message_id, kind, content, lid, group, *file in cursor.fetchall():
            media = Media(*file) if file[0] is not None else None
            rest[message_id] = (kind, json.loads(content), media, group, lid)
    completed = []
    for message in leased:
        if message.id in rest:
            kind, content, media, group, lid = rest[message.id]
            message = replace(message, kind=kind, content=content, media=media, group=group, lid=lid)  # noqa: PLW2901
        completed.append(message)
    return completed


def about_to_type(sender_ids: Sequence[int], ahead: float) -> list[tuple[int, int, str, float]]:
    """Queued messages before which “typing…” should be shown now or within `ahead` seconds, as (message id, sender id,
    number, seconds left until it is due)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, sender_id, phone_number, extract(epoch FROM due_at - statement_timestamp())::float
            FROM messaging_message
            WHERE sender_id = ANY(%s) AND stage = %s AND typing_ms > 0 AND due_at > statement_timestamp()
                AND due_at - typing_ms * interval '1 millisecond'
                    <= statement_timestamp() + %s * interval '1 second'
            """,
            [list(sender_ids), MessageStatus.QUEUED, ahead],
        )
        return cursor.fetchall()
