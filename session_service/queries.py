"""What the page about sending shows: the queue by sender, workers and breakers, dead letters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Organization
from messaging.models import Message, MessageStatus
from senders.health import HEALTH_SQL, SENDABLE_SQL
from session_service import registry
from session_service.models import SessionWorker
from session_service.registry import WorkerState

MOST_COUNTED = 10_000  # dead letters and unknown messages: beyond it the page says "more than"


@dataclass(frozen=True)
class SenderQueue:
    """One sender's share of the queue. `late_seconds` is how long its oldest due message has waited, 0 if none."""

    id: int
    name: str
    status: str
    health: int
    may_send: bool
    paused_reason: str
    resting_until: datetime | None
    held_until: datetime | None
    queued: int
    sending: int
    next_due_at: datetime | None
    late_seconds: int


def queue_by_sender(organization: Organization) -> list[SenderQueue]:
    """Every sender with what is queued and under way, those with most to do first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT sender.id, sender.name, sender.status, {HEALTH_SQL}, {SENDABLE_SQL}, sender.paused_reason,
                CASE WHEN sender.resting_until > now() THEN sender.resting_until END,
                CASE WHEN sender.first_contacts_held_until > now() THEN sender.first_contacts_held_until END,
                COALESCE(open.queued, 0), COALESCE(open.sending, 0), open.next_due_at,
                GREATEST(0, extract(epoch FROM now() - open.next_due_at))::integer
            FROM senders_sender AS sender
            LEFT JOIN (
                SELECT sender_id, count(*) FILTER (WHERE stage = %(queued)s) AS queued,
                    count(*) FILTER (WHERE stage = %(sending)s) AS sending,
                    min(due_at) FILTER (WHERE stage = %(queued)s) AS next_due_at
                FROM messaging_message WHERE stage IN (%(queued)s, %(sending)s)
                    AND sender_id IN (SELECT id FROM senders_sender WHERE organization_id = %(organization)s)
                GROUP BY sender_id
            ) AS open ON open.sender_id = sender.id
            WHERE sender.organization_id = %(organization)s
            ORDER BY COALESCE(open.queued, 0) + COALESCE(open.sending, 0) DESC, sender.name
            """,
            {
                "organization": organization.pk,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
            },
        )
        return [SenderQueue(*row) for row in cursor.fetchall()]


def pending_single_messages(organization: Organization) -> int:
    return Message.objects.for_organization(organization).filter(batch=None, stage=MessageStatus.PENDING).count()


def workers() -> list[Any]:
    """Workers that run, each with `sessions`, the number that it holds."""
    return [worker for worker in registry.present() if worker.state != WorkerState.LOST]


def breakers(alive: list[SessionWorker]) -> list[dict[str, Any]]:
    """The circuit breakers of all workers: worker, endpoint, state, failures in a row, seconds until the next try."""
    return [
        {"worker": worker.name, "endpoint": endpoint, **state}
        for worker in alive
        for endpoint, state in sorted(worker.breakers.items())
    ]


def dead_letters(organization: Organization) -> QuerySet[Message]:
    """Messages that ran out of tries, the newest first."""
    return (
        Message.objects.for_organization(organization).filter(exhausted=True).select_related("sender").order_by("-id")
    )


def unknown_messages(organization: Organization) -> QuerySet[Message]:
    """Messages that may have left and cannot be asked about, the newest first."""
    return (
        Message.objects.for_organization(organization)
        .filter(stage=MessageStatus.UNKNOWN)
        .select_related("sender")
        .order_by("-id")
    )


def count_up_to_limit(messages: QuerySet[Message]) -> int:
    """At most `MOST_COUNTED + 1`: counting a million rows would make the page slow at the worst moment."""
    return messages.order_by()[: MOST_COUNTED + 1].count()
