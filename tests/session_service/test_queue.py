"""From queued to sending: everything that must hold at the last moment."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.timezone import now

from contacts.models import BlocklistEntry
from messaging import planner, services
from messaging.counts import Changes
from messaging.models import Batch, BatchStatus, Group, Media, Message, MessageStatus
from senders.models import Sender, SenderStatus, SenderUsage
from session_service.models import SessionLease
from session_service.providers.base import Media as WireMedia
from session_service.providers.base import OutgoingMessage
from session_service.queue import lease_due
from tests.factories import assert_counters_true, make_batch, make_lease, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization())


@pytest.fixture
def owned(sender: Sender) -> SessionLease:
    return make_lease(sender, epoch=4)


def lease(owned: SessionLease, *, room: int = 100, epoch: int = 4, keeps_id: bool = True) -> list[OutgoingMessage]:
    changes = Changes()
    with transaction.atomic():
        leased = lease_due(
            worker_id=owned.worker_id or 0,
            held=[(owned.sender_id, epoch, keeps_id)],
            room=room,
            changes=changes,
        )
        changes.save()
    return leased


def planned(sender: Sender, size: int, **fields: object) -> Batch:
    batch = make_batch(sender.organization, [sender], size, **fields)
    planner.plan_all()
    return batch


def test_due_messages_are_leased_with_everything_the_wire_needs(sender: Sender, owned: SessionLease) -> None:
    batch = planned(sender, 3)
    leased = lease(owned)
    assert {(message.to, message.text, message.attempt, message.epoch) for message in leased} == {
        (phone_number(index), f"Hi Person {index}", 1, 4) for index in range(3)
    }
    assert lease(owned) == []
    assert_counters_true(batch)


def test_what_is_not_due_waits(sender: Sender, owned: SessionLease) -> None:
    planned(sender, 5, min_delay_ms=20_000, max_delay_ms=20_000)
    assert len(lease(owned)) == 1


def test_room_bounds_a_lease(sender: Sender, owned: SessionLease) -> None:
    planned(sender, 10)
    assert len(lease(owned, room=4)) == 4


@pytest.mark.parametrize("spoil", ["epoch", "expired", "worker", "status", "paused"])
def test_nothing_is_leased_unless_everything_holds(sender: Sender, owned: SessionLease, spoil: str) -> None:
    batch = planned(sender, 2)
    if spoil == "expired":
        SessionLease.objects.update(expires_at=now() - timedelta(seconds=1))
    if spoil == "worker":
        SessionLease.objects.update(worker=None)
    if spoil == "status":
        Sender.objects.update(status=SenderStatus.STALLED)
    if spoil == "paused":
        Batch.objects.update(status=BatchStatus.PAUSED)
    assert lease(owned, epoch=3 if spoil == "epoch" else 4) == []
    assert Message.objects.filter(batch=batch, status=MessageStatus.QUEUED).count() == 2


def test_a_person_blocked_after_planning_is_skipped_at_the_lease(sender: Sender, owned: SessionLease) -> None:
    batch = planned(sender, 2)
    BlocklistEntry.objects.create(organization=sender.organization, phone_number=phone_number(0), reason="opted_out")
    assert [message.to for message in lease(owned)] == [phone_number(1)]
    skipped = Message.objects.get(batch=batch, status=MessageStatus.SKIPPED)
    assert (skipped.skip_reason, skipped.attempts) == ("opted_out", 0)
    assert_counters_true(batch)


@pytest.mark.parametrize("period", ["minute", "hour", "day"])
def test_a_quota_is_spent_at_the_lease_and_bounds_it(sender: Sender, owned: SessionLease, period: str) -> None:
    planned(sender, 10)
    Sender.objects.filter(pk=sender.pk).update(**{f"quota_per_{period}": 3})
    assert len(lease(owned)) == 3
    assert lease(owned) == []
    assert getattr(SenderUsage.objects.get(), f"{period}_used") == 3


def test_a_quota_of_an_earlier_day_is_forgotten(sender: Sender, owned: SessionLease) -> None:
    planned(sender, 10)
    Sender.objects.filter(pk=sender.pk).update(quota_per_day=3)
    lease(owned)
    SenderUsage.objects.update(day_starts_at=now() - timedelta(days=1))
    assert len(lease(owned)) == 3
    assert SenderUsage.objects.get().day_used == 3


def test_what_people_wait_for_goes_first(sender: Sender, owned: SessionLease) -> None:
    planned(sender, 5)
    services.send_message(organization=sender.organization, to="+628999", text="Now")
    planner.plan_all()
    assert [message.to for message in lease(owned, room=1)] == ["+628999"]


def test_the_provider_without_ids_is_noted_on_the_message(sender: Sender, owned: SessionLease) -> None:
    planned(sender, 1)
    lease(owned, keeps_id=False)
    assert Message.objects.get().keeps_id is False


def test_a_lease_reads_little_of_a_long_queue_also_with_old_statistics(sender: Sender, owned: SessionLease) -> None:
    """PostgreSQL believes that nothing is queued, as it does whenever a large campaign starts."""
    batch = make_batch(sender.organization, [sender], 2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messaging_message")
    planner.plan_all()
    assert len(lease(owned, room=20)) == 20
    with connection.cursor() as cursor:
        before = _rows_read(cursor)
        assert len(lease(owned, room=20)) == 20
        assert _rows_read(cursor) - before < 20 * 20
    assert_counters_true(batch)


def _rows_read(cursor: CursorWrapper) -> int:
    """Rows of messages that this test's transaction read so far, by whichever way."""
    cursor.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'messaging_message'"
    )
    return int(cursor.fetchone()[0])


def test_other_kinds_are_leased_with_their_content_and_file(sender: Sender, owned: SessionLease) -> None:
    organization = sender.organization
    file = Media.objects.create(
        organization=organization, name="messages/x.png", mime_type="image/png", file_name="x.png", size=3, sha256="0"
    )
    place = {"latitude": 1.5, "longitude": 2.5}
    services.send_message(organization=organization, to="+628991", kind="image", text="Look", media=file)
    services.send_message(organization=organization, to="+628992", kind="location", content=place)
    services.send_message(organization=organization, to="+628993", text="Plain")
    planner.plan_all()
    leased = {message.to: message for message in lease(owned)}
    assert leased["+628991"].media == WireMedia("messages/x.png", "image/png", "x.png", 3)
    assert (leased["+628991"].kind, leased["+628991"].text) == ("image", "Look")
    assert (leased["+628992"].kind, leased["+628992"].content) == ("location", place)
    assert (leased["+628993"].kind, leased["+628993"].content, leased["+628993"].media) == ("text", {}, None)


def test_groups_and_people_without_a_number_are_chats_of_their_own(sender: Sender, owned: SessionLease) -> None:
    organization = sender.organization
    for name in ("1@g.us", "2@g.us"):
        group = Group.objects.create(organization=organization, sender=sender, whatsapp_id=name)
        for text in ("first", "second"):
            services.send_message(organization=organization, group=group, text=text)
    services.send_message(organization=organization, sender=sender, lid="1001", text="first")
    planner.plan_all()
    leased = [(message.group or message.lid, message.text) for message in lease(owned)]
    assert sorted(leased) == [("1001", "first"), ("1@g.us", "first"), ("2@g.us", "first")]


def test_held_first_contacts_hold_no_groups_up(sender: Sender, owned: SessionLease) -> None:
    group = Group.objects.create(organization=sender.organization, sender=sender, whatsapp_id="1@g.us")
    services.send_message(organization=sender.organization, group=group, text="Hi all")
    services.send_message(organization=sender.organization, sender=sender, to="+628999", text="Stranger")
    Sender.objects.update(first_contacts_held_until=now() + timedelta(hours=1))
    planner.plan_all()
    assert [message.text for message in lease(owned)] == ["Hi all"]
