"""Campaigns of which messages left, as tests of reports start from: written by the ledger itself."""

from datetime import datetime
from typing import Any

from django.utils.timezone import now

from accounts.models import Organization
from campaigns.models import Campaign
from messaging import ledger
from messaging.counts import Changes
from messaging.events import Inbound, Outcome, Receipt, SendResult
from messaging.models import Batch, Message, MessageStatus
from tests.factories import make_batch, make_sender


def make_campaign(organization: Organization, size: int = 40, senders: int = 2, **fields: Any) -> Campaign:
    """A running one to `size` people, none of whom got anything yet."""
    pool = [make_sender(organization) for _ in range(senders)]
    batch = make_batch(organization, pool, size, **{"started_at": now(), **fields})
    return Campaign.objects.create(organization=organization, name="November", batch=batch, frozen_at=now())


def lease(batch: Batch) -> list[Message]:
    """As if workers had leased all that is pending, the senders in turn. In the order of the numbers."""
    pool = list(batch.senders.order_by("pk"))
    messages = list(batch.messages.order_by("phone_number"))
    for place, message in enumerate(messages):
        message.sender, message.whatsapp_id, message.attempts = pool[place % len(pool)], f"OUT{message.pk}", 3
        message.status, message.lease_epoch, message.text = MessageStatus.SENDING, 1, "Hi"
    Message.objects.bulk_update(messages, ["sender", "whatsapp_id", "attempts", "status", "lease_epoch", "text"])
    changes = Changes()
    changes.move(batch.pk, MessageStatus.PENDING, MessageStatus.SENDING, len(messages))
    changes.save()
    return messages


def settle(messages: list[Message], outcome: Outcome, code: str = "") -> None:
    changes = Changes()
    ledger.write_results([SendResult(each.pk, 1, outcome, code, code and "Said so") for each in messages], changes)
    changes.save()


def receive(messages: list[Message], status: MessageStatus, at: datetime) -> None:
    ledger.record([Receipt(each.sender_id or 0, each.whatsapp_id, status, at) for each in messages])


def answer(messages: list[Message], at: datetime, text: str = "Yes") -> None:
    ledger.record([Inbound(each.sender_id or 0, each.phone_number, f"IN{each.pk}", text, at=at) for each in messages])
