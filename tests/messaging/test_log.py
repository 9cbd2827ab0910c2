"""The message log, single messages that wait for their time, and figures."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.models import Organization
from messaging import log, planner
from messaging.models import Message, MessageStatus
from senders.models import Sender
from tests.factories import make_batch, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def make_message(organization: Organization, **fields: Any) -> Message:
    return Message.objects.create(
        organization=organization, **{"phone_number": phone_number(900), "status": MessageStatus.SENT, **fields}
    )


@pytest.fixture
def messages(organization: Organization, sender: Sender) -> dict[str, Message]:
    old = make_message(organization, text="Lama sekali", created_at=now() - timedelta(days=40))
    batch = make_batch(organization, [sender], 1, origin="bulk")
    return {
        "old": old,
        "batch": batch.messages.get(),
        "single": make_message(organization, text="Pesanan siap", sender=sender, idempotency_key="mine"),
        "reminder": make_message(organization, text="Minum obat", idempotency_key="reminder:1:20261121T090000"),
        "received": make_message(
            organization, direction="in", status=MessageStatus.RECEIVED, text="Terima kasih", sender=sender
        ),
        "failed": make_message(organization, status=MessageStatus.FAILED, phone_number=phone_number(0)),
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["failed", "received", "reminder", "single", "batch", "old"]),
        ({"text": "PESANAN"}, ["single"]),
        ({"number": "0812000000 1"}, ["failed", "batch"]),
        ({"number": "+628120000"}, ["failed", "received", "reminder", "single", "batch", "old"]),
        ({"origin": "bulk"}, ["batch"]),
        ({"origin": "single"}, ["failed", "single", "old"]),
        ({"origin": "reminder"}, ["reminder"]),
        ({"origin": "received"}, ["received"]),
        ({"status": "failed"}, ["failed"]),
        ({"status": "read"}, []),
        ({"text": "terima", "status": "received"}, ["received"]),
    ],
)
def test_messages_are_found(
    owner_api: APIClient, messages: dict[str, Message], asked: dict[str, str], expected: list[str]
) -> None:
    names = {message.pk: name for name, message in messages.items()}
    answer = owner_api.get("/api/messages", asked)
    assert answer.status_code == 200, answer.content
    assert [names[row["id"]] for row in answer.json()["results"]] == expected


def test_messages_are_found_by_sender_batch_and_time(
    owner_api: APIClient, messages: dict[str, Message], sender: Sender
) -> None:
    names = {message.pk: name for name, message in messages.items()}

    def found(**asked: Any) -> list[str]:
        return [names[row["id"]] for row in owner_api.get("/api/messages", asked).json()["results"]]

    assert found(sender=sender.pk) == ["received", "single"]
    assert found(batch=messages["batch"].batch_id) == ["batch"]
    assert found(until=(now() - timedelta(days=30)).isoformat()) == ["old"]
    assert found(since=(now() - timedelta(days=1)).isoformat()) == list(names.values())[::-1][:-1]
    assert found(since=(now() + timedelta(days=1)).isoformat()) == []


@pytest.mark.parametrize("asked", [{"status": "nope"}, {"origin": "x"}, {"since": "today"}, {"sender": "x"}])
def test_what_makes_no_sense_is_refused_by_name(owner_api: APIClient, asked: dict[str, str]) -> None:
    answer = owner_api.get("/api/messages", asked)
    assert answer.status_code == 400
    assert list(answer.json()) == list(asked)


def test_pages_follow_each_other_without_a_gap(
    owner_api: APIClient, messages: dict[str, Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PORTION", 2)  # so that a page spans several portions
    seen, address = [], "/api/messages?limit=2"
    while address:
        answer = owner_api.get(address).json()
        seen += [row["id"] for row in answer["results"]]
        address = answer["next"]
    assert seen == sorted((message.pk for message in messages.values()), reverse=True)


def test_a_search_that_runs_out_of_time_says_how_far_it_looked(
    organization: Organization, messages: dict[str, Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PORTION", 1)
    monkeypatch.setattr(log, "SECONDS_TO_LOOK", 0)
    wanted = log.LogFilter(text="Lama sekali")
    page = log.page(organization, wanted)
    assert (page.messages, page.before, page.looked_until) == (
        [],
        messages["failed"].pk,
        messages["failed"].created_at,
    )
    turns = 0
    while not page.messages:
        page = log.page(organization, wanted, before=page.before)
        turns += 1
    assert turns == 5


def test_figures_add_up(owner_api: APIClient, messages: dict[str, Message]) -> None:
    found = owner_api.get("/api/messages/stats").json()
    assert (found["total"]["total"], found["total"]["sent"], found["total"]["failed"]) == (5, 2, 1)
    by_origin = owner_api.get("/api/messages/stats?by=origin").json()["rows"]
    assert {row["key"]: row["total"] for row in by_origin} == {
        "bulk": 1,
        "received": 1,
        "reminder": 1,
        "single": 2,
    }
    assert owner_api.get("/api/messages/stats?since=2020-01-01").status_code == 400


# -- Messages that wait for their time --


def scheduled(api: APIClient, **fields: Any) -> Message:
    asked = {"to": phone_number(1), "text": "Nanti", "send_at": (now() + timedelta(hours=1)).isoformat(), **fields}
    response = api.post("/api/messages", asked, format="json")
    assert response.status_code == 202, response.content
    return Message.objects.get(pk=response.json()["id"])


def test_a_message_waits_for_its_time(owner_api: APIClient, sender: Sender) -> None:
    message = scheduled(owner_api)
    assert planner.plan_all() == 0
    Message.objects.filter(pk=message.pk).update(due_at=now())
    assert planner.plan_all() == 1


def test_a_time_without_an_offset_is_meant_on_the_organizations_clock(owner_api: APIClient) -> None:
    message = scheduled(owner_api, send_at="2099-01-01T09:00")
    assert message.due_at.isoformat() == "2099-01-01T02:00:00+00:00"


def test_a_time_that_has_passed_is_refused(owner_api: APIClient) -> None:
    answer = owner_api.post("/api/messages", {"to": phone_number(1), "text": "x", "send_at": "2020-01-01T00:00"})
    assert list(answer.json()) == ["send_at"]


@pytest.mark.parametrize(
    ("status", "attempts", "code"),
    [("PENDING", 0, 200), ("QUEUED", 0, 200), ("QUEUED", 1, 409), ("SENDING", 1, 409), ("SENT", 1, 409)],
)
def test_it_can_be_cancelled_as_long_as_it_cannot_have_left(
    owner_api: APIClient, status: str, attempts: int, code: int
) -> None:
    message = scheduled(owner_api)
    Message.objects.filter(pk=message.pk).update(status=MessageStatus[status], attempts=attempts)
    answer = owner_api.post(f"/api/messages/{message.pk}/cancel")
    assert answer.status_code == code
    message.refresh_from_db()
    assert message.status == (MessageStatus.CANCELLED if code == 200 else MessageStatus[status])


def test_keys_of_the_product_itself_are_not_for_others(owner_api: APIClient) -> None:
    answer = owner_api.post("/api/messages", {"to": phone_number(1), "text": "x", "idempotency_key": "reminder:1"})
    assert list(answer.json()) == ["idempotency_key"]
