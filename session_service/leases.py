"""Who holds which sender: registration, heartbeat, taking over, releasing, and what a lost owner left behind.

Ownership is a row with an expiry and an epoch. All times are the database's, so that workers need no common clock.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Q
from django.utils.timezone import now

from messaging import recall
from messaging.counts import Changes
from messaging.events import SendResult
from messaging.models import MessageStatus
from senders.models import SenderStatus
from session_service.models import SessionLease, SessionWorker

FORGOTTEN_AFTER = timedelta(days=1)  # rows of workers that ended
LATE_AFTER = timedelta(seconds=2)  # as much as a sender may catch up with at once after an outage


class WorkerForgotten(Exception):
    """The worker was away for so long that its row was removed: it must start anew."""


@dataclass(frozen=True, slots=True)
class HeldSender:
    """A sender that a worker holds, as it was when the lease was taken."""

    id: int
    epoch: int
    name: str
    provider: str
    phone_number: str
    pairing_number: str = ""


def limit_idle_transactions(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Ends a transaction that its process does nothing with for the length of a lease.

    A worker that was stopped in the middle of one, or whose machine vanished, would hold its locks, and nobody could
    take its senders over. A receiver of `connection_created`.
    """
    with connection.cursor() as cursor:
        milliseconds = round(settings.SESSION_LEASE_SECONDS * 1000)
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [str(milliseconds)])


class ClockTimestamp(Func):
    """The database's clock, as leases have it; `now()` would be this machine's."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


def register(*, name: str, capacity: int) -> SessionWorker:
    return SessionWorker.objects.create(name=name, capacity=capacity)


def forget_ended() -> int:
    """Removes workers that stopped or were lost long ago. Returns how many."""
    return SessionWorker.objects.filter(heartbeat_at__lt=now() - FORGOTTEN_AFTER).delete()[0]


def lost_after() -> timedelta:
    """A worker without a heartbeat for so long is lost: its leases have run out, and others take its senders over."""
    return timedelta(seconds=settings.SESSION_LEASE_SECONDS)


def heartbeat(*, worker_id: int, held: dict[int, int], **figures: Any) -> set[int]:
    """Renews the leases of what a worker has open (sender id to epoch) in one statement. Returns what it still holds.

    A lease that ran out is not renewed, even if nobody took it: the worker must open that session anew. `figures` are
    fields of its row that change. Raises `WorkerForgotten`.
    """
    if not SessionWorker.objects.filter(pk=worker_id).update(heartbeat_at=ClockTimestamp(), **figures):
        raise WorkerForgotten(f"The row of session worker {worker_id} is gone.")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH mine AS (
                SELECT lease.sender_id FROM session_service_sessionlease AS lease
                JOIN unnest(%s::bigint[], %s::bigint[]) AS held (sender_id, epoch)
                    ON held.sender_id = lease.sender_id AND held.epoch = lease.epoch
                WHERE lease.worker_id = %s AND lease.expires_at > clock_timestamp()
                ORDER BY lease.sender_id FOR NO KEY UPDATE OF lease -- in the order of the statement that leases
            )
            UPDATE session_service_sessionlease AS lease
            SET expires_at = clock_timestamp() + %s * interval '1 second'
            FROM mine WHERE lease.sender_id = mine.sender_id RETURNING lease.sender_id
            """,
            [list(held), list(held.values()), worker_id, settings.SESSION_LEASE_SECONDS],
        )
        return {row[0] for row in cursor.fetchall()}


def running() -> models.QuerySet[SessionWorker]:
    """Workers that have neither stopped nor been lost."""
    return SessionWorker.objects.filter(stopped_at=None, heartbeat_at__gt=now() - lost_after())


def alive_workers() -> int:
    """How many workers share the work at this moment."""
    return running().count()


def take(*, worker_id: int, limit: int) -> list[HeldSender]:
    """Takes up to `limit` senders that should be connected and that nobody holds.

    What an earlier owner had leased and not settled is settled in the same transaction: see `recover`. What piled up
    meanwhile is planned afresh.
    """
    changes = Changes()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO session_service_sessionlease (sender_id, epoch, expires_at)
            SELECT id, 0, now() FROM senders_sender AS sender
            WHERE wanted AND NOT EXISTS (SELECT FROM session_service_sessionlease WHERE sender_id = sender.id)
            ON CONFLICT DO NOTHING
            """
        )
        cursor.execute(
            """
            WITH free AS (
                SELECT lease.sender_id FROM session_service_sessionlease AS lease
                JOIN senders_sender AS sender ON sender.id = lease.sender_id AND sender.wanted
                WHERE lease.worker_id IS NULL OR lease.expires_at < clock_timestamp()
                ORDER BY lease.sender_id LIMIT %s
                FOR UPDATE OF lease SKIP LOCKED
            )
            UPDATE session_service_sessionlease AS lease
            SET worker_id = %s, epoch = lease.epoch + 1, expires_at = clock_timestamp() + %s * interval '1 second'
            FROM free JOIN senders_sender AS sender ON sender.id = free.sender_id
            WHERE lease.sender_id = free.sender_id
            RETURNING sender.id, lease.epoch, sender.name, sender.provider, sender.phone_number,
                sender.pairing_number
            """,
            [limit, worker_id, settings.SESSION_LEASE_SECONDS],
        )
        taken = [HeldSender(*row) for row in cursor.fetchall()]
        if taken:
            recover(changes)
            recall.take_back_late(changes, older_than=LATE_AFTER, sender_ids=[held.id for held in taken])
            changes.save()
    return taken


@dataclass(frozen=True, slots=True)
class Wish:
    """What staff asked of a sender that a worker holds, where that may be another thing than its session does."""

    sender_id: int
    wanted: bool
    logging_out: bool
    pairing_number: str


def wishes(*, worker_id: int) -> list[Wish]:
    """Senders that the worker holds and that are to be disconnected or logged out, or wait to be linked."""
    asked = Q(sender__wanted=False) | Q(sender__logging_out=True) | Q(sender__status=SenderStatus.SCAN)
    fields = ("sender_id", "sender__wanted", "sender__logging_out", "sender__pairing_number")
    return [Wish(*row) for row in SessionLease.objects.filter(asked, worker_id=worker_id).values_list(*fields)]


def release(*, worker_id: int, sender_id: int, epoch: int) -> None:
    """Gives a sender up, so that another worker may take it at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE session_service_sessionlease SET worker_id = NULL, expires_at = clock_timestamp()
            WHERE worker_id = %s AND sender_id = %s AND epoch = %s
            """,
            [worker_id, sender_id, epoch],
        )


def recover(changes: Changes) -> int:
    """Settles messages that are `sending` under a lease that has ended: they may or may not have left.

    On a provider that keeps ids they return to `queued` of the same sender, to be repeated under the same id, which
    the person's phone drops if it has it already. Elsewhere they are `unknown`, and so is what waited for another try
    of a sender that was deleted; what was queued for that one and never leased is `pending` again. Call inside a
    transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH lost AS (
                SELECT message.id, message.stage FROM messaging_message AS message
                LEFT JOIN session_service_sessionlease AS lease ON lease.sender_id = message.sender_id
                WHERE (message.stage = %(queued)s AND message.sender_id IS NULL) OR message.stage = %(sending)s AND (
                    lease.sender_id IS NULL OR lease.epoch > message.lease_epoch OR lease.expires_at < clock_timestamp()
                )
                ORDER BY message.id FOR UPDATE OF message SKIP LOCKED
            )
            UPDATE messaging_message AS message SET
                status = CASE
                    WHEN lost.stage = %(queued)s AND attempts = 0 AND retried_at IS NULL THEN %(pending)s
                    WHEN keeps_id AND sender_id IS NOT NULL THEN %(queued)s
                    ELSE %(unknown)s
                END,
                error_code = '', -- of an earlier try: nobody knows whether this one left
                due_at = CASE WHEN keeps_id THEN now() ELSE due_at END
            FROM lost WHERE message.id = lost.id
            RETURNING message.batch_id, lost.stage, message.status
            """,
            {
                "pending": MessageStatus.PENDING,
                "sending": MessageStatus.SENDING,
                "queued": MessageStatus.QUEUED,
                "unknown": MessageStatus.UNKNOWN,
            },
        )
        rows = cursor.fetchall()
    for batch_id, was, status in rows:
        changes.move(batch_id, was, status)
    return len(rows)


def still_with_their_sender(results: list[SendResult], handed_over: dict[int, int]) -> list[SendResult]:
    """The results of messages that are with the sender they were handed over to (message id to sender id).

    For results that a commit in doubt may have written already: a message that its sender could not send may go out
    through another by now, under a lease whose epoch happens to be the same number.
    """
    known = [
        (result.message_id, handed_over[result.message_id]) for result in results if result.message_id in handed_over
    ]
    message_ids, sender_ids = ([row[column] for row in known] for column in (0, 1))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT message.id FROM messaging_message AS message
            JOIN unnest(%s::bigint[], %s::bigint[]) AS given (id, sender_id)
                ON given.id = message.id AND given.sender_id = message.sender_id
            """,
            [message_ids, sender_ids],
        )
        found = {row[0] for row in cursor.fetchall()}
    return [result for result in results if result.message_id in found]


def take_back_unsent(*, worker_id: int, sender_ids: list[int], handed_over: list[int], changes: Changes) -> None:
    """Returns messages of open senders to `queued` that this worker leased in a commit whose answer it never got: none
    of them was handed over, since every one that was is in `handed_over`. Call inside a transaction.

    Of a sender that is being closed nobody knows that any more: `recover` settles its messages, which may have left.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message AS message SET status = %s, attempts = attempts - 1
            FROM session_service_sessionlease AS lease
            WHERE message.stage = %s AND lease.sender_id = message.sender_id AND lease.worker_id = %s
                AND lease.epoch = message.lease_epoch AND lease.sender_id = ANY(%s) AND message.id <> ALL(%s)
            RETURNING message.batch_id
            """,
            [MessageStatus.QUEUED, MessageStatus.SENDING, worker_id, sender_ids, handed_over],
        )
        for (batch_id,) in cursor.fetchall():
            changes.move(batch_id, MessageStatus.SENDING, MessageStatus.QUEUED)


def recover_lost() -> set[int]:
    """`recover` in a transaction of its own, for senders that nobody takes over. Returns the batches that changed."""
    changes = Changes()
    with transaction.atomic():
        recover(changes)
        changes.save()
    return changes.batch_ids


def settle_unwanted() -> list[int]:
    """Shows senders as disconnected that nobody wants and nobody holds, and frees what was queued for them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE senders_sender AS sender SET status = %s, status_at = now(), status_detail = '', next_try_at = NULL
            WHERE NOT wanted AND status = ANY(%s) AND NOT EXISTS (
                SELECT FROM session_service_sessionlease AS lease
                WHERE lease.sender_id = sender.id AND lease.worker_id IS NOT NULL
                    AND lease.expires_at > clock_timestamp()
            )
            RETURNING id
            """,
            [
                SenderStatus.DISCONNECTED,
                [
                    SenderStatus.CONNECTING,
                    SenderStatus.SCAN,
                    SenderStatus.CONNECTED,
                    SenderStatus.RECONNECTING,
                    SenderStatus.STALLED,
                ],
            ],
        )
        sender_ids = [row[0] for row in cursor.fetchall()]
        if sender_ids:
            changes = Changes()
            recall.take_back_queued(changes, sender_ids=sender_ids)
            changes.save()
    return sender_ids


def stop(*, worker_id: int) -> None:
    SessionWorker.objects.filter(pk=worker_id).update(stopped_at=now())
