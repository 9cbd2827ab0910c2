"""What ran out of tries can be tried once more; what nobody knows can be settled by a person."""

import pytest
from django.db import transaction

from messaging import ledger, planner, recall, services
from messaging.counts import Changes
from messaging.events import Outcome, SendResult
from messaging.models import Batch, BatchStatus, Message, MessageStatus
from senders.models import Sender, SenderStatus
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization())


def exhausted(sender: Sender, size: int = 1, *, outcome: Outcome = Outcome.TRY_AGAIN) -> Batch:
    """A completed batch whose messages failed on their last try."""
    batch = make_batch(sender.organization, [sender], size)
    planner.plan_all()
    changes = Changes()
    with transaction.atomic():
        Message.objects.filter(batch=batch).update(status=MessageStatus.SENDING, attempts=3, lease_epoch=1)
        changes.move(batch.pk, MessageStatus.QUEUED, MessageStatus.SENDING, size)
        results = [
            SendResult(pk, 1, outcome, "timeout", "no answer")
            for pk in Message.objects.filter(batch=batch).values_list("pk", flat=True)
        ]
        ledger.write_results(results, changes)
        changes.save()
    planner.plan_all()
    batch.refresh_from_db()
    assert batch.status == BatchStatus.COMPLETED
    return batch


def test_a_dead_letter_is_tried_again_once_with_the_same_sender_and_id(sender: Sender) -> None:
    batch = exhausted(sender)
    before = Message.objects.get(batch=batch)
    assert before.exhausted
    assert services.retry_dead_letters(organization=sender.organization, message_ids=[before.pk]) == 1
    after = Message.objects.get(batch=batch)
    assert (after.status, after.attempts, after.sender_id) == (MessageStatus.QUEUED, 0, sender.pk)
    assert after.whatsapp_id == before.whatsapp_id
    batch.refresh_from_db()
    assert batch.status == BatchStatus.RUNNING
    assert_counters_true(batch)
    Message.objects.filter(batch=batch).update(status=MessageStatus.FAILED, exhausted=True)
    assert services.retry_dead_letters(organization=sender.organization) == 0


def test_all_dead_letters_of_an_organization_in_one_go(sender: Sender) -> None:
    batch = exhausted(sender, 5)
    assert services.retry_dead_letters(organization=make_organization()) == 0
    assert services.retry_dead_letters(organization=sender.organization) == 5
    assert_counters_true(batch)


def test_what_was_refused_for_good_is_no_dead_letter(sender: Sender) -> None:
    exhausted(sender, outcome=Outcome.REJECTED)
    assert services.retry_dead_letters(organization=sender.organization) == 0


def test_a_dead_letter_of_a_cancelled_batch_stays_dead(sender: Sender) -> None:
    exhausted(sender)
    Batch.objects.update(status=BatchStatus.CANCELLED)
    assert services.retry_dead_letters(organization=sender.organization) == 0


def test_a_retried_message_waits_for_its_sender_and_is_given_to_no_other(sender: Sender) -> None:
    batch = exhausted(sender)
    batch.senders.add(make_sender(sender.organization))
    services.retry_dead_letters(organization=sender.organization)
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.RECONNECTING)
    planner.plan_all()
    changes = Changes()
    assert recall.take_back_queued(changes, sender_ids=[sender.pk]) == 0
    assert Message.objects.get(batch=batch).sender_id == sender.pk


@pytest.mark.parametrize(("arrived", "status"), [(True, MessageStatus.SENT), (False, MessageStatus.FAILED)])
def test_a_person_settles_an_unknown_message(sender: Sender, arrived: bool, status: MessageStatus) -> None:
    batch = exhausted(sender)
    message = Message.objects.get(batch=batch)
    changes = Changes()
    changes.move(batch.pk, message.status, MessageStatus.UNKNOWN)
    Message.objects.update(status=MessageStatus.UNKNOWN)
    changes.save()
    services.settle_unknown(message=message, arrived=arrived)
    message.refresh_from_db()
    assert message.status == status
    assert_counters_true(batch)
    with pytest.raises(services.NotAllowed):
        services.settle_unknown(message=message, arrived=not arrived)
