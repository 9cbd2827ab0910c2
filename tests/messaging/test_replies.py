"""Whose message an answer belongs to: the latest of a batch in the same chat, for some days."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import Organization
from contacts.identities import Identity
from contacts.models import Contact
from messaging import counts, ledger, people, replies
from messaging.events import Inbound, Receipt
from messaging.models import Batch, BatchReply, Message, MessageStatus
from senders.models import Sender
from tests.factories import make_batch, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def sent(sender: Sender, ago: timedelta = timedelta(hours=1), size: int = 2, **fields: Any) -> Batch:
    """A batch whose messages left some time ago."""
    batch = make_batch(sender.organization, [sender], size)
    fields = {"status": MessageStatus.SENT, "sent_at": now() - ago, **fields}
    Message.objects.filter(batch=batch).update(sender=sender, **fields)
    return batch


def writes(sender: Sender, number: str, text: str = "Yes", at: datetime | None = None, **fields: Any) -> None:
    given = {"whatsapp_id": f"IN{Message.objects.count()}", "at": at or now(), **fields}
    ledger.record([Inbound(sender_id=sender.pk, phone_number=number, text=text, **given)])


def answered(batch: Batch) -> list[str]:
    return list(BatchReply.objects.filter(batch=batch).values_list("message__phone_number", flat=True))


def test_the_first_answer_of_each_person_counts(sender: Sender) -> None:
    batch = sent(sender)
    first = now() - timedelta(minutes=5)
    ledger.record(
        [
            Inbound(sender_id=sender.pk, phone_number=phone_number(0), whatsapp_id=f"IN{index}", text="Yes", at=at)
            for index, at in enumerate([first + timedelta(seconds=9), first])
        ]
    )
    writes(sender, phone_number(0), "And again")
    assert answered(batch) == [phone_number(0)]
    assert BatchReply.objects.get().replied_at == first
    assert counts.answered([batch.pk]) == {batch.pk: 1}
    assert counts.of_batches([batch.pk])[batch.pk].keys() == {(MessageStatus.PENDING, "")}  # not a status of a message


def test_an_answer_belongs_to_the_latest_message_in_its_chat(organization: Organization, sender: Sender) -> None:
    other = make_sender(organization)
    older, newer, elsewhere = (
        sent(sender, timedelta(days=2)),
        sent(sender, timedelta(hours=3)),
        sent(other, timedelta(hours=1)),
    )
    writes(sender, phone_number(0))
    assert (answered(older), answered(newer), answered(elsewhere)) == ([], [phone_number(0)], [])
    writes(sender, phone_number(1), at=now() - timedelta(days=1))  # delivered late: the newer one had not left then
    assert answered(older) == [phone_number(1)]


@pytest.mark.parametrize(
    "fields",
    [{"kind": "reaction"}, {"group": "123@g.us"}, {"at_before": timedelta(hours=2)}],
    ids=["a reaction", "in a group", "written before ours left"],
)
def test_what_is_no_answer(sender: Sender, fields: dict[str, Any]) -> None:
    batch = sent(sender)
    if before := fields.pop("at_before", None):
        fields["at"] = now() - before
    writes(sender, phone_number(0), **fields)
    assert answered(batch) == []


def test_after_some_days_it_is_no_answer_any_more(sender: Sender) -> None:
    days = timedelta(days=replies.REPLY_DAYS)
    late, in_time = sent(sender, days + timedelta(minutes=1)), sent(sender, days - timedelta(minutes=1))
    writes(sender, phone_number(0))
    assert (answered(late), answered(in_time)) == ([], [phone_number(0)])


def test_an_answer_may_come_before_the_acknowledgement(sender: Sender) -> None:
    batch = sent(sender, status=MessageStatus.SENDING, sent_at=None, leased_at=now(), whatsapp_id="OUT", size=1)
    writes(sender, phone_number(0))
    ledger.record([Receipt(sender.pk, "OUT", MessageStatus.READ, now())])
    assert answered(batch) == [phone_number(0)]


def test_who_wrote_under_a_lid_counts_once_the_number_is_known(organization: Organization, sender: Sender) -> None:
    batch = sent(sender)
    writes(sender, "", lid="100000000000001")
    assert answered(batch) == []
    Contact.objects.create(organization=organization, phone_number=phone_number(1), lid="100000000000001")
    people.learn(organization_id=organization.pk, seen=[Identity(phone_number(1), "100000000000001", "", True)])
    assert answered(batch) == [phone_number(1)]
    assert counts.answered([batch.pk]) == {batch.pk: 1}
    counts.rebuild(batch.pk)
    assert counts.are_true(batch.pk)
    assert counts.answered([batch.pk]) == {batch.pk: 1}
