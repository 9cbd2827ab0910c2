"""Schedules by REST, as scripts outside use them."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from campaigns import due, services
from campaigns.models import Campaign, Occurrence
from tests.campaigns.planned import make_campaign, make_due
from tests.factories import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sender(organization):
    return make_sender(organization)


@pytest.fixture
def campaign(organization) -> Campaign:
    return make_campaign(organization)


@pytest.fixture
def address(campaign) -> str:
    return f"/api/campaigns/{campaign.pk}"


def test_the_whole_story_of_one_time(owner_api, campaign, address) -> None:
    assert owner_api.get(f"{address}/schedule").json() == {"schedule": None, "coming": [], "past": []}
    answer = owner_api.post(
        f"{address}/schedule", {"at": "2030-01-07T09:00", "timezone": "Asia/Jakarta"}, format="json"
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "scheduled"
    schedule = owner_api.get(address).json()["schedule"]
    assert (schedule["kind"], schedule["next_at"]) == ("once", "2030-01-07T09:00:00+07:00")
    assert (schedule["timezone"], schedule["late_hours"]) == ("Asia/Jakarta", 6)
    assert schedule["sentence"] == "Mon 7 Jan 2030, 09:00 Asia/Jakarta"
    again = owner_api.post(
        f"{address}/schedule", {"at": "2030-01-07T09:00:00Z", "timezone": "Asia/Jakarta"}, format="json"
    )
    assert again.json()["schedule"]["next_at"] == "2030-01-07T16:00:00+07:00"
    taken_back = owner_api.delete(f"{address}/schedule")
    assert (taken_back.json()["status"], taken_back.json()["schedule"]) == ("ready", None)
    assert owner_api.delete(f"{address}/schedule").status_code == 409


def test_the_whole_story_of_a_repetition(owner_api, campaign, address) -> None:
    wanted = {"repeat": "weekly", "time": "09:00", "weekdays": [1], "max_runs": 3, "timezone": "Asia/Jakarta"}
    made = owner_api.post(f"{address}/schedule", wanted, format="json").json()
    assert made["status"] == "scheduled"
    assert made["schedule"]["sentence"].startswith("Every Monday at 09:00 Asia/Jakarta, next on Mon ")
    coming = owner_api.get(f"{address}/schedule").json()["coming"]
    assert len(coming) == 3
    assert all(moment.endswith("T09:00:00+07:00") for moment in coming)
    make_due(campaign, minutes=1)
    (started,) = due.run_due()
    services.prepare_campaign(campaign_id=started)
    due.settle()
    past = owner_api.get(f"{address}/schedule").json()["past"]
    assert [(each["outcome"], each["campaign"], each["status"]) for each in past] == [("started", started, "running")]
    assert owner_api.post(f"{address}/pause").json()["status"] == "paused"
    assert owner_api.post(f"{address}/resume").json()["status"] == "scheduled"
    assert owner_api.post(f"{address}/start").status_code == 409
    assert owner_api.post(f"{address}/cancel").json()["status"] == "cancelled"
    assert owner_api.get(f"/api/campaigns/{started}").json()["status"] == "running"


def test_a_missed_start_is_told(owner_api, campaign, address) -> None:
    owner_api.post(f"{address}/schedule", {"at": "2030-01-07T09:00", "late_hours": 2}, format="json")
    make_due(campaign, hours=3)
    due.run_due()
    answer = owner_api.get(f"{address}/schedule").json()
    assert answer["past"][0]["outcome"] == Occurrence.Outcome.MISSED
    assert "more than 2 hours later" in answer["past"][0]["reason"]
    assert owner_api.get(address).json()["status"] == "ready"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "at"),
        ({"at": "soon"}, "at"),
        ({"at": "2020-01-01T09:00"}, "at"),
        ({"at": 7}, "at"),
        ({"at": "2030-01-07T09:00", "timezone": "Mars/Base"}, "timezone"),
        ({"repeat": "hourly"}, "repeat"),
        ({"repeat": "weekly", "time": "09:00", "weekdays": ["x"]}, "weekdays"),
        ({"repeat": "cron", "cron": "x y"}, "cron"),
        ({"at": "2030-01-07T09:00", "stop_action": "explode"}, "stop_action"),
    ],
)
def test_what_is_wrong_is_said_by_field(owner_api, address, body, field) -> None:
    answer = owner_api.post(f"{address}/schedule", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_what_runs_gets_no_time(owner_api, campaign, address) -> None:
    services.start_campaign(campaign=campaign)
    answer = owner_api.post(f"{address}/schedule", {"at": (now() + timedelta(days=1)).isoformat()}, format="json")
    assert answer.status_code == 409
    assert "running" in answer.json()["detail"]


def test_a_campaign_to_a_list_can_be_duplicated(owner_api, campaign, address) -> None:
    owner_api.post(f"{address}/schedule", {"at": "2030-01-07T09:00"}, format="json")
    made = owner_api.post(f"{address}/duplicate")
    assert made.status_code == 202
    assert (made.json()["name"], made.json()["schedule"]) == ("Copy of Greetings", None)
    assert made.json()["template"] == campaign.batch.text
    services.prepare_campaign(campaign_id=made.json()["id"])
    assert owner_api.get(f"/api/campaigns/{made.json()['id']}").json()["status"] == "ready"
    assert owner_api.get(f"/api/campaigns/{made.json()['id']}/stats").json()["pending"] == 3
