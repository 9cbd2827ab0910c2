"""Broadcast lists, bulk sends, batches and reminders by REST."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import Organization
from broadcasts.models import Broadcast, BroadcastList, Reminder
from messaging import planner
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender
from tests.factories import make_sender, phone_number
from tests.fixtures_people import api_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def posted(api: APIClient, path: str, data: Any, status: int = 202) -> dict[str, Any]:
    response = api.post(f"/api/{path}", data, format="json")
    assert response.status_code == status, response.content
    return response.json()


def test_a_list_is_made_sent_followed_and_deleted(owner_api: APIClient, sender: Sender) -> None:
    numbers = [phone_number(index) for index in range(600)]
    made = posted(owner_api, "broadcasts", {"name": "Promo", "sender": sender.pk, "numbers": [*numbers, "12"]}, 201)
    assert (made["members"], made["problems"]) == (600, ["12"])
    path = f"broadcasts/{made['id']}"
    groups = owner_api.get(f"/api/{path}").json()["groups"]
    assert [(each["index"], each["members"], each["status"]) for each in groups] == [
        (0, 256, "ready"),
        (1, 256, "ready"),
        (2, 88, "ready"),
    ]
    batch = posted(owner_api, f"{path}/send", {"text": "Halo", "idempotency_key": "once"})
    assert (batch["total"], batch["pending"], batch["origin"]) == (600, 600, "broadcast")
    assert posted(owner_api, f"{path}/send", {"text": "Halo", "idempotency_key": "once"})["id"] == batch["id"]
    planner.plan_all()
    assert [each["status"] for each in owner_api.get(f"/api/{path}").json()["groups"]] == [
        "sending",
        "waiting",
        "waiting",
    ]
    found = owner_api.get(f"/api/batches/{batch['id']}?limit=300").json()
    assert (found["total"], found["queued"], found["pending"]) == (600, 256, 344)
    assert [each["to"] for each in found["results"]] == numbers[:300]
    assert found["next"]
    assert found["groups"][0]["counts"]["queued"] == 256
    assert owner_api.delete(f"/api/{path}").status_code == 409
    assert posted(owner_api, f"batches/{batch['id']}/cancel", {}, 200)["status"] == "cancelled"
    assert owner_api.delete(f"/api/{path}").status_code == 204
    assert Broadcast.objects.get().list_name == "Promo"


def test_members_come_and_go(owner_api: APIClient) -> None:
    made = posted(owner_api, "broadcasts", {"name": "Promo"}, 201)
    path = f"broadcasts/{made['id']}/members"
    answer = posted(owner_api, path, {"numbers": ["0812 0000 001", phone_number(1), phone_number(1)]}, 200)
    assert answer["added"] == answer["members"]
    left = owner_api.delete(f"/api/{path}", {"numbers": [phone_number(1)]}, format="json").json()
    assert left["members"] == answer["members"] - 1
    assert posted(owner_api, "broadcasts", {"name": "Promo"}, 400) == {
        "name": ["Another broadcast list has this name."]
    }


def test_a_bulk_send_answers_with_a_batch_and_a_result_each(owner_api: APIClient, sender: Sender) -> None:
    messages = [{"to": phone_number(0), "text": "Satu"}, {"to": "x", "text": "Dua"}]
    batch = posted(owner_api, "messages/bulk", {"messages": messages})
    assert (batch["total"], batch["skipped"], batch["batches"]) == (2, {"invalid_number": 1}, [batch["id"]])
    assert len(batch["warnings"]) == 1
    planner.plan_all()
    results = owner_api.get(f"/api/batches/{batch['id']}").json()["results"]
    assert [(each["to"], each["status"], each["skip_reason"]) for each in results] == [
        (phone_number(0), "queued", ""),
        ("", "skipped", "invalid_number"),
    ]
    assert Message.objects.get(status=MessageStatus.QUEUED).text == "Satu"


def test_waiting_for_what_is_over_gives_the_results(owner_api: APIClient, sender: Sender) -> None:
    response = owner_api.post("/api/messages/bulk?wait=5", {"to": ["12", "13"], "text": "Halo"}, format="json")
    assert response.status_code == 200
    assert [each["error"] for each in response.json()["results"]] == [
        "“12” is not a possible mobile number.",
        "“13” is not a possible mobile number.",
    ]
    response = owner_api.post("/api/messages/bulk?wait=1", {"to": [phone_number(0)], "text": "Halo"}, format="json")
    assert response.status_code == 202
    assert "results" not in response.json()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "to"),
        ({"to": [phone_number(0)]}, "text"),
        ({"to": [], "text": "Hi"}, "to"),
        ({"to": [{}], "text": "Hi"}, "to"),
        ({"messages": [{"to": phone_number(0)}]}, "messages"),
        ({"messages": [{"to": phone_number(0), "text": "Hi"}], "text": "No"}, "text"),
        ({"to": [phone_number(0)], "text": "Hi", "senders": [0]}, "senders"),
        ({"to": [phone_number(0)], "text": "Hi", "media": 0}, "media"),
        ({"to": [phone_number(0)], "text": "Hi", "min_delay_ms": 9, "max_delay_ms": 1}, "max_delay_ms"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field(
    owner_api: APIClient, sender: Sender, asked: dict[str, Any], field: str
) -> None:
    assert list(posted(owner_api, "messages/bulk", asked, 400)) == [field]
    assert not Batch.objects.exists()


def test_repeated_from_all_senders_there_is_a_batch_for_each(owner_api: APIClient, organization: Organization) -> None:
    for _ in range(2):
        make_sender(organization)
    asked = {"to": [phone_number(0)], "text": "Hi", "senders": "all", "repeat": True}
    assert len(posted(owner_api, "messages/bulk", asked)["batches"]) == 2


def test_who_may_not_approve_campaigns_goes_no_other_way(organization: Organization, sender: Sender) -> None:
    organization.campaigns_need_approval = True
    organization.save()
    key = api_client(organization, "messages.manage", "messages.view")
    posted(key, "messages/bulk", {"to": [phone_number(0)], "text": "Hi"}, 409)
    posted(api_client(organization), "messages/bulk", {"to": [phone_number(0)], "text": "Hi"})


def test_a_campaigns_batch_is_left_to_its_campaign(owner_api: APIClient, organization: Organization) -> None:
    batch = Batch.objects.create(organization=organization, status="running")
    posted(owner_api, f"batches/{batch.pk}/pause", {}, 409)


def test_reminders_are_made_paused_and_deleted(owner_api: APIClient) -> None:
    asked = {"to": "0812-3456-7890", "text": "Minum obat", "repeat": "daily", "time": "09:00"}
    made = posted(owner_api, "reminders", asked, 201)
    assert (made["to"], made["state"], made["rule"]) == ("+6281234567890", "active", "Every day at 09:00 Asia/Jakarta")
    path = f"reminders/{made['id']}"
    assert posted(owner_api, f"{path}/pause", {}, 200)["next_at"] is None
    posted(owner_api, f"{path}/pause", {}, 409)
    assert posted(owner_api, f"{path}/resume", {}, 200)["next_at"]
    assert owner_api.get(f"/api/{path}").json()["runs"] == []
    assert owner_api.delete(f"/api/{path}").status_code == 204
    assert not Reminder.objects.exists()
    assert list(posted(owner_api, "reminders", {**asked, "to": "1"}, 400)) == ["to"]


@pytest.mark.django_db(transaction=True)
def test_one_key_sent_fifty_times_at_once_makes_one_of_each(owner_api: APIClient, sender: Sender) -> None:
    made = posted(owner_api, "broadcasts", {"name": "Promo", "numbers": [phone_number(0)]}, 201)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("messages", {"to": phone_number(1), "text": "Hi"}),
        ("messages/bulk", {"to": [phone_number(2)], "text": "Hi"}),
        (f"broadcasts/{made['id']}/send", {"text": "Hi"}),
    ]

    def ask(path: str, data: dict[str, Any]) -> tuple[int, int]:
        try:
            response = owner_api.post(f"/api/{path}", {**data, "idempotency_key": "k"}, format="json")
            return response.status_code, response.json().get("id", 0)
        finally:
            connection.close()

    for path, data in asked[:2]:
        with ThreadPoolExecutor(10) as pool:
            answers = set(pool.map(lambda _turn, path=path, data=data: ask(path, data), range(50)))
        assert len(answers) == 1, answers
        assert answers.pop()[0] == 202
    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(lambda _turn: ask(*asked[2]), range(50)))
    assert {status for status, _id in answers} == {409}  # the key stands for the bulk send already
    assert Message.objects.count() == 2
    assert Batch.objects.count() == 1
    assert not BroadcastList.objects.get().broadcasts.exists()
