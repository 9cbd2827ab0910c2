"""One owner a session: taking, renewing, losing, and what a lost owner left behind."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.db.models import F
from django.utils.timezone import now

from messaging import counts, planner, services
from messaging.counts import Changes
from messaging.events import Outcome, SendResult
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender, SenderStatus
from session_service import leases
from session_service.models import SessionLease, SessionWorker
from session_service.queue import lease_due
from tests.factories import assert_counters_true, make_batch, make_lease, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization())


@pytest.fixture
def workers() -> list[SessionWorker]:
    return [leases.register(name=f"worker {number}", capacity=10) for number in range(2)]


def expire(sender: Sender) -> None:
    SessionLease.objects.filter(sender=sender).update(expires_at=now() - timedelta(seconds=1))


def test_a_wanted_sender_is_taken_by_one_worker(sender: Sender, workers: list[SessionWorker]) -> None:
    taken = leases.take(worker_id=workers[0].pk, limit=10)
    assert [(held.id, held.epoch, held.phone_number) for held in taken] == [(sender.pk, 1, sender.phone_number)]
    assert leases.take(worker_id=workers[1].pk, limit=10) == []


def test_an_unwanted_sender_is_left_alone(sender: Sender, workers: list[SessionWorker]) -> None:
    Sender.objects.update(wanted=False)
    assert leases.take(worker_id=workers[0].pk, limit=10) == []


def test_the_limit_holds(workers: list[SessionWorker]) -> None:
    organization = make_organization()
    for _ in range(5):
        make_sender(organization)
    assert len(leases.take(worker_id=workers[0].pk, limit=3)) == 3
    assert len(leases.take(worker_id=workers[1].pk, limit=3)) == 2


def test_an_expired_lease_goes_to_another_with_a_higher_epoch(sender: Sender, workers: list[SessionWorker]) -> None:
    leases.take(worker_id=workers[0].pk, limit=10)
    expire(sender)
    assert [held.epoch for held in leases.take(worker_id=workers[1].pk, limit=10)] == [2]
    assert leases.heartbeat(worker_id=workers[0].pk, held={sender.pk: 1}) == set()
    assert leases.heartbeat(worker_id=workers[1].pk, held={sender.pk: 2}) == {sender.pk}


def test_an_expired_lease_is_not_renewed_even_if_nobody_took_it(sender: Sender, workers: list[SessionWorker]) -> None:
    leases.take(worker_id=workers[0].pk, limit=10)
    expire(sender)
    assert leases.heartbeat(worker_id=workers[0].pk, held={sender.pk: 1}) == set()
    assert [held.epoch for held in leases.take(worker_id=workers[0].pk, limit=10)] == [2]


def test_only_what_is_open_is_renewed(workers: list[SessionWorker]) -> None:
    """A worker that never heard of a lease of its own, because the answer of the commit was lost, lets it run out."""
    organization = make_organization()
    opened, unheard_of, reopened = (make_sender(organization) for _ in range(3))
    leases.take(worker_id=workers[0].pk, limit=10)
    SessionLease.objects.filter(sender=reopened).update(epoch=2)
    before = SessionLease.objects.get(sender=unheard_of).expires_at
    assert leases.heartbeat(worker_id=workers[0].pk, held={opened.pk: 1, reopened.pk: 1}) == {opened.pk}
    assert SessionLease.objects.get(sender=unheard_of).expires_at == before
    assert SessionLease.objects.get(sender=opened).expires_at > before


def test_a_released_sender_can_be_taken_at_once(sender: Sender, workers: list[SessionWorker]) -> None:
    leases.take(worker_id=workers[0].pk, limit=10)
    leases.release(worker_id=workers[0].pk, sender_id=sender.pk, epoch=1)
    assert [held.epoch for held in leases.take(worker_id=workers[1].pk, limit=10)] == [2]


def test_a_stale_release_changes_nothing(sender: Sender, workers: list[SessionWorker]) -> None:
    leases.take(worker_id=workers[0].pk, limit=10)
    expire(sender)
    leases.take(worker_id=workers[1].pk, limit=10)
    leases.release(worker_id=workers[0].pk, sender_id=sender.pk, epoch=1)
    assert leases.heartbeat(worker_id=workers[1].pk, held={sender.pk: 2}) == {sender.pk}


@pytest.mark.parametrize(
    ("keeps_id", "status"), [(True, MessageStatus.QUEUED), (False, MessageStatus.UNKNOWN)], ids=["ids", "no ids"]
)
def test_what_a_lost_worker_was_sending_is_settled_by_the_next(
    sender: Sender, workers: list[SessionWorker], keeps_id: bool, status: MessageStatus
) -> None:
    leases.take(worker_id=workers[0].pk, limit=10)
    batch = sending(sender, epoch=1, keeps_id=keeps_id)
    expire(sender)
    leases.take(worker_id=workers[1].pk, limit=10)
    message = Message.objects.get(batch=batch)
    assert message.status == status
    assert (message.sender_id, message.whatsapp_id) == (sender.pk, "3EB0A")
    assert_counters_true(batch)


def test_a_result_in_doubt_is_not_written_to_another_senders_lease(sender: Sender) -> None:
    """A held-back message may be with another sender by then, under a lease with the same epoch."""
    other = make_sender(sender.organization)
    mine, moved, forgotten = (
        Message.objects.get(batch=sending(each, epoch=1, keeps_id=True)) for each in (sender, other, sender)
    )
    results = [SendResult(message.pk, 1, Outcome.HELD, "463") for message in (mine, moved, forgotten)]
    handed_over = {mine.pk: sender.pk, moved.pk: sender.pk}
    assert leases.still_with_their_sender(results, handed_over) == results[:1]


def test_what_piled_up_before_a_take_over_is_planned_afresh(sender: Sender, workers: list[SessionWorker]) -> None:
    """Else a minute's worth of messages would leave at once."""
    batch = make_batch(sender.organization, [sender], 30, min_delay_ms=1000, max_delay_ms=1000)
    planner.plan_all()
    Message.objects.update(due_at=F("due_at") - timedelta(seconds=20))
    assert len(leases.take(worker_id=workers[0].pk, limit=10)) == 1
    assert counts.of_batches([batch.pk])[batch.pk] == {(MessageStatus.PENDING, ""): 30}
    planner.plan_all()
    assert Message.objects.filter(due_at__lte=now() + timedelta(seconds=5)).count() <= 6
    assert_counters_true(batch)


def test_a_take_over_in_time_leaves_the_queue_alone(sender: Sender, workers: list[SessionWorker]) -> None:
    batch = make_batch(sender.organization, [sender], 30, min_delay_ms=1000, max_delay_ms=1000)
    planner.plan_all()
    leases.take(worker_id=workers[0].pk, limit=10)
    assert counts.of_batches([batch.pk])[batch.pk] == {(MessageStatus.QUEUED, ""): 30}


def test_what_may_have_left_is_unknown_when_its_batch_is_cancelled(sender: Sender) -> None:
    make_lease(sender, epoch=3)
    batch = sending(sender, epoch=3, keeps_id=True)
    Message.objects.filter(batch=batch).update(error_code="timeout")  # of the try before
    expire(sender)
    leases.recover_lost()
    services.cancel_batch(batch=batch)
    assert Message.objects.get(batch=batch).status == MessageStatus.UNKNOWN
    assert_counters_true(batch)


def test_what_a_lost_worker_was_sending_is_settled_even_if_nobody_takes_over(sender: Sender) -> None:
    make_lease(sender, epoch=3)
    batch = sending(sender, epoch=3, keeps_id=True)
    assert leases.recover_lost() == set()
    expire(sender)
    assert leases.recover_lost() == {batch.pk}
    assert Message.objects.get(batch=batch).status == MessageStatus.QUEUED
    assert_counters_true(batch)


def test_leased_but_never_handed_over_returns_to_the_queue(sender: Sender, workers: list[SessionWorker]) -> None:
    make_lease(sender, workers[0], epoch=3)
    batch = sending(sender, epoch=3, keeps_id=False)
    message = Message.objects.get(batch=batch)
    for open_senders, handed_over, expected in (
        ([sender.pk], [message.pk], MessageStatus.SENDING),
        ([], [], MessageStatus.SENDING),  # the sender is being closed: what it was given is forgotten
        ([sender.pk], [], MessageStatus.QUEUED),
    ):
        changes = Changes()
        leases.take_back_unsent(
            worker_id=workers[0].pk, sender_ids=open_senders, handed_over=handed_over, changes=changes
        )
        changes.save()
        message.refresh_from_db()
        assert message.status == expected
    assert message.attempts == 0
    assert_counters_true(batch)


def test_what_was_queued_for_a_deleted_sender_is_planned_afresh_or_unknown(sender: Sender) -> None:
    batch = make_batch(sender.organization, [sender], 2)
    planner.plan_all()
    tried, fresh = Message.objects.filter(batch=batch).order_by("pk")
    Message.objects.filter(pk=tried.pk).update(attempts=1)
    sender.delete()
    assert leases.recover_lost() == {batch.pk}
    tried.refresh_from_db()
    fresh.refresh_from_db()
    assert (tried.status, fresh.status) == (MessageStatus.UNKNOWN, MessageStatus.PENDING)
    assert_counters_true(batch)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_stopped_in_a_transaction_does_not_keep_its_senders(
    sender: Sender, workers: list[SessionWorker], settings
) -> None:
    settings.SESSION_LEASE_SECONDS = 0.3
    leases.take(worker_id=workers[0].pk, limit=1)
    stopped = connections.create_connection("default")
    try:
        leases.limit_idle_transactions(connection=stopped)
        stopped.set_autocommit(False)
        with stopped.cursor() as cursor:
            cursor.execute("SELECT FROM session_service_sessionlease FOR UPDATE")
        assert leases.take(worker_id=workers[1].pk, limit=1) == []
        time.sleep(0.6)
        assert [held.id for held in leases.take(worker_id=workers[1].pk, limit=1)] == [sender.pk]
    finally:
        stopped.close()


def test_a_sender_that_nobody_wants_or_holds_is_shown_as_disconnected(sender: Sender) -> None:
    Sender.objects.update(wanted=False)
    assert leases.settle_unwanted() == [sender.pk]
    sender.refresh_from_db()
    assert sender.status == SenderStatus.DISCONNECTED
    assert leases.settle_unwanted() == []


def test_a_held_sender_is_left_to_its_owner(sender: Sender, workers: list[SessionWorker]) -> None:
    make_lease(sender, workers[0])
    Sender.objects.update(wanted=False)
    assert leases.settle_unwanted() == []
    assert leases.wishes(worker_id=workers[0].pk) == [leases.Wish(sender.pk, False, False, "")]
    assert leases.wishes(worker_id=workers[1].pk) == []
    Sender.objects.update(wanted=True)
    assert leases.wishes(worker_id=workers[0].pk) == []  # it is connected, as it should be


def sending(sender: Sender, *, epoch: int, keeps_id: bool) -> Batch:
    """A batch of one message that is leased under `epoch`."""
    batch = make_batch(sender.organization, [sender], 1)
    changes = Changes()
    changes.move(batch.pk, MessageStatus.PENDING, MessageStatus.SENDING)
    Message.objects.filter(batch=batch).update(
        status=MessageStatus.SENDING,
        sender=sender,
        lease_epoch=epoch,
        keeps_id=keeps_id,
        attempts=1,
        whatsapp_id="3EB0A",
    )
    changes.save()
    return batch


@pytest.mark.django_db(transaction=True)
def test_while_messages_are_leased_the_sender_cannot_be_taken_but_is_renewed(
    sender: Sender, workers: list[SessionWorker]
) -> None:
    owned = make_lease(sender, workers[0])
    batch = make_batch(sender.organization, [sender], 3)
    planner.plan_all()
    seen: dict[str, object] = {}

    def meanwhile() -> None:
        try:
            with connections["default"].cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            seen["renewed"] = leases.heartbeat(worker_id=workers[0].pk, held={sender.pk: owned.epoch})
            expire(sender)
            seen["taken"] = leases.take(worker_id=workers[1].pk, limit=10)
        finally:
            connections["default"].close()

    changes = Changes()
    with transaction.atomic():
        held = [(sender.pk, owned.epoch, True)]
        assert len(lease_due(worker_id=workers[0].pk, held=held, room=10, changes=changes)) == 3
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join()
        changes.save()
    assert seen == {"renewed": {sender.pk}, "taken": []}
    assert_counters_true(batch)
