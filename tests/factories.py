"""Rows that tests start from, written the way the product writes them."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils.timezone import now

from accounts.models import Organization
from messaging import counts
from messaging.models import Batch, BatchStatus, Message, MessageStatus
from senders.models import Sender, SenderStatus
from session_service.models import SessionLease, SessionWorker

_numbers = count(1)


def make_organization(**fields: Any) -> Organization:
    number = next(_numbers)
    return Organization.objects.create(
        **{"name": f"Shop {number}", "slug": f"shop-{number}", "timezone": "Asia/Jakarta", **fields}
    )


def make_sender(organization: Organization, **fields: Any) -> Sender:
    """A connected sender without quotas."""
    number = next(_numbers)
    return Sender.objects.create(
        organization=organization,
        **{
            "name": f"Sender {number}",
            "phone_number": f"+62811{number:07}",
            "wanted": True,
            "status": SenderStatus.CONNECTED,
            "quota_per_minute": None,
            "quota_per_hour": None,
            "quota_per_day": None,
            **fields,
        },
    )


def phone_number(index: int) -> str:
    return f"+62812{index + 1:07}"


def make_batch(organization: Organization, senders: list[Sender], size: int, **fields: Any) -> Batch:
    """A running batch of `size` pending messages to `phone_number(0)`, `phone_number(1)` and so on, without delays."""
    batch = Batch.objects.create(
        organization=organization,
        **{
            "text": "Hi {{name}}",
            "status": BatchStatus.RUNNING,
            "min_delay_ms": 0,
            "max_delay_ms": 0,
            **fields,
        },
    )
    batch.senders.set(senders)
    Message.objects.bulk_create(
        Message(
            organization=organization,
            batch=batch,
            phone_number=phone_number(index),
            status=MessageStatus.PENDING,
            variables={"name": f"Person {index}"},
        )
        for index in range(size)
    )
    if size:
        counts.add(batch.pk, {(MessageStatus.PENDING, ""): size})
    return batch


def make_lease(sender: Sender, worker: SessionWorker | None = None, epoch: int = 1) -> SessionLease:
    """A lease of one minute; expired leases are made by changing `expires_at`."""
    worker = worker or SessionWorker.objects.create(name="test", capacity=10)
    return SessionLease.objects.create(
        sender=sender, worker=worker, epoch=epoch, expires_at=now() + timedelta(seconds=60)
    )


def assert_counters_true(batch: Batch) -> None:
    """The counters equal a recount of the rows."""
    assert counts.of_batches([batch.pk])[batch.pk] == counts.recount(batch.pk)
