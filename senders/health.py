"""Whether a sender may send: its health, rests after failures, and pauses.

- Health runs from 0 to 100. A failure costs 10 points, an acknowledged message gives 2 back, and each minute 1. Below
  50 the sender is skipped. Its pace slows down with its health: at 80, four fifths as many messages.
- At 5 failures in a row it rests for 5 minutes; then it gets one message at a time until one is acknowledged.
- At 10 failures in a row it pauses itself, and a person must look.

Written as SQL over the alias `sender`, for the planner and the lease statement alike.
"""

from collections import Counter
from collections.abc import Collection

from django.db import connection
from django.utils.timezone import now
from django.utils.translation import gettext as _

from senders.models import Sender

LOWEST_HEALTH = 50
FAILURE_COSTS = 10
SUCCESS_GIVES = 2
RESTS_AT = 5  # failures in a row
REST_MINUTES = 5
PAUSES_AT = 10

HEALTH_SQL = (
    "LEAST(100, sender.health + floor(extract(epoch FROM statement_timestamp() - sender.health_at) / 60))::integer"
)
SENDABLE_SQL = f"""(
    sender.wanted AND sender.status = 'connected' AND sender.paused_at IS NULL AND {HEALTH_SQL} >= {LOWEST_HEALTH}
    AND (sender.resting_until IS NULL OR sender.resting_until <= statement_timestamp())
)"""
# Messages that a sender may have under way at the same time: one, while it must prove that it works again.
PROBE_SQL = f"CASE WHEN sender.consecutive_failures >= {RESTS_AT} THEN 1 ELSE 1000000 END"


def of(sender: Sender) -> int:
    """The health of a sender at this moment: `HEALTH_SQL` for a row that was read already."""
    return min(100, sender.health + int((now() - sender.health_at).total_seconds() // 60))


def note_failures(failures: Counter[int]) -> list[int]:
    """Counts failures of senders (id to number), rests and pauses them. Returns those that were paused just now."""
    if not failures:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE senders_sender AS sender SET
                consecutive_failures = consecutive_failures + f.number,
                health = GREATEST(0, {HEALTH_SQL} - {FAILURE_COSTS} * f.number),
                health_at = statement_timestamp(),
                resting_until = CASE WHEN consecutive_failures + f.number >= {RESTS_AT}
                    THEN statement_timestamp() + interval '{REST_MINUTES} minutes' ELSE resting_until END,
                paused_at = CASE WHEN consecutive_failures + f.number >= {PAUSES_AT}
                    THEN COALESCE(paused_at, statement_timestamp()) ELSE paused_at END,
                paused_reason = CASE WHEN paused_at IS NULL AND consecutive_failures + f.number >= {PAUSES_AT}
                    THEN %s ELSE paused_reason END
            FROM unnest(%s::bigint[], %s::integer[]) AS f (sender_id, number)
            WHERE id = f.sender_id
            RETURNING id, paused_at = statement_timestamp()
            """,
            [
                _("%(number)s messages in a row failed.") % {"number": PAUSES_AT},
                list(failures),
                list(failures.values()),
            ],
        )
        return [sender_id for sender_id, paused_now in cursor.fetchall() if paused_now]


def note_successes(sender_ids: Collection[int]) -> None:
    """An acknowledged message ends a row of failures. A sender in full health is not written."""
    if not sender_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE senders_sender AS sender SET consecutive_failures = 0, resting_until = NULL,
                health = LEAST(100, {HEALTH_SQL} + {SUCCESS_GIVES}), health_at = statement_timestamp()
            WHERE id = ANY(%s) AND (consecutive_failures > 0 OR health < 100)
            """,
            [list(sender_ids)],
        )
