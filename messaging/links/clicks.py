"""Counts who followed a link: one row a message, link, and whether it was a person or a bot."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count

from messaging.models import Click, MessageStatus

_FOUND_SQL = """
SELECT link.id, message.batch_id, link.url, message.variables, message.status, message.phone_number <> '',
    COALESCE(message.delivered_at, message.sent_at)
FROM messaging_message AS message JOIN messaging_link AS link ON link.batch_id = message.batch_id
WHERE message.id = %s AND message.direction = 'out' AND link.number = %s
"""
_COUNT_SQL = """
INSERT INTO messaging_click AS click (batch_id, link_id, message_id, is_bot, reason, number, first_at, last_at)
VALUES (%s, %s, %s, %s, %s, 1, now(), now())
ON CONFLICT (message_id, link_id, is_bot) DO UPDATE SET number = click.number + 1, last_at = now()
"""


@dataclass(frozen=True)
class Followed:
    """A link of a message. `counts` is false before the message left, for its own preview, and for an erased person;
    `reached_at` is when it was delivered, or sent."""

    message_id: int
    link_id: int
    batch_id: int
    url: str
    variables: Any
    counts: bool
    reached_at: datetime | None


def find(message_id: int, number: int) -> Followed | None:
    with connection.cursor() as cursor:
        cursor.execute(_FOUND_SQL, [message_id, number])
        row = cursor.fetchone()
    if row is None:
        return None
    link_id, batch_id, url, variables, status, has_person, reached_at = row
    counts = has_person and status >= MessageStatus.SENDING and reached_at is not None
    return Followed(message_id, link_id, batch_id, url, variables, counts, reached_at)


def count(followed: Followed, bot_reason: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT_SQL, [followed.batch_id, followed.link_id, followed.message_id, bool(bot_reason), bot_reason]
        )


def of_batches(batch_ids: Iterable[int]) -> dict[int, int]:
    """How many people clicked a link of each of these batches."""
    found = dict.fromkeys(batch_ids, 0)
    people = Click.objects.filter(batch_id__in=found, is_bot=False)
    rows = people.values_list("batch_id").annotate(number=Count("message_id", distinct=True))
    return found | dict(rows.order_by())
