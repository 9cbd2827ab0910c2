"""How many messages there were, by day, sender, origin or status: counted from the rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from messaging import log
from messaging.models import MessageStatus

LONGEST = timedelta(days=366)
SECONDS_TO_COUNT = 20
BY = ("day", "sender", "origin", "none")

_KEYS = {
    "day": "to_char(message.created_at AT TIME ZONE %(zone)s, 'YYYY-MM-DD')",
    "sender": "COALESCE(message.sender_id::text, '')",
    "origin": """CASE WHEN message.direction = 'in' THEN 'received' WHEN batch.origin IS NOT NULL THEN batch.origin
        WHEN message.confirms_id IS NOT NULL THEN 'opt_out'
        WHEN message.idempotency_key LIKE 'reminder:%%' THEN 'reminder'
        WHEN message.idempotency_key LIKE 'flow:%%' THEN 'flow'
        WHEN message.idempotency_key LIKE 'autoreply:%%' THEN 'auto_reply' ELSE 'single' END""",
    "none": "''",
}
_COUNT_SQL = """
SELECT {key}, message.status, count(*) FROM messaging_message AS message
LEFT JOIN messaging_batch AS batch ON batch.id = message.batch_id
WHERE message.organization_id = %(organization)s AND message.id >= %(lowest)s
    AND message.created_at >= %(since)s AND message.created_at < %(until)s
GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Figures:
    """`rows` has a dictionary a day, sender or origin: `key`, `total`, and a number a status."""

    since: datetime
    until: datetime
    by: str
    rows: list[dict[str, Any]]
    total: dict[str, int]


def figures(organization: Organization, *, since: datetime | None, until: datetime | None, by: str) -> Figures:
    """Messages that were made in this time, thirty days up to now where none is named, by their present status. Raises
    `ValidationError`."""
    if by not in BY:
        raise ValidationError({"by": _("Write one of %(all)s.") % {"all": ", ".join(BY)}})
    until = until or now()
    since = since or until - timedelta(days=30)
    if not timedelta(0) < until - since <= LONGEST:
        raise ValidationError({"since": _("Choose a time of at most 366 days.")})
    lowest = log.first_id_from(organization, since - log.OUT_OF_ORDER)
    rows: list[Any] = []
    if lowest is not None:
        rows = _counted(organization, since, until, by, lowest)
    by_key: dict[str, dict[str, Any]] = {}
    total = _empty()
    for key, status, number in rows:
        row = by_key.setdefault(key, _empty())
        for each in (row, total):
            each["total"] += number
            each[MessageStatus(status).label] += number
    return Figures(since, until, by, [{"key": key, **by_key[key]} for key in sorted(by_key)], total)


def _empty() -> dict[str, Any]:
    return {"total": 0, **{status.label: 0 for status in MessageStatus}}


def _counted(organization: Organization, since: datetime, until: datetime, by: str, lowest: int) -> list[Any]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, TRUE)", [f"{SECONDS_TO_COUNT}s"])
            cursor.execute(
                _COUNT_SQL.format(key=_KEYS[by]),
                {
                    "organization": organization.pk,
                    "zone": organization.timezone,
                    "since": since,
                    "until": until,
                    "lowest": lowest,
                },
            )
            return cursor.fetchall()
    except OperationalError as error:
        raise ValidationError(
            {"since": _("These are too many messages to count at once. Choose less time.")}
        ) from error
