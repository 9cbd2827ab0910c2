"""Who answered a message of a batch: written with what people write, and counted with it.

An answer is the first private message (a reaction is none) that the person writes in the chat with the sender within
`REPLY_DAYS` after ours left, unless another batch's message left in that chat in between: then it answers that one.
"""

from collections import Counter
from collections.abc import Sequence

from django.db import connection

from messaging import sql
from messaging.counts import ANSWERED, Changes
from messaging.kinds import Kind
from messaging.models import MessageStatus

REPLY_DAYS = 7
# WhatsApp's clock may be behind ours, and tells whole seconds; nobody reads and answers faster.
CLOCKS_DIFFER = "5 seconds"

# An answer can be here before the acknowledgement of what it answers: then the message is still `sending`.
_LEFT_AT_SQL = "COALESCE(message.sent_at, CASE WHEN message.stage = %(sending)s THEN message.leased_at END)"
_ATTRIBUTE_SQL = f"""
INSERT INTO messaging_batchreply (batch_id, message_id, reply_id, replied_at)
SELECT DISTINCT ON (answered.id) answered.batch_id, answered.id, reply.id, GREATEST(reply.created_at, answered.left_at)
FROM messaging_message AS reply
CROSS JOIN LATERAL (
    SELECT message.id, message.batch_id, {_LEFT_AT_SQL} AS left_at FROM messaging_message AS message
    WHERE message.organization_id = reply.organization_id AND message.phone_number = reply.phone_number
        AND message.sender_id = reply.sender_id AND message.direction = 'out' AND message.batch_id IS NOT NULL
        AND {_LEFT_AT_SQL} <= reply.created_at + interval '{CLOCKS_DIFFER}'
        AND {_LEFT_AT_SQL} > reply.created_at - %(days)s * interval '1 day'
    ORDER BY left_at DESC, message.id DESC LIMIT 1
) AS answered
WHERE reply.id = ANY(%(ids)s::bigint[]) AND reply.direction = 'in' AND reply.group_id IS NULL
    AND reply.phone_number <> '' AND reply.kind <> %(reaction)s
ORDER BY answered.id, reply.created_at, reply.id
ON CONFLICT DO NOTHING
RETURNING batch_id
"""


def attribute(message_ids: Sequence[int], changes: Changes) -> None:
    """Finds what these messages answer, if anything. Call it inside a transaction, once they have their person's number;
    the caller saves `changes`."""
    if not message_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _ATTRIBUTE_SQL,
            {
                "ids": sql.numbers(message_ids),
                "days": REPLY_DAYS,
                "sending": MessageStatus.SENDING,
                "reaction": Kind.REACTION,
            },
        )
        rows = cursor.fetchall()
    for batch_id, number in Counter(batch_id for (batch_id,) in rows).items():
        changes.add(batch_id, ANSWERED, number)
