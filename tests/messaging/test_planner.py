"""From pending to queued: senders, times, texts, skips, and what stopping a batch takes back."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils.timezone import now

from contacts.models import BlocklistEntry
from messaging import planner, recall, services
from messaging.models import Batch, BatchStatus, Message, MessageStatus, Priority
from senders import quota
from senders.models import Sender, SenderStatus
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def senders() -> list[Sender]:
    organization = make_organization()
    return [make_sender(organization) for _ in range(3)]


def of(batch: Batch, status: MessageStatus) -> list[Message]:
    return list(Message.objects.filter(batch=batch, status=status).order_by("due_at", "id"))


def test_messages_are_queued_with_text_sender_time_and_id(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 30)
    assert planner.plan_all() == 30
    queued = of(batch, MessageStatus.QUEUED)
    assert {message.text for message in queued} == {f"Hi Person {index}" for index in range(30)}
    assert {message.sender_id for message in queued} == {sender.pk for sender in senders}
    assert len({message.whatsapp_id for message in queued}) == 30
    assert_counters_true(batch)


def test_nothing_is_queued_further_ahead_than_a_minute(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 500, min_delay_ms=4000, max_delay_ms=6000)
    planner.plan_all()
    queued = of(batch, MessageStatus.QUEUED)
    assert 3 * 9 <= len(queued) <= 3 * 16
    assert max(message.due_at for message in queued) < now() + timedelta(seconds=61)
    assert planner.plan_all() <= 3  # a slot each may have come nearer meanwhile


def test_a_sender_pauses_between_two_messages(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders[:1], 500, min_delay_ms=2000, max_delay_ms=3000)
    planner.plan_all()
    due = [message.due_at for message in of(batch, MessageStatus.QUEUED)]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(due)]
    assert len(pauses) > 15
    assert min(pauses) >= 2.0
    assert max(pauses) <= 3.0


def test_the_quota_of_a_minute_bounds_what_is_planned_in_it(senders: list[Sender]) -> None:
    Sender.objects.filter(pk=senders[0].pk).update(quota_per_minute=5)
    batch = make_batch(senders[0].organization, senders[:1], 100)
    planner.plan_all()
    minutes: dict[object, int] = {}
    for message in of(batch, MessageStatus.QUEUED):
        minute = message.due_at.replace(second=0, microsecond=0)
        minutes[minute] = minutes.get(minute, 0) + 1
    assert minutes
    assert max(minutes.values()) == 5


def test_batches_that_share_a_sender_advance_together(senders: list[Sender]) -> None:
    organization = senders[0].organization
    first, second = (
        make_batch(organization, senders[:1], 200, min_delay_ms=1000, max_delay_ms=1000) for _ in range(2)
    )
    planner.plan_all()
    numbers = [len(of(batch, MessageStatus.QUEUED)) for batch in (first, second)]
    assert min(numbers) > 20
    assert abs(numbers[0] - numbers[1]) <= 1


def test_where_only_one_slot_is_free_at_a_time_batches_still_advance_together(senders: list[Sender]) -> None:
    """Pass by pass, as while they run: a fixed order would give every slot to the older batch."""
    organization = senders[0].organization
    first, second = (
        make_batch(organization, senders[:1], 200, min_delay_ms=4000, max_delay_ms=5000) for _ in range(2)
    )
    for _ in range(40):
        Sender.objects.filter(pk=senders[0].pk).update(planned_until=now() + timedelta(seconds=59))
        assert planner.plan_all() == 1
    numbers = [len(of(batch, MessageStatus.QUEUED)) for batch in (first, second)]
    assert numbers == [20, 20]


def test_a_batch_of_higher_priority_gets_the_slots_first(senders: list[Sender]) -> None:
    organization = senders[0].organization
    later, sooner = (
        make_batch(organization, senders[:1], 50, min_delay_ms=4000, max_delay_ms=5000, priority=priority)
        for priority in (Priority.NORMAL, Priority.INTERACTIVE)
    )
    for _ in range(10):
        Sender.objects.filter(pk=senders[0].pk).update(planned_until=now() + timedelta(seconds=59))
        planner.plan_all()
    assert [len(of(batch, MessageStatus.QUEUED)) for batch in (later, sooner)] == [0, 10]


def test_disconnected_senders_get_nothing(senders: list[Sender]) -> None:
    Sender.objects.filter(pk=senders[0].pk).update(status=SenderStatus.RECONNECTING)
    batch = make_batch(senders[0].organization, senders, 30)
    planner.plan_all()
    assert {message.sender_id for message in of(batch, MessageStatus.QUEUED)} == {senders[1].pk, senders[2].pk}


def test_blocked_people_and_missing_variables_are_skipped_with_the_reason(senders: list[Sender]) -> None:
    organization = senders[0].organization
    batch = make_batch(organization, senders, 4)
    BlocklistEntry.objects.create(organization=organization, phone_number=phone_number(0), reason="blocked")
    BlocklistEntry.objects.create(organization=organization, phone_number=phone_number(1), reason="opted_out")
    Message.objects.filter(batch=batch, phone_number=phone_number(2)).update(variables={"name": ""})
    assert planner.plan_all() == 4  # three of them skipped
    skipped = {message.phone_number: message.skip_reason for message in of(batch, MessageStatus.SKIPPED)}
    assert skipped == {
        phone_number(0): "blocked",
        phone_number(1): "opted_out",
        phone_number(2): "missing_variable",
    }
    assert_counters_true(batch)


def test_the_blocklist_of_another_organization_means_nothing(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 1)
    BlocklistEntry.objects.create(organization=make_organization(), phone_number=phone_number(0))
    planner.plan_all()
    assert len(of(batch, MessageStatus.QUEUED)) == 1


def test_pausing_takes_back_what_was_not_leased(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 50)
    planner.plan_all()
    services.pause_batch(batch=batch)
    assert len(of(batch, MessageStatus.PENDING)) == 50
    assert planner.plan_all() == 0
    assert_counters_true(batch)
    services.resume_batch(batch=batch)
    assert planner.plan_all() == 50


def test_a_pause_leaves_retries_with_their_sender(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 5)
    planner.plan_all()
    tried = of(batch, MessageStatus.QUEUED)[0]
    Message.objects.filter(pk=tried.pk).update(attempts=1)
    services.pause_batch(batch=batch)
    kept = Message.objects.get(batch=batch, status=MessageStatus.QUEUED)
    assert (kept.pk, kept.sender_id, kept.whatsapp_id) == (tried.pk, tried.sender_id, tried.whatsapp_id)


def test_cancelling_ends_everything_that_has_not_left(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 50)
    planner.plan_all()
    first, second = of(batch, MessageStatus.QUEUED)[:2]
    Message.objects.filter(pk=first.pk).update(attempts=1)  # its worker was killed: it may have left
    Message.objects.filter(pk=second.pk).update(attempts=1, error_code="timeout")
    services.cancel_batch(batch=batch)
    assert len(of(batch, MessageStatus.CANCELLED)) == 48
    assert [message.pk for message in of(batch, MessageStatus.UNKNOWN)] == [first.pk]
    assert [message.pk for message in of(batch, MessageStatus.FAILED)] == [second.pk]
    assert_counters_true(batch)
    planner.plan_all()
    batch.refresh_from_db()
    assert (batch.status, batch.finished_at is not None) == (BatchStatus.CANCELLED, True)


def test_a_large_batch_is_cancelled_in_portions(senders: list[Sender], monkeypatch) -> None:
    monkeypatch.setattr(services, "CANCELLED_AT_ONCE", 10)
    monkeypatch.setattr(planner, "CANCELLED_PER_TICK", 10)
    batch = make_batch(senders[0].organization, senders, 25)
    services.cancel_batch(batch=batch)
    remaining = [len(of(batch, MessageStatus.PENDING))]
    for _ in range(2):
        planner.plan_all()
        remaining.append(len(of(batch, MessageStatus.PENDING)))
    assert remaining == [15, 5, 0]
    assert_counters_true(batch)


def test_a_batch_is_completed_when_nothing_is_open(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 1)
    BlocklistEntry.objects.create(organization=batch.organization, phone_number=phone_number(0))
    planner.plan_all()
    planner.plan_all()
    batch.refresh_from_db()
    assert batch.status == BatchStatus.COMPLETED
    assert batch.finished_at is not None


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (services.start_batch, BatchStatus.RUNNING),
        (services.pause_batch, BatchStatus.PAUSED),
        (services.resume_batch, BatchStatus.RUNNING),
        (services.cancel_batch, BatchStatus.COMPLETED),
    ],
)
def test_what_makes_no_sense_is_refused(senders: list[Sender], action, status: BatchStatus) -> None:
    batch = make_batch(senders[0].organization, senders, 1, status=status)
    with pytest.raises(services.NotAllowed):
        action(batch=batch)
    batch.refresh_from_db()
    assert batch.status == status


def test_a_batch_without_senders_or_people_cannot_start(senders: list[Sender]) -> None:
    organization = senders[0].organization
    for batch in (
        make_batch(organization, [], 1, status=BatchStatus.READY),
        make_batch(organization, senders, 0, status=BatchStatus.READY),
    ):
        with pytest.raises(services.NotAllowed):
            services.start_batch(batch=batch)


def test_a_single_message_overtakes_a_campaign_and_takes_the_sender_it_asks_for(senders: list[Sender]) -> None:
    organization = senders[0].organization
    make_batch(organization, senders, 10)
    wanted = services.send_message(organization=organization, to="+628999", text="Now {{x}}", sender=senders[2])
    anyone = services.send_message(organization=organization, to="+628998", text="Any")
    planner.plan_all()
    wanted.refresh_from_db()
    anyone.refresh_from_db()
    assert (wanted.status, wanted.sender_id, wanted.text) == (MessageStatus.QUEUED, senders[2].pk, "Now {{x}}")
    assert anyone.status == MessageStatus.QUEUED
    assert wanted.priority < Message.objects.filter(batch__isnull=False).first().priority


def test_a_single_message_does_not_wait_for_what_a_campaign_has_planned(senders: list[Sender]) -> None:
    Sender.objects.update(quota_per_minute=10)
    organization = senders[0].organization
    batch = make_batch(organization, senders, 500, min_delay_ms=6000, max_delay_ms=6000)
    planner.plan_all()
    planned = Sender.objects.get(pk=senders[0].pk).planned_until
    single = services.send_message(organization=organization, to="+628999", text="Now", sender=senders[0])
    planner.plan_all()
    single.refresh_from_db()
    assert single.due_at <= now()
    assert Sender.objects.get(pk=senders[0].pk).planned_until >= planned
    assert_counters_true(batch)


def test_single_messages_share_the_quota_among_themselves(senders: list[Sender]) -> None:
    Sender.objects.update(quota_per_minute=5)
    began = now().replace(second=0, microsecond=0)
    quota.spend({senders[0].pk: 2})
    for index in range(20):
        services.send_message(
            organization=senders[0].organization, to=phone_number(index), text="Now", sender=senders[0]
        )
        if index in (6, 12):
            planner.plan_all()
    planner.plan_all()
    minutes = Counter(
        due_at.replace(second=0, microsecond=0)
        for due_at in Message.objects.filter(status=MessageStatus.QUEUED).values_list("due_at", flat=True)
    )
    assert 0 < max(minutes.values()) <= 5
    assert minutes[began] <= 3


def test_an_idempotency_key_makes_one_message(senders: list[Sender]) -> None:
    organization = senders[0].organization
    first = services.send_message(organization=organization, to="+628999", text="Now", idempotency_key="a")
    again = services.send_message(organization=organization, to="+628999", text="Now", idempotency_key="a")
    assert again.pk == first.pk
    with pytest.raises(services.NotAllowed):
        services.send_message(organization=organization, to="+628999", text="Other", idempotency_key="a")
    other = services.send_message(organization=make_organization(), to="+628999", text="Now", idempotency_key="a")
    assert other.pk != first.pk


def test_overdue_messages_are_planned_afresh(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 3)
    planner.plan_all()
    Message.objects.filter(batch=batch).update(due_at=now() - timedelta(hours=1))
    assert recall.recover_overdue(older_than=timedelta(minutes=5)) == 3
    assert len(of(batch, MessageStatus.PENDING)) == 3
    assert_counters_true(batch)
