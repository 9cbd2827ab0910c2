"""Somebody writes "stop!" while most of a minute of messages is queued for them: they get one answer, and nothing else.

Also when the worker is killed with SIGKILL between their message and the answer.
"""

import signal
import time
from collections.abc import Callable, Iterator

import pytest
from django.utils.timezone import now

from contacts.models import BlocklistEntry
from messaging import opt_out_rates, planner
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender, SenderStatus
from session_service.providers.simulated import network
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender
from tests.session_service.running import wait_until, worker_process

PATIENCE = 150  # seconds, for workers that start on a busy machine

SPACING_MS = 6_500  # between two messages of a sender
BATCHES = 10  # one message each for the person: the last is due 58.5 s after the first
QUEUED = MessageStatus.QUEUED
LEFT = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _network(servers: None) -> Iterator[None]:
    network.reset()
    yield
    network.reset()


class Person:
    """Whom one sender has a minute of messages for."""

    def __init__(self, sender: Sender, number: str) -> None:
        network.link(sender.phone_number, sender.pk)
        self.sender, self.number = sender, number
        self.batches: list[Batch] = []

    def is_sent_campaigns(self) -> None:
        self.batches = [self._batch() for _ in range(BATCHES)]

    def is_connected(self) -> bool:
        return Sender.objects.filter(pk=self.sender.pk, status=SenderStatus.CONNECTED).exists()

    def _batch(self) -> Batch:
        batch = make_batch(
            self.sender.organization, [self.sender], 1, text="News", min_delay_ms=SPACING_MS, max_delay_ms=SPACING_MS
        )
        batch.messages.update(phone_number=self.number)
        return batch

    @property
    def messages(self) -> list[Message]:
        return list(Message.objects.filter(batch__in=self.batches).order_by("due_at"))

    def seconds_queued(self) -> float:
        """How far ahead the queue for them reaches."""
        return max((each.due_at - now()).total_seconds() for each in self.messages if each.status == QUEUED)

    def says(self, text: str) -> None:
        network.say(from_number=self.number, to_number=self.sender.phone_number, text=text)

    def is_blocked(self) -> bool:
        return BlocklistEntry.objects.filter(phone_number=self.number, reason="opted_out").exists()

    def received(self, *, news: bool) -> list[str]:
        """The ids of what their phone showed: a repeat under the same id, which a phone drops, is not there."""
        planner.plan_all()  # as Celery does every second
        shown = [each for each in network.deliveries() if each["to"] == self.number and not each["duplicate"]]
        return [each["message_id"] for each in shown if (each["text"] == "News") is news]


def wait(condition: Callable[[], object], what: str) -> None:
    wait_until(condition, what, patience=PATIENCE)


def test_stop_while_a_minute_is_queued() -> None:
    organization = make_organization()
    calm, crashed = (
        Person(make_sender(organization, status=SenderStatus.DISCONNECTED), number)
        for number in ("+6281277770001", "+6281277770002")
    )
    with worker_process() as worker:
        wait(lambda: calm.is_connected() and crashed.is_connected(), "the senders are connected")
        calm.is_sent_campaigns()
        crashed.is_sent_campaigns()
        planner.plan_all()
        assert min(calm.seconds_queued(), crashed.seconds_queued()) > 45
        calm.says("stop!")
        wait(lambda: calm.received(news=False), "the answer arrived")
        crashed.says("stop!")
        wait(crashed.is_blocked, "it is stored")
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    with worker_process() as worker:
        wait(lambda: Message.objects.filter(phone_number=crashed.number, confirms__isnull=False).exists(), "an answer")
        worker.send_signal(signal.SIGKILL)  # once more, wherever the answer is by now
        worker.wait(10)
    with worker_process():
        wait(lambda: crashed.received(news=False), "the answer arrived")
        last = max(message.due_at for person in (calm, crashed) for message in person.messages)
        time.sleep(max(0, (last - now()).total_seconds()) + 2)  # until the last of them would have arrived
        for person in (calm, crashed):
            statuses = [(MessageStatus(message.status).label, message.skip_reason) for message in person.messages]
            left = [message for message in person.messages if message.status in LEFT]
            assert statuses.count(("skipped", "opted_out")) == BATCHES - len(left), statuses
            stored = BlocklistEntry.objects.get(phone_number=person.number)
            assert all(message.leased_at and message.leased_at < stored.created_at for message in left)
            assert sorted(person.received(news=True)) == sorted(message.whatsapp_id for message in left)
            assert len(person.received(news=False)) == 1
            assert stored.evidence_text == "stop!"
            assert sum(opt_out_rates.of_batches([batch.pk for batch in person.batches]).values()) == min(1, len(left))
            for batch in person.batches:
                assert_counters_true(batch)
