"""A worker on the real database and the simulated network: sending, pausing, moving, losing the lease."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts import services as services_of_accounts
from accounts.models import AuditEntry, Role, User
from messaging import counts, planner, services
from messaging.models import Batch, BatchStatus, Message, MessageStatus
from senders import linking
from senders.models import Sender, SenderStatus
from session_service.models import SessionLease, SessionWorker
from session_service.providers.simulated import network
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender, phone_number
from tests.session_service.running import running_worker, wait_until
from whatsapp_automation import celery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick_network(settings) -> None:
    settings.SIMULATOR_ACK_MS = 5
    settings.SIMULATOR_DELIVERED_MS = 20
    settings.SIMULATOR_READ_MS = 20
    settings.SIMULATOR_READ_RATE = 1.0


@pytest.fixture
def senders() -> list[Sender]:
    """Two senders that are linked and wanted, not yet connected."""
    organization = make_organization()
    made = [make_sender(organization, status=SenderStatus.CONNECTING) for _ in range(2)]
    for sender in made:
        network.link(sender.phone_number, sender.pk)
    return made


@pytest.fixture
def tasks_at_once() -> Iterator[None]:
    """Tasks run where they are asked for: no Celery worker runs beside these tests."""
    celery.app.conf.task_always_eager = True
    yield
    celery.app.conf.task_always_eager = False


def connected() -> bool:
    return not Sender.objects.exclude(status=SenderStatus.CONNECTED).exists()


def at(batch: Batch, status: MessageStatus) -> int:
    return counts.of_batches([batch.pk])[batch.pk].get((status, ""), 0)


def plan_until_finished(batch: Batch) -> None:
    def finished() -> bool:
        planner.plan_all()
        batch.refresh_from_db()
        return batch.finished_at is not None

    wait_until(finished, "the batch is finished")


def test_every_person_gets_exactly_one_message_and_the_ledger_knows(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 300)
    with running_worker():
        wait_until(connected, "the senders are connected")
        plan_until_finished(batch)
        wait_until(lambda: at(batch, MessageStatus.READ) == 300, "every message is read")
    assert batch.status == BatchStatus.COMPLETED
    arrived = Counter(delivery["to"] for delivery in network.deliveries())
    assert arrived == {phone_number(index): 1 for index in range(300)}
    texts = {delivery["to"]: delivery["text"] for delivery in network.deliveries()}
    assert texts[phone_number(7)] == "Hi Person 7"
    assert_counters_true(batch)


def test_a_stopped_worker_gives_its_senders_up_and_the_next_goes_on(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 100, min_delay_ms=20, max_delay_ms=40)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        wait_until(lambda: at(batch, MessageStatus.READ) > 10, "some are read")
    assert not SessionLease.objects.filter(worker__isnull=False).exists()
    assert SessionWorker.objects.get().stopped_at is not None
    assert at(batch, MessageStatus.SENDING) == 0
    with running_worker():
        plan_until_finished(batch)
    assert {lease.epoch for lease in SessionLease.objects.all()} == {2}
    assert Counter(delivery["to"] for delivery in network.deliveries()) == {
        phone_number(index): 1 for index in range(100)
    }
    assert_counters_true(batch)


def test_nothing_is_sent_a_second_after_a_pause(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 500, min_delay_ms=5, max_delay_ms=10)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        wait_until(lambda: len(list(network.deliveries())) > 20, "some have arrived")
        services.pause_batch(batch=batch)
        time.sleep(1)
        arrived = len(list(network.deliveries()))
        planner.plan_all()
        time.sleep(0.7)
        assert len(list(network.deliveries())) == arrived < 500
        services.resume_batch(batch=batch)
        plan_until_finished(batch)
    assert Counter(delivery["to"] for delivery in network.deliveries()) == {
        phone_number(index): 1 for index in range(500)
    }
    assert_counters_true(batch)


def test_a_worker_that_lost_its_lease_sends_nothing_and_writes_nothing(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders[:1], 5)
    Sender.objects.filter(pk=senders[1].pk).delete()
    with running_worker() as worker:
        wait_until(connected, "the sender is connected")
        thief = SessionWorker.objects.create(name="thief", capacity=1)
        SessionLease.objects.update(worker=thief, epoch=99, expires_at=now() + timedelta(minutes=1))
        planner.plan_all()
        wait_until(lambda: not worker.sessions.senders, "the worker has let the session go")
    assert list(network.deliveries()) == []
    assert at(batch, MessageStatus.QUEUED) == 5
    lease = SessionLease.objects.get()
    assert (lease.worker_id, lease.epoch) == (thief.pk, 99)


def test_disconnecting_closes_the_session_and_frees_the_queue(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 50, min_delay_ms=1000, max_delay_ms=1000)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        Sender.objects.filter(pk=senders[0].pk).update(wanted=False)
        wait_until(
            lambda: Sender.objects.get(pk=senders[0].pk).status == SenderStatus.DISCONNECTED,
            "the sender is disconnected",
        )
        assert not Message.objects.filter(batch=batch, status=MessageStatus.QUEUED, sender=senders[0]).exists()
        assert Message.objects.filter(batch=batch, status=MessageStatus.QUEUED, sender=senders[1]).exists()
    assert_counters_true(batch)


def test_a_sender_whose_worker_died_before_it_was_disconnected_is_shown_as_such(senders: list[Sender]) -> None:
    Sender.objects.filter(pk=senders[0].pk).update(wanted=False, status=SenderStatus.CONNECTED)
    with running_worker():
        wait_until(
            lambda: Sender.objects.get(pk=senders[0].pk).status == SenderStatus.DISCONNECTED,
            "the sender is disconnected",
        )
        wait_until(lambda: Sender.objects.get(pk=senders[1].pk).status == SenderStatus.CONNECTED, "the other works")


def test_a_banned_sender_gives_its_queue_to_the_others(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 40, min_delay_ms=100, max_delay_ms=200)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        network.ban(senders[0].phone_number)
        wait_until(
            lambda: Sender.objects.get(pk=senders[0].pk).status == SenderStatus.BANNED, "the sender is shown as banned"
        )
        plan_until_finished(batch)
    assert not Sender.objects.get(pk=senders[0].pk).wanted
    reached = at(batch, MessageStatus.SENT) + at(batch, MessageStatus.DELIVERED) + at(batch, MessageStatus.READ)
    assert reached + at(batch, MessageStatus.UNKNOWN) == 40
    assert max(Counter(delivery["to"] for delivery in network.deliveries()).values()) == 1
    assert_counters_true(batch)


def test_people_who_are_not_on_whatsapp_are_skipped_with_the_reason(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders, 2)
    Message.objects.filter(batch=batch, phone_number=phone_number(0)).update(phone_number="+628120010000")
    with running_worker():
        wait_until(connected, "the senders are connected")
        plan_until_finished(batch)
    skipped = Message.objects.get(batch=batch, status=MessageStatus.SKIPPED)
    assert (skipped.phone_number, skipped.skip_reason) == ("+628120010000", "not_on_whatsapp")


def test_what_people_write_is_stored(senders: list[Sender]) -> None:
    with running_worker():
        wait_until(connected, "the senders are connected")
        network.say(from_number="+628777", to_number=senders[0].phone_number, text="Halo 😀")
        wait_until(lambda: Message.objects.filter(direction="in").exists(), "the message is stored")
    inbound = Message.objects.get(direction="in")
    assert (inbound.phone_number, inbound.text, inbound.sender) == ("+628777", "Halo 😀", senders[0])


def test_a_new_sender_shows_a_code_and_is_connected_by_the_scan() -> None:
    sender = make_sender(make_organization(), phone_number="", status=SenderStatus.CONNECTING)
    with running_worker():
        wait_until(lambda: linking.shown_qr(sender.pk), "the code is shown")
        assert Sender.objects.get(pk=sender.pk).status == SenderStatus.SCAN
        number = network.scan(sender_id=sender.pk)
        wait_until(connected, "the sender is connected")
    sender.refresh_from_db()
    assert sender.phone_number == number
    assert sender.linked_at is not None


def test_a_session_that_only_looks_alive_is_stalled_and_connected_again(
    senders: list[Sender], settings, caplog
) -> None:
    caplog.set_level(logging.INFO, logger="session_service.worker")
    settings.SIMULATOR_ACK_MS = 3_600_000
    settings.ACK_TIMEOUT_SECONDS = 1
    Sender.objects.filter(pk=senders[1].pk).delete()
    batch = make_batch(senders[0].organization, senders[:1], 1)

    def connected_again() -> bool:
        return SessionLease.objects.get().epoch > 1 and connected()

    with running_worker():
        wait_until(connected, "the sender is connected")
        planner.plan_all()
        wait_until(connected_again, "the sender is connected again")
    assert f"sender {senders[0].pk} is stalled No acknowledgement for 1 s. Connecting again." in caplog.messages
    assert {(delivery["to"], delivery["message_id"]) for delivery in network.deliveries()} == {
        (phone_number(0), Message.objects.get(batch=batch).whatsapp_id)
    }
    assert_counters_true(batch)


def test_typing_is_shown_before_the_message_leaves(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders[:1], 2, typing=True, min_delay_ms=2500, max_delay_ms=2500)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        wait_until(lambda: len(list(network.deliveries())) == 2, "both have arrived")
    second = network.typing_seen()[-1]
    assert second["to"] == list(network.deliveries())[1]["to"]
    assert 0 < second["seconds"] <= 0.7
    assert batch.typing


def test_a_global_rate_bounds_all_senders_together(senders: list[Sender], settings) -> None:
    settings.SEND_RATE_LIMIT = 20
    make_batch(senders[0].organization, senders, 200)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        time.sleep(2)
        assert 20 <= len(list(network.deliveries())) <= 70


def test_a_sender_that_fails_again_and_again_pauses_itself_and_people_are_told(
    senders: list[Sender], settings, mailoutbox, tasks_at_once
) -> None:
    settings.SIMULATOR_FAILURE_RATE = 1.0
    organization = senders[0].organization
    owner = User.objects.create_user(email="owner@example.com")
    services_of_accounts.add_member(organization=organization, user=owner, role=Role.OWNER)
    make_batch(organization, senders, 100)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        wait_until(lambda: Sender.objects.filter(paused_at__isnull=False).exists(), "a sender has paused itself")
        wait_until(lambda: AuditEntry.objects.filter(action="sender.paused").exists(), "it is written down")
        wait_until(lambda: mailoutbox, "the owner got a mail")
    assert mailoutbox[0].to == ["owner@example.com"]
    assert "10 messages in a row failed" in mailoutbox[0].body
