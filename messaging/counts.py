"""The counters of batches: changed with the messages, in their transaction, by exactly those messages."""

import threading
from collections import Counter
from collections.abc import Mapping

from django.db import connection
from django.db.models import Sum

from messaging.models import BatchCount, BatchReply, Message, MessageStatus

SHARDS = 16

Key = tuple[int, str]  # a status and, for skipped messages, the reason
# Under this status a batch counts who answered it (`messaging.replies`): people who stand under another one as well.
ANSWERED = MessageStatus.RECEIVED


class Changes:
    """What one transaction changed: `move` for each message, then `save` once before the commit."""

    def __init__(self) -> None:
        self._deltas: Counter[tuple[int, int, str]] = Counter()

    def add(self, batch_id: int | None, status: int, number: int = 1, *, skip_reason: str = "") -> None:
        if batch_id is not None:
            self._deltas[(batch_id, status, skip_reason)] += number

    def move(
        self, batch_id: int | None, old: int, new: int, number: int = 1, *, skip_reason: str = "", old_reason: str = ""
    ) -> None:
        """`number` messages of a batch went from `old` to `new`. Messages without a batch are not counted."""
        self.add(batch_id, old, -number, skip_reason=old_reason)
        self.add(batch_id, new, number, skip_reason=skip_reason)

    @property
    def batch_ids(self) -> set[int]:
        return {batch_id for (batch_id, _, _), delta in self._deltas.items() if delta}

    def save(self) -> None:
        """Adds the deltas to this thread's shard. Rows are taken in one order, so that two writers cannot deadlock."""
        rows = sorted((*key, delta) for key, delta in self._deltas.items() if delta)
        if not rows:
            return
        batch_ids, statuses, reasons, deltas = (list(column) for column in zip(*rows, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO messaging_batchcount AS counted (batch_id, shard, status, skip_reason, count)
                SELECT batch_id, %s, status, reason, delta
                FROM unnest(%s::bigint[], %s::smallint[], %s::text[], %s::bigint[]) AS d (batch_id, status, reason, delta)
                ORDER BY batch_id, status, reason
                ON CONFLICT (batch_id, shard, status, skip_reason)
                DO UPDATE SET count = counted.count + excluded.count
                """,
                [threading.get_native_id() % SHARDS, batch_ids, statuses, reasons, deltas],
            )


def add(batch_id: int, numbers: Mapping[Key, int]) -> None:
    """Counts messages that were just inserted, in the transaction that inserted them."""
    changes = Changes()
    for (status, reason), number in numbers.items():
        changes.add(batch_id, status, number, skip_reason=reason)
    changes.save()


def of_batches(batch_ids: list[int]) -> dict[int, dict[Key, int]]:
    """The figures of several batches in one query; statuses without a message are left out."""
    found: dict[int, dict[Key, int]] = {batch_id: {} for batch_id in batch_ids}
    rows = (
        BatchCount.objects.filter(batch_id__in=batch_ids)
        .exclude(status=ANSWERED)
        .values_list("batch_id", "status", "skip_reason")
        .annotate(total=Sum("count"))
    )
    for batch_id, status, reason, total in rows:
        if total:
            found[batch_id][(status, reason)] = total
    return found


def answered(batch_ids: list[int]) -> dict[int, int]:
    """How many people answered a message of each of these batches."""
    rows = BatchCount.objects.filter(batch_id__in=batch_ids, status=ANSWERED).values_list("batch_id")
    return dict.fromkeys(batch_ids, 0) | dict(rows.annotate(total=Sum("count")))


def recount(batch_id: int) -> dict[Key, int]:
    """The same figures counted from the messages: slow, for checks and repairs."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT status, skip_reason, count(*) FROM {Message._meta.db_table} WHERE batch_id = %s GROUP BY 1, 2",
            [batch_id],
        )
        return {(status, reason): number for status, reason, number in cursor.fetchall()}


def are_true(batch_id: int) -> bool:
    """Whether the counters equal a recount, both read in one statement and so in one snapshot."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT NOT EXISTS (
                SELECT FROM (
                    SELECT status, skip_reason, sum(count) AS number FROM messaging_batchcount
                    WHERE batch_id = %(batch)s GROUP BY 1, 2 HAVING sum(count) <> 0
                ) AS counted
                FULL JOIN (
                    SELECT status, skip_reason, count(*) AS number FROM messaging_message
                    WHERE batch_id = %(batch)s GROUP BY 1, 2
                    UNION ALL
                    SELECT %(answered)s, '', count(*) FROM messaging_batchreply
                    WHERE batch_id = %(batch)s HAVING count(*) > 0
                ) AS there USING (status, skip_reason)
                WHERE counted.number IS DISTINCT FROM there.number
            )
            """,
            {"batch": batch_id, "answered": ANSWERED},
        )
        return bool(cursor.fetchone()[0])


def rebuild(batch_id: int) -> None:
    """Replaces the counters of a batch that nobody is writing to by a recount. Call it inside a transaction."""
    BatchCount.objects.filter(batch_id=batch_id).delete()
    replies = BatchReply.objects.filter(batch_id=batch_id).count()
    add(batch_id, {**recount(batch_id), (ANSWERED, ""): replies})


def by_name(figures: Mapping[Key, int]) -> dict[str, int]:
    """Status names to numbers, every outgoing status present, reasons added up."""
    named = {MessageStatus(status).label: 0 for status in MessageStatus if status != MessageStatus.RECEIVED}
    for (status, _), number in figures.items():
        named[MessageStatus(status).label] += number
    return named
