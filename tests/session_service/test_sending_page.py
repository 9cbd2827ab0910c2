"""The page about sending shows what is so, and its buttons do what they say."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import Membership, Role, User
from messaging.counts import Changes
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender
from session_service import leases
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization(), name="Billing")


@pytest.fixture
def client(sender: Sender) -> Client:
    return signed_in(sender, Role.MARKETER)


def signed_in(sender: Sender, role: Role) -> Client:
    user = User.objects.create_user(email=f"{role}@example.com")
    Membership.objects.create(user=user, organization=sender.organization, role=role)
    client = Client()
    client.force_login(user)
    return client


def address(sender: Sender, name: str, *args: object) -> str:
    return reverse(f"sending:{name}", args=[sender.organization.slug, *args])


def message_at(sender: Sender, status: MessageStatus, **fields: object) -> Message:
    batch = make_batch(sender.organization, [sender], 1)
    message = Message.objects.get(batch=batch)
    changes = Changes()
    changes.move(batch.pk, MessageStatus.PENDING, status)
    changes.save()
    Message.objects.filter(pk=message.pk).update(status=status, sender=sender, **fields)
    return message


def test_an_empty_page_says_what_is_missing(client: Client, sender: Sender) -> None:
    text = client.get(address(sender, "page")).content.decode()
    assert "No worker of the session service is running" in text
    assert "No dead letters" in text


def test_it_shows_queue_worker_breaker_and_dead_letter(client: Client, sender: Sender) -> None:
    worker = leases.register(name="host:1", capacity=10)
    worker.breakers = {"simulated": {"state": "open", "failures": 5, "tries_again_in": 4}}
    worker.save()
    message_at(sender, MessageStatus.QUEUED)
    message_at(sender, MessageStatus.FAILED, exhausted=True, error="no answer", error_code="timeout", ended_at=now())
    text = client.get(address(sender, "page")).content.decode()
    for expected in ("host:1", "does not answer, tried again in 4 s", "no answer", "Try all 1 again", "Billing"):
        assert expected in text


def test_a_dead_letter_is_tried_again_once(client: Client, sender: Sender) -> None:
    message = message_at(sender, MessageStatus.FAILED, exhausted=True, ended_at=now())
    page = client.post(address(sender, "retry"), {"message": message.pk}, follow=True).content.decode()
    assert "1 message is tried again." in page
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED
    page = client.post(address(sender, "retry"), {"message": message.pk}, follow=True).content.decode()
    assert "Nothing to try again" in page
    assert_counters_true(Batch.objects.get())


def test_an_unknown_message_is_settled(client: Client, sender: Sender) -> None:
    message = message_at(sender, MessageStatus.UNKNOWN, leased_at=now())
    assert "It arrived" in client.get(address(sender, "page")).content.decode()
    client.post(address(sender, "settle", message.pk), {"arrived": "yes"})
    message.refresh_from_db()
    assert message.status == MessageStatus.SENT


def test_viewers_look_and_change_nothing(sender: Sender) -> None:
    viewer = signed_in(sender, Role.VIEWER)
    message = message_at(sender, MessageStatus.FAILED, exhausted=True, ended_at=now())
    assert "Try again" not in viewer.get(address(sender, "page")).content.decode()
    assert viewer.post(address(sender, "retry"), {"message": message.pk}).status_code == 403


def test_others_messages_stay_out_of_reach(client: Client, sender: Sender) -> None:
    stranger = make_sender(make_organization())
    message = message_at(stranger, MessageStatus.UNKNOWN, leased_at=now())
    assert client.post(address(sender, "settle", message.pk), {"arrived": "yes"}).status_code == 404
