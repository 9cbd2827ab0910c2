"""Windows, recipients' hours, warm-up, caps, held first contacts, rests: what the planner and the lease respect."""

from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils.timezone import localtime, now

from messaging import ledger, planner
from messaging.counts import Changes
from messaging.events import Inbound, Outcome, SendResult
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender
from session_service.queue import lease_due
from tests.factories import assert_counters_true, make_batch, make_lease, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def senders() -> list[Sender]:
    organization = make_organization()
    return [make_sender(organization) for _ in range(2)]


def queued(batch: Batch) -> list[Message]:
    return list(Message.objects.filter(batch=batch, status=MessageStatus.QUEUED).order_by("due_at"))


def weekday_window(offset_days: int, zone: str) -> list[dict[str, object]]:
    """A window that is open all day on the weekday `offset_days` from today, on that zone's calendar."""
    day = (localtime(now(), ZoneInfo(zone)) + timedelta(days=offset_days)).isoweekday()
    return [{"days": [day], "from": "00:00", "to": "00:00"}]


def test_nothing_is_queued_while_the_window_is_closed(senders: list[Sender]) -> None:
    zone = senders[0].organization.timezone
    closed = make_batch(senders[0].organization, senders, 5, windows=weekday_window(3, zone))
    opened = make_batch(senders[0].organization, senders, 5, windows=weekday_window(0, zone))
    planner.plan_all()
    assert queued(closed) == []
    assert len(queued(opened)) == 5


def test_windows_follow_the_recipients_clock(senders: list[Sender]) -> None:
    """Open all day today in Jakarta and closed in the other's zone: only one of them is written to now."""
    batch = make_batch(senders[0].organization, senders, 2, recipient_time=True)
    jakarta, far = phone_number(0), "+13125550100"
    Message.objects.filter(phone_number=phone_number(1)).update(phone_number=far)
    here = localtime(now(), ZoneInfo("Asia/Jakarta"))
    start, end = (here - timedelta(hours=1)).strftime("%H:%M"), (here + timedelta(hours=1)).strftime("%H:%M")
    Batch.objects.update(windows=[{"days": [1, 2, 3, 4, 5, 6, 7], "from": start, "to": end}])
    planner.plan_all()
    assert [message.phone_number for message in queued(batch)] == [jakarta]
    waiting = Message.objects.get(phone_number=far)
    assert waiting.status == MessageStatus.PENDING
    assert waiting.due_at > now() + timedelta(hours=1)


def test_a_young_sender_warms_up(senders: list[Sender]) -> None:
    organization = senders[0].organization
    Sender.objects.update(warm_up_per_day=4, linked_at=now())
    batch = make_batch(organization, senders[:1], 50)
    planner.plan_all()
    assert len(queued(batch)) == 4
    Sender.objects.update(linked_at=now() - timedelta(days=2))  # 4 · 1.5 · 1.5 = 9
    planner.plan_all()
    assert len(queued(batch)) == 9
    Sender.objects.update(linked_at=now() - timedelta(days=60))
    planner.plan_all()
    assert len(queued(batch)) == 50


def test_a_person_gets_no_more_campaign_messages_than_the_cap_allows(senders: list[Sender]) -> None:
    organization = senders[0].organization
    organization.cap_messages, organization.cap_days = 1, 7
    organization.save()
    first = make_batch(organization, senders, 3)
    planner.plan_all()
    second = make_batch(organization, senders, 4)
    planner.plan_all()
    assert len(queued(first)) == 3
    assert [message.phone_number for message in queued(second)] == [phone_number(3)]
    assert set(
        Message.objects.filter(batch=second, status=MessageStatus.SKIPPED).values_list("skip_reason", flat=True)
    ) == {"frequency_cap"}
    assert_counters_true(second)
    Message.objects.filter(batch=first).update(status=MessageStatus.SENT, due_at=now() - timedelta(days=8))
    third = make_batch(organization, senders, 3)
    planner.plan_all()
    assert len(queued(third)) == 3


def test_a_limited_sender_writes_only_to_people_who_wrote_to_it(senders: list[Sender]) -> None:
    limited, free = senders
    ledger.record([Inbound(limited.pk, phone_number(7), "IN1", "Hi", now())])
    batch = make_batch(limited.organization, [limited], 20)
    Sender.objects.filter(pk=limited.pk).update(first_contacts_held_until=now() + timedelta(hours=1))
    planner.plan_all()
    assert [message.phone_number for message in queued(batch)] == [phone_number(7)]
    batch.senders.add(free)
    planner.plan_all()
    assert Counter(message.sender_id for message in queued(batch)) == {limited.pk: 1, free.pk: 19}


def test_463_gives_the_message_to_others_and_holds_first_contacts(senders: list[Sender]) -> None:
    limited = senders[0]
    batch = make_batch(limited.organization, [limited], 5)
    planner.plan_all()
    lease = make_lease(limited)
    changes = Changes()
    with transaction.atomic():
        leased = lease_due(worker_id=lease.worker_id or 0, held=[(limited.pk, 1, True)], room=1, changes=changes)
        until = now() + timedelta(hours=6)
        result = SendResult(leased[0].id, 1, Outcome.HELD, "463", "", held_until=until)
        ledger.write_results([result], changes)
        changes.save()
    limited.refresh_from_db()
    assert limited.first_contacts_held_until == until
    assert (limited.consecutive_failures, limited.health) == (0, 100)
    assert Message.objects.filter(batch=batch, status=MessageStatus.PENDING, sender=None, attempts=0).count() == 5
    assert_counters_true(batch)


def test_first_contacts_are_held_at_the_lease_too(senders: list[Sender]) -> None:
    limited = senders[0]
    make_batch(limited.organization, [limited], 5)
    planner.plan_all()
    Sender.objects.update(first_contacts_held_until=now() + timedelta(hours=1))
    lease = make_lease(limited)
    with transaction.atomic():
        held = [(limited.pk, 1, True)]
        assert lease_due(worker_id=lease.worker_id or 0, held=held, room=10, changes=Changes()) == []


def test_a_resting_sender_loses_its_queue_to_the_others(senders: list[Sender]) -> None:
    resting, free = senders
    batch = make_batch(resting.organization, senders, 20, min_delay_ms=1000, max_delay_ms=1000)
    planner.plan_all()
    assert {message.sender_id for message in queued(batch)} == {resting.pk, free.pk}
    Sender.objects.filter(pk=resting.pk).update(resting_until=now() + timedelta(minutes=5))
    planner.plan_all()
    assert {message.sender_id for message in queued(batch)} == {free.pk}
    assert_counters_true(batch)


def test_a_sender_on_probation_has_one_message_under_way(senders: list[Sender]) -> None:
    Sender.objects.update(consecutive_failures=6)
    batch = make_batch(senders[0].organization, senders[:1], 20)
    planner.plan_all()
    planner.plan_all()
    assert len(queued(batch)) == 1


def test_one_chats_messages_stay_in_order(senders: list[Sender]) -> None:
    """The first message of a chat waits for its retry: the second one does not overtake it."""
    sender = senders[0]
    first, second = (make_batch(sender.organization, [sender], 1) for _ in range(2))
    planner.plan_all()
    lease = make_lease(sender)

    def leased() -> list[int]:
        changes = Changes()
        with transaction.atomic():
            found = lease_due(worker_id=lease.worker_id or 0, held=[(sender.pk, 1, True)], room=10, changes=changes)
            changes.save()
        return [message.id for message in found]

    early, late = Message.objects.get(batch=first), Message.objects.get(batch=second)
    assert leased() == [early.pk]
    assert leased() == []  # not answered yet
    Message.objects.filter(pk=early.pk).update(status=MessageStatus.QUEUED, due_at=now() + timedelta(seconds=5))
    assert leased() == []
    Message.objects.filter(pk=early.pk).update(status=MessageStatus.SENT)
    assert leased() == [late.pk]


def test_typing_is_planned_in_proportion_to_the_text(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 2, typing=True, text="{{name}}")
    Message.objects.filter(phone_number=phone_number(1)).update(variables={"name": "x" * 1000})
    planner.plan_all()
    assert [message.typing_ms for message in sorted(queued(batch), key=lambda m: len(m.text))] == [8 * 40, 8000]
