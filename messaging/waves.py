"""Batches that are sent group by group: a wave is one group, and the next one opens some seconds after it is gone.

Messages of waves that are not open are pending with a due time that never comes (`FAR_AHEAD`). Opening a wave makes its
messages due; from there on they go the way of all others: within quotas, pace, consent and sending windows. A wave is
gone when each of its messages was tried once or will never be. What failed and is tried again does not hold up the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count
from django.utils.timezone import now

from messaging import counts
from messaging.models import Batch, BatchStatus, Message, MessageStatus, Wave

_IS_GOING_SQL = """
SELECT EXISTS (
    SELECT FROM messaging_message WHERE batch_id = %(batch)s AND wave = %(wave)s
        AND (stage IN (%(pending)s, %(sending)s) OR (stage = %(queued)s AND attempts = 0))
)
"""


def go_on(batches: Iterable[Batch]) -> None:
    """Closes waves that are gone, and opens those whose time has come. The planner asks for it in each of its passes."""
    for batch in batches:
        if batch.wave_gap_ms is not None:
            _go_on(batch, timedelta(milliseconds=batch.wave_gap_ms))


def _go_on(batch: Batch, gap: timedelta) -> None:
    open_wave = batch.waves.filter(opened_at__isnull=False, gone_at=None).last()
    if open_wave is not None:
        if _is_going(batch.pk, open_wave.number):
            return
        Wave.objects.filter(pk=open_wave.pk).update(gone_at=now())
    if batch.status != BatchStatus.RUNNING:
        return
    last_gone = batch.waves.filter(gone_at__isnull=False).last()
    if last_gone is None or last_gone.gone_at is None or last_gone.gone_at + gap <= now():
        _open_next(batch)


def _is_going(batch_id: int, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _IS_GOING_SQL,
            {
                "batch": batch_id,
                "wave": number,
                "pending": MessageStatus.PENDING,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
            },
        )
        return bool(cursor.fetchone()[0])


def _open_next(batch: Batch) -> None:
    """Opens the next wave that has a message to send; a group of which everybody is skipped costs no pause."""
    for wave in batch.waves.filter(opened_at=None):
        moment = now()
        waiting = Message.objects.filter(batch=batch, wave=wave.number, stage=MessageStatus.PENDING)
        number = waiting.update(due_at=moment)
        Wave.objects.filter(pk=wave.pk).update(opened_at=moment, gone_at=None if number else moment)
        if number:
            return


@dataclass(frozen=True)
class GroupState:
    """One group of a batch as people see it. `index` counts from 0; `status` is waiting, sending, sent or cancelled."""

    index: int
    members: int
    status: str
    counts: dict[str, int]
    opened_at: datetime | None
    gone_at: datetime | None

    @property
    def number(self) -> int:
        return self.index + 1

    @property
    def done(self) -> int:
        return self.members - sum(self.counts[status] for status in ("pending", "queued", "sending"))


def states_of(batch: Batch) -> list[GroupState]:
    """The groups of a batch with their messages by status, counted from the rows."""
    found: defaultdict[int, Counter[counts.Key]] = defaultdict(Counter)
    rows = Message.objects.filter(batch=batch, wave__isnull=False).order_by()
    for number, status, total in rows.values_list("wave", "status").annotate(total=Count("pk")):
        found[number][status, ""] = total
    return [
        GroupState(
            index=wave.number,
            members=wave.size,
            status=_status_of(wave, batch, found[wave.number]),
            counts=counts.by_name(found[wave.number]),
            opened_at=wave.opened_at,
            gone_at=wave.gone_at,
        )
        for wave in batch.waves.all()
    ]


def _status_of(wave: Wave, batch: Batch, found: Counter[counts.Key]) -> str:
    if batch.status == BatchStatus.CANCELLED and found[MessageStatus.CANCELLED, ""]:
        return "cancelled"  # perhaps only the rest of it
    if wave.gone_at is not None or batch.status == BatchStatus.COMPLETED:
        return "sent"
    return "sending" if wave.opened_at is not None else "waiting"
