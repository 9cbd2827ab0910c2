"""Messages and batches in the admin: finding one among very many, and the batches' brakes."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import admin_lists
from accounts.models import AuditEntry, Organization, User
from contacts import admin_phone
from messaging.models import Batch, BatchStatus, Message, MessageStatus
from tests.factories import make_batch, make_sender, phone_number

LIST = "admin:messaging_message_changelist"


@pytest.fixture
def staff(owner_client: Client, owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    return owner_client


@pytest.fixture
def batch(organization: Organization) -> Batch:
    return make_batch(organization, [make_sender(organization)], 3, status=BatchStatus.READY)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def do(client: Client, action: str, batches: list[Batch], **more: str) -> Any:
    ticked = {"action": f"{action}_selected", ACTION_CHECKBOX_NAME: [each.pk for each in batches], "index": 0}
    return client.post(reverse("admin:messaging_batch_changelist"), {**ticked, **more})


# -- Batches --


def test_starting_asks_the_planner(
    staff: Client, owner: User, batch: Batch, redis_client: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = do(staff, "start", [batch], confirmed="")
    assert said(response) == ["1 batch started."]
    batch.refresh_from_db()
    assert batch.status == BatchStatus.RUNNING
    assert redis_client.llen("control") == 1
    assert AuditEntry.objects.get(action="batch.started").user == owner


def test_one_that_is_refused_does_not_hold_up_the_others(
    staff: Client, organization: Organization, batch: Batch
) -> None:
    running = make_batch(organization, [make_sender(organization)], 1)
    response = do(staff, "pause", [batch, running])
    assert said(response) == [f"{batch}: Only a running batch can be paused.", "1 batch paused."]
    running.refresh_from_db()
    assert running.status == BatchStatus.PAUSED


def test_cancelling_asks_first(staff: Client, batch: Batch) -> None:
    asked = do(staff, "cancel", [batch])
    assert "cannot be undone" in asked.content.decode()
    assert str(batch) in asked.content.decode()
    batch.refresh_from_db()
    assert batch.status == BatchStatus.READY
    do(staff, "cancel", [batch], confirmed="")
    batch.refresh_from_db()
    assert batch.status == BatchStatus.CANCELLED
    assert not batch.messages.exclude(status=MessageStatus.CANCELLED).exists()


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        (BatchStatus.READY, ["Start sending", "Cancel for good"]),
        (BatchStatus.RUNNING, ["Pause", "Cancel for good"]),
        (BatchStatus.PAUSED, ["Resume", "Cancel for good"]),
        (BatchStatus.COMPLETED, []),
        (BatchStatus.CANCELLED, []),
    ],
)
def test_the_page_offers_what_makes_sense(staff: Client, batch: Batch, status: str, offered: list[str]) -> None:
    Batch.objects.update(status=status)
    page = staff.get(reverse("admin:messaging_batch_change", args=[batch.pk]))
    assert [str(action["title"]) for action in page.context["actions_detail"]] == offered


def test_figures_are_the_counters(staff: Client, batch: Batch) -> None:
    do(staff, "cancel", [batch], confirmed="")
    assert "3 of 3" in staff.get(reverse("admin:messaging_batch_changelist")).content.decode()


# -- Messages --


@pytest.fixture
def messages(batch: Batch) -> list[Message]:
    return list(batch.messages.order_by("id"))


def shown(response: Any) -> list[str]:
    return [row.phone_number for row in response.context["cl"].result_list]


def test_a_message_is_found_by_number_and_by_whatsapp_id(staff: Client, messages: list[Message]) -> None:
    Message.objects.filter(pk=messages[1].pk).update(whatsapp_id="3EB0ABCDEF")
    assert shown(staff.get(reverse(LIST), {"q": phone_number(0)})) == [phone_number(0)]
    assert shown(staff.get(reverse(LIST), {"q": "3EB0ABCDEF"})) == [phone_number(1)]
    assert shown(staff.get(reverse(LIST), {"q": "3EB0"})) == []


def test_newest_first_whatever_the_address_asks(staff: Client, messages: list[Message]) -> None:
    newest_first = [message.phone_number for message in reversed(messages)]
    assert shown(staff.get(reverse(LIST))) == newest_first
    assert shown(staff.get(reverse(LIST), {"o": "1"})) == newest_first


def test_by_status(staff: Client, messages: list[Message]) -> None:
    Message.objects.filter(pk=messages[0].pk).update(status=MessageStatus.READ)
    response = staff.get(reverse(LIST), {"status": int(MessageStatus.READ)})
    assert shown(response) == [phone_number(0)]


def test_a_long_list_is_counted_no_further_than_it_is_paged(
    staff: Client, messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_lists, "MOST_COUNTED", 2)
    with CaptureQueriesContext(connection) as captured:
        page = staff.get(reverse(LIST)).content.decode()
    counting = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert counting
    assert all("LIMIT 2" in sql for sql in counting)
    assert "the newest 2: search to find older ones" in page


def test_a_search_that_takes_too_long_says_so(
    staff: Client, messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_lists, "LIST_SECONDS", 0.05)
    slow = Q(pk__in=Message.objects.extra(where=["pg_sleep(1) IS NOT NULL"]).values("pk"))
    monkeypatch.setattr(admin_phone.PhoneSearchMixin, "other_condition", lambda self, term: slow)
    response = staff.get(reverse(LIST), {"q": "words"})
    assert response.status_code == 200
    assert "This took too long" in response.content.decode()
    assert shown(response) == []
    assert shown(staff.get(reverse(LIST)))  # the limit was that page's only


def test_a_message_is_shown_as_a_bubble_that_takes_no_markup(staff: Client, messages: list[Message]) -> None:
    Message.objects.filter(pk=messages[0].pk).update(text="<b>Hi</b> & welcome")
    page = staff.get(reverse("admin:messaging_message_change", args=[messages[0].pk])).content.decode()
    assert "&lt;b&gt;Hi&lt;/b&gt; &amp; welcome</div>" in page


# -- What a person settles --


def do_to_message(client: Client, action: str, message: Message) -> list[str]:
    return said(client.post(reverse(f"admin:messaging_message_{action}_one", args=[message.pk])))


def test_a_dead_letter_is_tried_again_once(staff: Client, owner: User, batch: Batch, messages: list[Message]) -> None:
    sender = batch.senders.get()
    Message.objects.filter(pk=messages[0].pk).update(status=MessageStatus.FAILED, exhausted=True, sender=sender)
    assert do_to_message(staff, "retry", messages[0]) == ["1 message is tried again."]
    assert Message.objects.get(pk=messages[0].pk).status == MessageStatus.QUEUED
    assert "only once" in do_to_message(staff, "retry", messages[0])[-1]
    entry = AuditEntry.objects.get(action="message.retried")
    assert (entry.user, entry.target) == (owner, f"#{messages[0].pk}")


@pytest.mark.parametrize(("action", "status"), [("arrived", MessageStatus.SENT), ("lost", MessageStatus.FAILED)])
def test_an_unknown_message_is_settled(
    staff: Client, messages: list[Message], action: str, status: MessageStatus
) -> None:
    assert "It is known by now" in do_to_message(staff, action, messages[0])[0]
    Message.objects.filter(pk=messages[0].pk).update(status=MessageStatus.UNKNOWN)
    do_to_message(staff, action, messages[0])
    assert Message.objects.get(pk=messages[0].pk).status == status
