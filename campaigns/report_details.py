"""What a campaign's messages came to, counted from the rows: over time, by sender, by hour of the day, by error.

One pass over the rows, in seconds for a million; `campaigns.report` keeps the result. As plain JSON:

`step` is the length of a point of the timeline in seconds. `timeline` has `[moment, sent, delivered, read, replied]` for
each point in which something happened, oldest first: how many people reached that step in it; the moment is its begin in
seconds since 1970. `senders` has `[sender id or None, sent, delivered, read, replied, failed]`; `hours` 24 times
`[sent, delivered, read, replied]`, by the hour on the campaign's clock in which the message left; `errors`
`[status, code or reason, people, of which can be tried again]`, the most frequent first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.timezone import now

from messaging.models import Batch, MessageStatus

MINUTE = 60
FINEST = 10
# As long as that, a campaign is counted by the finest step; afterwards by the minute, which gives fewer groups.
FINE_FOR = timedelta(hours=1)
STEPS = (FINEST, *(MINUTE * number for number in (1, 5, 15, 60, 180, 360, 1440, 7 * 1440, 28 * 1440)))
MOST_POINTS = 150
SENT, DELIVERED, READ, REPLIED = range(4)

# Each status says what was reached; the times only say when. Whoever reads the sums finds the counters' figures again.
_MESSAGES_SQL = """
WITH message AS (
    SELECT sender_id, status, COALESCE(NULLIF(skip_reason, ''), error_code) AS code,
        exhausted AND retried_at IS NULL AND sender_id IS NOT NULL AS can_be_retried,
        CASE WHEN status BETWEEN %(sent)s AND %(read)s THEN date_bin(%(unit)s::interval, sent_at, 'epoch') END AS sent_in,
        CASE WHEN status IN (%(delivered)s, %(read)s) THEN date_bin(%(unit)s::interval, delivered_at, 'epoch') END AS delivered_in,
        CASE WHEN status = %(read)s THEN date_bin(%(unit)s::interval, read_at, 'epoch') END AS read_in
    FROM messaging_message WHERE batch_id = %(batch)s AND status BETWEEN %(sent)s AND %(skipped)s
)
SELECT GROUPING(sent_in, delivered_in, read_in, sender_id, status), extract(epoch FROM sent_in)::bigint,
    extract(epoch FROM delivered_in)::bigint, extract(epoch FROM read_in)::bigint, sender_id, status, code, count(*),
    count(*) FILTER (WHERE status BETWEEN %(sent)s AND %(read)s),
    count(*) FILTER (WHERE status IN (%(delivered)s, %(read)s)), count(*) FILTER (WHERE status = %(read)s),
    count(*) FILTER (WHERE status = %(failed)s), count(*) FILTER (WHERE can_be_retried)
FROM message
GROUP BY GROUPING SETS ((sent_in), (delivered_in), (read_in), (sender_id), (status, code))
"""
_BY_SENT, _BY_DELIVERED, _BY_READ, _BY_SENDER, _BY_ERROR = 0b01111, 0b10111, 0b11011, 0b11101, 0b11110
_REPLIES_SQL = """
WITH reply AS (
    SELECT message.sender_id, date_bin(%(unit)s::interval, replied_at, 'epoch') AS replied_in,
        date_bin(%(unit)s::interval, message.sent_at, 'epoch') AS sent_in
    FROM messaging_batchreply AS reply JOIN messaging_message AS message ON message.id = reply.message_id
    WHERE reply.batch_id = %(batch)s
)
SELECT GROUPING(replied_in, sent_in, sender_id), extract(epoch FROM replied_in)::bigint,
    extract(epoch FROM sent_in)::bigint, sender_id, count(*)
FROM reply GROUP BY GROUPING SETS ((replied_in), (sent_in), (sender_id))
"""
_REPLIES_BY_REPLY, _REPLIES_BY_SENT, _REPLIES_BY_SENDER = 0b011, 0b101, 0b110
ENDED_BADLY = (MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED)


@dataclass
class _Counted:
    times: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0]))
    hours: list[list[int]] = field(default_factory=lambda: [[0, 0, 0, 0] for _ in range(24)])
    senders: defaultdict[int | None, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0, 0]))
    errors: list[tuple[int, str, int, int]] = field(default_factory=list)


def count(batch: Batch) -> dict[str, Any]:
    """The figures of a batch as they are now, as described above."""
    zone = ZoneInfo(batch.timezone or batch.organization.timezone)
    counted = _Counted()
    is_young = batch.started_at is not None and now() - batch.started_at < FINE_FOR
    unit = timedelta(seconds=FINEST if is_young else MINUTE)
    with connection.cursor() as cursor:
        cursor.execute(
            _MESSAGES_SQL,
            {
                "batch": batch.pk,
                "unit": str(unit),
                "sent": MessageStatus.SENT,
                "delivered": MessageStatus.DELIVERED,
                "read": MessageStatus.READ,
                "failed": MessageStatus.FAILED,
                "skipped": MessageStatus.SKIPPED,
            },
        )
        for row in cursor.fetchall():
            _add_messages(counted, zone, *row)
        cursor.execute(_REPLIES_SQL, {"batch": batch.pk, "unit": str(unit)})
        for row in cursor.fetchall():
            _add_replies(counted, zone, *row)
    step, timeline = _timeline(counted.times, int(unit.total_seconds()))
    by_people = sorted(counted.errors, key=lambda each: (-each[2], each[0], each[1]))
    senders = [[sender_id, *figures] for sender_id, figures in counted.senders.items() if any(figures)]
    return {
        "step": step,
        "timeline": timeline,
        "senders": sorted(senders, key=lambda each: (-each[1], each[0] or 0)),
        "hours": counted.hours,
        "errors": [list(each) for each in by_people],
    }


def _add_messages(
    counted: _Counted,
    zone: ZoneInfo,
    grouped: int,
    sent_in: int | None,
    delivered_in: int | None,
    read_in: int | None,
    sender_id: int | None,
    status: int,
    code: str,
    people: int,
    *figures: int,
) -> None:
    sent, delivered, read, failed, can_be_retried = figures
    if grouped == _BY_SENT and sent_in is not None:
        counted.times[sent_in][SENT] += people
        hour = counted.hours[_hour(sent_in, zone)]
        for place, number in ((SENT, sent), (DELIVERED, delivered), (READ, read)):
            hour[place] += number
    elif grouped == _BY_DELIVERED and delivered_in is not None:
        counted.times[delivered_in][DELIVERED] += people
    elif grouped == _BY_READ and read_in is not None:
        counted.times[read_in][READ] += people
    elif grouped == _BY_SENDER:
        counted.senders[sender_id] = [sent, delivered, read, 0, failed]
    elif grouped == _BY_ERROR and status in ENDED_BADLY:
        counted.errors.append((status, code, people, can_be_retried))


def _add_replies(
    counted: _Counted,
    zone: ZoneInfo,
    grouped: int,
    replied_in: int | None,
    sent_in: int | None,
    sender_id: int | None,
    people: int,
) -> None:
    if grouped == _REPLIES_BY_REPLY and replied_in is not None:
        counted.times[replied_in][REPLIED] += people
    elif grouped == _REPLIES_BY_SENT and sent_in is not None:
        counted.hours[_hour(sent_in, zone)][REPLIED] += people
    elif grouped == _REPLIES_BY_SENDER:
        counted.senders[sender_id][REPLIED] += people


def _hour(moment: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp(moment, zone).hour


def _timeline(times: dict[int, list[int]], unit: int) -> tuple[int, list[list[int]]]:
    """Put together to points of the shortest length that leaves at most `MOST_POINTS` between the ends."""
    if not times:
        return STEPS[0], []
    span = max(times) - min(times)
    fitting = (each for each in STEPS if span / each < MOST_POINTS and each >= unit)
    step = next(fitting, STEPS[-1])
    points: Counter[tuple[int, int]] = Counter()
    for moment, figures in times.items():
        for place, number in enumerate(figures):
            points[moment // step * step, place] += number
    moments = sorted({moment for moment, _place in points})
    return step, [[moment, *(points[moment, place] for place in range(4))] for moment in moments]


def cumulated(timeline: Iterable[list[int]]) -> list[tuple[datetime, list[int]]]:
    """Each point's moment with how many people had reached each step by its end."""
    totals = [0, 0, 0, 0]
    found = []
    for moment, *figures in timeline:
        totals = [total + number for total, number in zip(totals, figures, strict=True)]
        found.append((datetime.fromtimestamp(moment, UTC), totals))
    return found
