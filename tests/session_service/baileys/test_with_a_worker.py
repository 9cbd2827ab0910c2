"""The whole way through planner, worker, bridge and emulated WhatsApp, with kills on the way."""

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from django.conf import settings as django_settings
from django.utils.timezone import now

from messaging import planner, services
from messaging.models import Batch, Message, MessageStatus
from senders import linking
from senders.models import Sender, SenderStatus
from session_service.models import SessionLease
from tests.factories import assert_counters_true, make_batch
from tests.session_service.baileys.linking import MakeSender
from tests.session_service.running import running_worker, wait_until, worker_process
from tests.session_service.test_worker import at, plan_until_finished
from tests.whatsapp_emulator.running import RunningEmulator

pytestmark = pytest.mark.django_db(transaction=True)

NewPhone = Callable[[], str]


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.SESSION_LEASE_SECONDS = 4


@pytest.fixture
def sender(whatsapp: RunningEmulator, new_sender: MakeSender) -> Sender:
    return new_sender()


def scan(sender: Sender, whatsapp: RunningEmulator, phone: str) -> None:
    """Links the sender, of which a worker shows the code."""
    wait_until(lambda: linking.shown_qr(sender.pk), "a QR code is shown")
    code = linking.shown_qr(sender.pk)
    assert code is not None
    whatsapp.scan(qr=code.text, phone=phone)
    wait_until(lambda: status(sender) == SenderStatus.CONNECTED, "the sender is connected")


def status(sender: Sender) -> str:
    sender.refresh_from_db()
    return sender.status


def batch_to(sender: Sender, people: list[str], **fields: Any) -> Batch:
    batch = make_batch(sender.organization, [sender], len(people), **fields)
    for message, phone in zip(Message.objects.filter(batch=batch).order_by("id"), people, strict=True):
        Message.objects.filter(pk=message.pk).update(phone_number=phone)
    return batch


def texts_of(whatsapp: RunningEmulator, people: list[str]) -> dict[str, list[str]]:
    return {phone: [line["text"] for line in whatsapp.lines(phone)] for phone in people}


def everybody_read_one(whatsapp: RunningEmulator, batch: Batch, people: list[str]) -> None:
    wait_until(lambda: at(batch, MessageStatus.READ) == len(people), "every message is read")
    assert texts_of(whatsapp, people) == {phone: [f"Hi Person {index}"] for index, phone in enumerate(people)}
    assert_counters_true(batch)


def bridges(pid: int) -> list[psutil.Process]:
    """The bridge processes that a worker's process has started."""
    return [
        process
        for process in psutil.Process(pid).children()
        if any("baileys_bridge" in argument for argument in process.cmdline())
    ]


def test_a_linked_number_sends_a_campaign_and_hears_the_answers(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, people = new_phone(), [new_phone() for _ in range(30)]
    batch = batch_to(sender, people)
    with running_worker():
        scan(sender, whatsapp, phone)
        assert sender.phone_number == phone
        plan_until_finished(batch)
        everybody_read_one(whatsapp, batch, people)
        whatsapp.say(sender=people[3], to=phone, text="Thanks!")
        wait_until(lambda: Message.objects.filter(direction="in").exists(), "the answer is in the ledger")
    answer = Message.objects.get(direction="in")
    assert (answer.phone_number, answer.text, answer.sender_id) == (people[3], "Thanks!", sender.pk)


def test_the_next_worker_needs_no_code(sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone) -> None:
    phone, people = new_phone(), [new_phone() for _ in range(5)]
    with running_worker():
        scan(sender, whatsapp, phone)
    assert not SessionLease.objects.filter(worker__isnull=False).exists()
    assert phone not in [each["phone"] for each in whatsapp.get("/connections")]
    batch = batch_to(sender, people)
    with running_worker():
        plan_until_finished(batch)
        assert linking.shown_qr(sender.pk) is None
        everybody_read_one(whatsapp, batch, people)
    assert whatsapp.replaced() == []


def test_a_phone_that_cannot_decrypt_gets_the_message_again_from_the_ledger(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, person = new_phone(), new_phone()
    batch = batch_to(sender, [person])
    with running_worker():
        scan(sender, whatsapp, phone)
        whatsapp.fault("phone_cannot_decrypt", phone=person, count=1)
        plan_until_finished(batch)
        everybody_read_one(whatsapp, batch, [person])
    assert whatsapp.stats()["retries_asked"] == 1


def test_a_vote_in_a_poll_is_read_even_after_a_restart(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, person = new_phone(), new_phone()
    poll = {"question": "When?", "options": ["Monday", "Tuesday"], "choices": 1}
    services.send_message(organization=sender.organization, sender=sender, to=person, kind="poll", content=poll)
    with running_worker():
        scan(sender, whatsapp, phone)
        planner.plan_all()
        wait_until(lambda: whatsapp.lines(person), "the poll arrives")
    [line] = whatsapp.lines(person)
    assert line["content"] == poll
    with running_worker():
        whatsapp.say(sender=person, to=phone, kind="poll_vote", to_message=line["message_id"], options=["Tuesday"])
        wait_until(lambda: Message.objects.filter(direction="in").exists(), "the vote is in the ledger")
    vote = Message.objects.get(direction="in")
    assert (vote.kind, vote.content) == ("poll_vote", {"to": line["message_id"], "options": ["Tuesday"]})


def test_a_limit_on_new_chats_holds_first_contacts_back(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, person = new_phone(), new_phone()
    batch_to(sender, [person])
    with running_worker():
        scan(sender, whatsapp, phone)
        whatsapp.fault("ack_error", phone=phone, code=463, count=1)
        planner.plan_all()
        wait_until(lambda: Message.objects.get().error_code == "463", "the refusal is noted")
    sender.refresh_from_db()
    assert sender.first_contacts_held_until is not None
    assert sender.first_contacts_held_until > now()
    assert Message.objects.get().status in (MessageStatus.PENDING, MessageStatus.QUEUED)
    assert texts_of(whatsapp, [person]) == {person: []}


def test_an_acknowledgement_that_got_lost_means_a_repeat_that_nobody_sees(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone, settings: Any
) -> None:
    settings.ACK_TIMEOUT_SECONDS = 2
    whatsapp.behave(delivered_ms=60_000, read_ms=60_000)  # a receipt would settle it before
    phone, person = new_phone(), new_phone()
    batch = batch_to(sender, [person])
    with running_worker():
        scan(sender, whatsapp, phone)
        whatsapp.fault("lose_ack", phone=phone, count=1)
        plan_until_finished(batch)
        assert Message.objects.get().status == MessageStatus.SENT
    [line] = whatsapp.lines(person)
    assert (line["text"], line["repeats"]) == ("Hi Person 0", 1)


def test_a_bridge_that_is_killed_while_sending_costs_nobody_a_message(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, people = new_phone(), [new_phone() for _ in range(60)]
    batch = batch_to(sender, people)
    with running_worker():
        scan(sender, whatsapp, phone)
        planner.plan_all()
        wait_until(lambda: sum(map(len, texts_of(whatsapp, people).values())) > 10, "some have arrived")
        [bridge] = bridges(os.getpid())
        bridge.kill()
        plan_until_finished(batch)
        everybody_read_one(whatsapp, batch, people)
    assert linking.shown_qr(sender.pk) is None
    assert whatsapp.replaced() == []


def test_a_worker_that_is_killed_takes_its_bridge_along_and_costs_nobody_a_message(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, people = new_phone(), [new_phone() for _ in range(60)]
    batch = batch_to(sender, people)
    addresses = {name: getattr(django_settings, name) for name in ("WHATSAPP_WEBSOCKET_URL", "WHATSAPP_ROOT_KEY")}
    with worker_process(**addresses) as first:
        scan(sender, whatsapp, phone)
        planner.plan_all()
        wait_until(lambda: sum(map(len, texts_of(whatsapp, people).values())) > 10, "some have arrived")
        [bridge] = bridges(first.pid)
        first.send_signal(signal.SIGKILL)
        bridge.wait(5)
    with running_worker():
        plan_until_finished(batch)
        everybody_read_one(whatsapp, batch, people)
    assert linking.shown_qr(sender.pk) is None
    assert whatsapp.replaced() == []
