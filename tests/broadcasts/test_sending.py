"""Broadcasts go group by group; bulk sends go at once and say of everybody what became of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import Organization
from broadcasts import services
from broadcasts.models import Broadcast, BroadcastList, BulkSend
from contacts.models import BlocklistEntry, Contact
from messaging import planner, sends, waves
from messaging.models import Batch, BatchStatus, Message, MessageStatus, Wave
from messaging.sends import InvalidPlan, SendPlan
from messaging.services import NotAllowed, cancel_batch, pause_batch, resume_batch
from tests.factories import assert_counters_true, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(default_region="ID")
    for _ in range(3):
        make_sender(organization)
    return organization


def make_list(organization: Organization, size: int, **fields: Any) -> BroadcastList:
    numbers = [phone_number(index) for index in range(size)]
    return services.create_list(organization=organization, name=f"List of {size}", numbers=numbers, **fields)


def tried(batch: Batch, wave: int) -> None:
    """What a worker leaves behind once it sent a group."""
    queued = Message.objects.filter(batch=batch, wave=wave, status=MessageStatus.QUEUED)
    queued.update(status=MessageStatus.SENT, sent_at=now(), leased_at=now(), attempts=1)


def statuses(batch: Batch) -> list[str]:
    batch.refresh_from_db()
    return [state.status for state in waves.states_of(batch)]


def queued_by_wave(batch: Batch) -> dict[int | None, int]:
    queued = Message.objects.filter(batch=batch, status=MessageStatus.QUEUED)
    return {wave: queued.filter(wave=wave).count() for wave in queued.values_list("wave", flat=True).distinct()}


def test_only_the_first_group_is_planned_until_it_is_gone_and_the_pause_is_over(organization: Organization) -> None:
    batch = services.send_broadcast(broadcast_list=make_list(organization, 600), text="Promo").batch
    planner.plan_all()
    assert queued_by_wave(batch) == {0: 256}
    assert statuses(batch) == ["sending", "waiting", "waiting"]
    tried(batch, 0)
    planner.plan_all()
    assert statuses(batch) == ["sent", "waiting", "waiting"]
    assert queued_by_wave(batch) == {}
    Wave.objects.filter(batch=batch, number=0).update(gone_at=now() - timedelta(seconds=9))
    planner.plan_all()
    assert queued_by_wave(batch) == {}, "the pause is 10 seconds"
    Wave.objects.filter(batch=batch, number=0).update(gone_at=now() - timedelta(seconds=10))
    planner.plan_all()
    assert queued_by_wave(batch) == {1: 256}
    assert statuses(batch) == ["sent", "sending", "waiting"]


def test_what_is_tried_again_does_not_hold_up_the_next_group(organization: Organization) -> None:
    batch = services.send_broadcast(broadcast_list=make_list(organization, 300, gap_seconds=0), text="Promo").batch
    planner.plan_all()
    tried(batch, 0)
    again = Message.objects.filter(batch=batch, wave=0).first()
    assert again is not None
    Message.objects.filter(pk=again.pk).update(status=MessageStatus.QUEUED, due_at=now() + timedelta(minutes=1))
    planner.plan_all()
    assert statuses(batch) == ["sent", "sending"]


def test_a_group_of_which_nobody_can_be_sent_to_costs_no_pause(organization: Organization) -> None:
    broadcast_list = make_list(organization, 520)
    for place in range(256, 512):
        BlocklistEntry.objects.create(
            organization=organization, phone_number=phone_number(place), reason="blocked", source="test"
        )
    batch = services.send_broadcast(broadcast_list=broadcast_list, text="Promo").batch
    planner.plan_all()
    tried(batch, 0)
    planner.plan_all()
    Wave.objects.filter(batch=batch, number=0).update(gone_at=now() - timedelta(seconds=11))
    planner.plan_all()
    assert statuses(batch) == ["sent", "sent", "sending"]
    assert queued_by_wave(batch) == {2: 8}


def test_pausing_and_cancelling_hold_for_groups_that_wait(organization: Organization) -> None:
    batch = services.send_broadcast(broadcast_list=make_list(organization, 600), text="Promo").batch
    planner.plan_all()
    pause_batch(batch=batch)
    assert queued_by_wave(batch) == {}
    planner.plan_all()
    assert queued_by_wave(batch) == {}
    resume_batch(batch=batch)
    planner.plan_all()
    assert queued_by_wave(batch) == {0: 256}
    cancel_batch(batch=batch)
    planner.plan_all()
    assert Message.objects.filter(batch=batch, status=MessageStatus.CANCELLED).count() == 600
    assert statuses(batch) == ["cancelled"] * 3
    assert_counters_true(batch)


def test_texts_take_the_values_of_contacts_and_skip_who_lacks_one(organization: Organization) -> None:
    Contact.objects.create(
        organization=organization, phone_number=phone_number(0), name="Sari", attributes={"kota": "Solo"}
    )
    broadcast_list = make_list(organization, 2)
    batch = services.send_broadcast(broadcast_list=broadcast_list, text="Hai {{name}} di {{kota}}").batch
    planner.plan_all()
    assert list(batch.messages.order_by("pk").values_list("text", "skip_reason")) == [
        ("Hai Sari di Solo", ""),
        ("", "missing_variable"),
    ]


def test_a_broadcast_under_one_key_is_sent_once(organization: Organization) -> None:
    broadcast_list = make_list(organization, 3)
    first = services.send_broadcast(broadcast_list=broadcast_list, text="Promo", idempotency_key="a")
    services.remove_members(broadcast_list=broadcast_list, numbers=[phone_number(0)])
    again = services.send_broadcast(broadcast_list=broadcast_list, text="Promo", idempotency_key="a")
    assert again == first
    assert Batch.objects.count() == Broadcast.objects.count() == 1
    with pytest.raises(NotAllowed):
        services.send_broadcast(broadcast_list=broadcast_list, text="Another", idempotency_key="a")


def test_a_list_stays_while_a_broadcast_to_it_is_under_way(organization: Organization) -> None:
    broadcast_list = make_list(organization, 3)
    broadcast = services.send_broadcast(broadcast_list=broadcast_list, text="Promo")
    with pytest.raises(NotAllowed):
        services.delete_list(broadcast_list=broadcast_list)
    cancel_batch(batch=broadcast.batch)
    services.delete_list(broadcast_list=broadcast_list)
    broadcast.refresh_from_db()
    assert (broadcast.broadcast_list, str(broadcast)) == (None, "List of 3")


# -- Bulk sends --


def bulk(organization: Organization, asked: Sequence[tuple[str, str]], **given: Any) -> tuple[BulkSend, list[Batch]]:
    plan = SendPlan(text=given.pop("text", ""), senders=services.senders_of(organization))
    people = services.recipients(organization, asked)
    return services.send_bulk(organization=organization, people=people, plan=plan, **given)


def test_everybody_who_was_asked_for_has_a_result_and_nobody_holds_up_the_others(organization: Organization) -> None:
    BlocklistEntry.objects.create(
        organization=organization, phone_number=phone_number(1), reason="opted_out", source="test"
    )
    asked = [(phone_number(0), "Satu {{a}}"), (phone_number(1), "Dua"), ("12", "Tiga"), (phone_number(0), "Empat")]
    _made, (batch,) = bulk(organization, asked)
    planner.plan_all()
    found = list(batch.messages.order_by("pk").values_list("phone_number", "text", "skip_reason", "error"))
    assert found == [
        (phone_number(0), "Satu {{a}}", "", ""),
        (phone_number(1), "", "opted_out", ""),
        ("", "", "invalid_number", "“12” is not a possible mobile number."),
        ("", "", "duplicate", "The same number as recipient 1."),
    ]
    assert batch.origin == Batch.Origin.BULK
    assert_counters_true(batch)


def test_a_bulk_send_that_reaches_nobody_is_complete_at_once(organization: Organization) -> None:
    _made, (batch,) = bulk(organization, [("12", ""), ("13", "")], text="Promo")
    assert batch.status == BatchStatus.COMPLETED
    assert batch.finished_at is not None


def test_repeated_from_every_sender_each_person_hears_from_each(organization: Organization) -> None:
    asked = [(phone_number(index), "") for index in range(4)]
    made, batches = bulk(organization, asked, text="Promo", repeat=True, idempotency_key="k")
    planner.plan_all()
    queued = Message.objects.filter(status=MessageStatus.QUEUED)
    assert {(row.sender_id, row.phone_number) for row in queued} == {
        (sender.pk, number) for sender in services.senders_of(organization) for number, _text in asked
    }
    again, same = bulk(organization, asked, text="Promo", repeat=True, idempotency_key="k")
    assert (again, same, queued.count()) == (made, batches, 12)


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"text": "Hi {{name"}, "text"),
        ({"text": "x" * 4097}, "text"),
        ({"text": "Hi", "senders": []}, "sender"),
        ({"text": "Hi", "min_delay_ms": 5, "max_delay_ms": 4}, "max_delay_ms"),
        ({"text": "Hi", "kind": "poll"}, "kind"),
    ],
)
def test_a_plan_that_cannot_be_sent_is_refused_by_field(
    organization: Organization, plan: dict[str, Any], field: str
) -> None:
    people = services.recipients(organization, [(phone_number(0), "")])
    asked = SendPlan(**{"senders": services.senders_of(organization), **plan})
    with pytest.raises(InvalidPlan) as refused:
        sends.send(organization=organization, origin=Batch.Origin.BULK, plan=asked, people=people)
    assert list(refused.value.errors) == [field]
    assert not Batch.objects.exists()
