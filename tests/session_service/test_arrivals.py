"""Receipts and inbound messages on their way to the ledger, beside the hot path."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils.timezone import now

from messaging import ledger
from messaging.events import Inbound, Outcome, Receipt, SendResult
from messaging.models import Message, MessageStatus
from session_service.arrivals import Arrivals
from session_service.background import Background
from session_service.worker import Worker
from tests.factories import make_organization, make_sender
from tests.session_service.running import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def inbound(sender_id: int, number: int) -> Inbound:
    return Inbound(sender_id, "+6281234567890", f"IN{number}", f"Question {number}", now())


async def test_whoever_brings_events_waits_until_they_are_committed():
    sender = await asyncio.to_thread(lambda: make_sender(make_organization()))
    background = Background()
    waiting = Arrivals(background)
    brought = asyncio.create_task(waiting.record([inbound(sender.pk, 1)]))
    await asyncio.sleep(0.05)
    assert waiting
    assert not brought.done()
    await waiting.write()
    await asyncio.wait_for(brought, 5)
    assert not waiting
    assert await Message.objects.filter(direction="in").acount() == 1
    await background.close()


async def test_what_cannot_be_written_is_kept_in_its_order(monkeypatch):
    sender = await asyncio.to_thread(lambda: make_sender(make_organization()))
    background = Background()
    waiting = Arrivals(background)
    brought = [asyncio.create_task(waiting.record([inbound(sender.pk, number)])) for number in range(3)]
    await asyncio.sleep(0.05)
    with monkeypatch.context() as broken:
        broken.setattr(ledger, "write_events", _away)
        with pytest.raises(OperationalError):
            await waiting.write()
    assert not any(each.done() for each in brought)
    await waiting.write()
    await asyncio.wait_for(asyncio.gather(*brought), 5)
    texts = [text async for text in Message.objects.order_by("id").values_list("text", flat=True)]
    assert texts == ["Question 0", "Question 1", "Question 2"]
    await background.close()


def _away(*arguments: object) -> None:
    raise OperationalError("the connection is lost")


def _noting(order: list[tuple[str, int]], name: str) -> Callable[..., Any]:
    """The function of that name of the ledger, which also notes how much it was given."""
    original = getattr(ledger, name)

    def write(given: Sequence[Any], changes: Any) -> Any:
        order.append((name, len(given)))
        return original(given, changes)

    return write


async def test_a_receipt_waits_for_the_results_that_came_before_it(monkeypatch):
    """Otherwise two connections could want the same rows, each in an order of its own."""
    sender = await asyncio.to_thread(lambda: make_sender(make_organization()))
    message = await Message.objects.acreate(
        organization_id=sender.organization_id,
        sender=sender,
        phone_number="+6281234567890",
        status=MessageStatus.SENDING,
        whatsapp_id="3EB0A",
        lease_epoch=7,
        attempts=1,
    )
    order: list[tuple[str, int]] = []
    for name in ("write_results", "write_events"):
        monkeypatch.setattr(ledger, name, _noting(order, name))
    worker = Worker(capacity=1)
    running = asyncio.create_task(worker.run())
    await asyncio.to_thread(wait_until, lambda: worker.id, "the worker is registered")
    await worker.results([SendResult(message.pk, 7, Outcome.ACKNOWLEDGED)])
    await asyncio.wait_for(
        worker.record([Receipt(sender.pk, "3EB0A", MessageStatus.DELIVERED, now() + timedelta(seconds=1))]), 10
    )
    await message.arefresh_from_db()
    assert message.status == MessageStatus.DELIVERED
    assert message.sent_at is not None
    assert [step for step in order if step[1]] == [("write_results", 1), ("write_events", 1)]
    worker.stop()
    await asyncio.wait_for(running, 30)
