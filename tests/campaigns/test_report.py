"""The report of a campaign: figures that equal a recount of the rows, and moments that say as of when they are."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.models import Organization
from campaigns import report, report_details, tasks
from campaigns.models import CampaignReport
from messaging import ledger
from messaging.events import Outcome
from messaging.models import Batch, BatchStatus, Message, MessageStatus, SkipReason
from messaging.services import mend_counters
from tests.campaigns.sent import answer, lease, make_campaign, receive, settle
from tests.factories import assert_counters_true, phone_number

pytestmark = pytest.mark.django_db

STARTED = now().replace(second=0, microsecond=0) - timedelta(hours=5)


@pytest.fixture(autouse=True)
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rest between two counts."""
    monkeypatch.setattr(report, "SHORTEST_REST", timedelta(0))
    monkeypatch.setattr(report, "REST_FACTOR", 0)


def people_of(found: report.Report) -> dict[str, int]:
    return {step.code: step.people for step in found.funnel}


def test_the_funnel_and_its_bases(organization: Organization) -> None:
    campaign = make_campaign(organization)
    messages = lease(campaign.batch)
    settle(messages[:30], Outcome.ACKNOWLEDGED)
    settle(messages[30:36], Outcome.REJECTED, "131026")
    settle(messages[36:], Outcome.REJECTED, ledger.NOT_ON_WHATSAPP)
    receive(messages[:20], MessageStatus.DELIVERED, now())
    receive(messages[:9], MessageStatus.READ, now())
    answer(messages[:3], now())
    found = report.report_of(campaign)
    assert [(step.code, step.people, step.of, step.share) for step in found.funnel] == [
        ("sent", 30, "people", 75.0),
        ("delivered", 20, "sent", 66.7),
        ("read", 9, "sent", 30.0),
        ("replied", 3, "sent", 10.0),
        ("opted_out", 0, "sent", 0.0),
        ("failed", 6, "people", 15.0),
    ]
    assert found.details is not None
    assert found.is_current
    assert found.details["errors"] == [
        [MessageStatus.FAILED, "131026", 6, 0],
        [MessageStatus.SKIPPED, SkipReason.NOT_ON_WHATSAPP, 4, 0],
    ]


def test_no_share_pretends_to_be_whole() -> None:
    assert report.share(0, 0) is None
    assert report.share(99_999, 100_000) == 99.9
    assert report.share(1, 100_000) == 0.1
    assert report.share(0, 100_000) == 0
    assert report.share(5, 5) == 100


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_details_add_up_to_the_funnel(organization: Organization, seed: int) -> None:
    """Random events in a random order: at every look the sums of the timeline, the senders and the hours are the funnel."""
    randomness = random.Random(seed)
    campaign = make_campaign(organization, size=60, senders=3)
    for messages in _stages(lease(campaign.batch), randomness):
        _happens(messages, randomness)
        found = report.report_of(campaign)
        funnel = people_of(found)
        assert_counters_true(campaign.batch)
        assert found.details is not None
        reached = [funnel[code] for code in ("sent", "delivered", "read", "replied")]
        totals = report_details.cumulated(found.details["timeline"])
        assert (totals[-1][1] if totals else [0, 0, 0, 0]) == reached
        assert [sum(row[place] for row in found.details["senders"]) for place in (1, 2, 3, 4)] == reached
        assert [sum(row[place] for row in found.details["hours"]) for place in range(4)] == reached
        failed = [row[2] for row in found.details["errors"] if row[0] == MessageStatus.FAILED]
        assert sum(failed) == funnel["failed"] == sum(row[5] for row in found.details["senders"])


def _stages(messages: list[Message], randomness: random.Random) -> Iterator[list[Message]]:
    for _ in range(8):
        yield randomness.sample(messages, 20)


def _happens(messages: list[Message], randomness: random.Random) -> None:
    at = STARTED + timedelta(minutes=randomness.randrange(300))
    match randomness.randrange(5):
        case 0 | 1:
            settle(messages, Outcome.ACKNOWLEDGED)
        case 2:
            settle(messages[:5], Outcome.REJECTED, "refused")
            receive(messages[5:8], MessageStatus.FAILED, at)
        case 3:
            receive(messages, randomness.choice([MessageStatus.DELIVERED, MessageStatus.READ]), at)
        case 4:
            receive(messages[:6], MessageStatus.READ, at)
            answer(messages[:6], now())


def test_the_timeline_has_a_point_for_each_step_and_few_of_them(organization: Organization) -> None:
    campaign = make_campaign(organization, size=10)
    messages = lease(campaign.batch)
    settle(messages, Outcome.ACKNOWLEDGED)
    Message.objects.update(sent_at=STARTED)
    for place, message in enumerate(messages):
        receive([message], MessageStatus.READ, STARTED + timedelta(days=place))
    details = report_details.count(campaign.batch)
    assert details["step"] == 3 * 60 * 60
    assert len(details["timeline"]) == 10
    assert details["timeline"][0][1:] == [10, 1, 1, 0]
    assert [totals[report_details.READ] for _at, totals in report_details.cumulated(details["timeline"])] == list(
        range(1, 11)
    )


def test_hours_are_those_on_the_campaigns_clock(organization: Organization) -> None:
    campaign = make_campaign(organization, size=1, timezone="Asia/Kathmandu")  # five hours and three quarters ahead
    [message] = lease(campaign.batch)
    settle([message], Outcome.ACKNOWLEDGED)
    Message.objects.update(sent_at=datetime(2026, 3, 1, 18, 20, tzinfo=ZoneInfo("UTC")))
    hours = report_details.count(campaign.batch)["hours"]
    assert [hour for hour, figures in enumerate(hours) if figures[0]] == [0]


def test_kept_details_say_as_of_when_they_are(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make_campaign(organization, size=4)
    messages = lease(campaign.batch)
    settle(messages, Outcome.ACKNOWLEDGED)
    first = report.report_of(campaign)
    assert report.report_of(campaign).details_as_of == first.details_as_of  # nothing changed: nothing was counted
    monkeypatch.setattr(report, "SHORTEST_REST", timedelta(hours=1))
    receive(messages[:1], MessageStatus.READ, now())
    resting = report.report_of(campaign)
    assert people_of(resting)["read"] == 1
    assert (resting.details_as_of, resting.is_current) == (first.details_as_of, False)
    assert resting.details is not None
    assert resting.details["senders"][0][3] + resting.details["senders"][1][3] == 0
    monkeypatch.setattr(report, "SHORTEST_REST", timedelta(0))
    again = report.report_of(campaign)
    assert again.is_current
    assert again.details_as_of is not None
    assert first.details_as_of is not None
    assert again.details_as_of > first.details_as_of


def test_a_large_campaign_is_counted_by_a_task(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "COUNTED_AT_ONCE", 3)
    asked: list[int] = []
    monkeypatch.setattr(tasks.count_report, "apply_async", lambda ids, **_: asked.extend(ids))
    campaign = make_campaign(organization, size=4)
    settle(lease(campaign.batch), Outcome.ACKNOWLEDGED)
    found = report.report_of(campaign)
    assert (people_of(found)["sent"], found.details) == (4, None)
    report.report_of(campaign)  # a second viewer asks for nothing
    assert asked == [campaign.pk]
    tasks.count_report(campaign.pk)
    assert report.report_of(campaign).is_current
    assert list(report.to_watch()) == [campaign.pk]
    Batch.objects.update(status=BatchStatus.COMPLETED, finished_at=now() - timedelta(days=3))
    assert list(report.to_watch()) == []


def test_a_mended_batch_is_counted_again(organization: Organization) -> None:
    campaign = make_campaign(organization, size=3)
    report.report_of(campaign)
    Message.objects.filter(batch=campaign.batch).update(status=MessageStatus.FAILED, error_code="refused")
    Batch.objects.update(finished_at=now())
    assert mend_counters(organization=organization) == [campaign.batch_id]
    found = report.report_of(campaign)
    assert found.details is not None
    assert found.details["errors"] == [[MessageStatus.FAILED, "refused", 3, 0]]


def test_the_report_by_rest(organization: Organization, owner_api: APIClient) -> None:
    campaign = make_campaign(organization, size=3, senders=1)
    messages = lease(campaign.batch)
    settle(messages[:2], Outcome.ACKNOWLEDGED)
    settle(messages[2:], Outcome.REJECTED, "503")
    answer(messages[:1], now())
    found = owner_api.get(f"/api/campaigns/{campaign.pk}/report").json()
    assert (found["status"], found["people"], found["reply_days"]) == ("running", 3, 7)
    assert found["funnel"][3] == {"code": "replied", "people": 1, "of": "sent", "share": 50.0}
    details = found["details"]
    assert details["timezone"] == "Asia/Jakarta"
    sender = campaign.batch.senders.get()
    assert details["by_sender"] == [
        {"sender": sender.pk, "name": sender.name, "sent": 2, "delivered": 0, "read": 0, "replied": 1, "failed": 1}
    ]
    [problem] = details["problems"]
    assert (problem["status"], problem["code"], problem["people"]) == ("failed", "503", 1)
    assert problem["text"] == "WhatsApp had a fault of its own (503)"
    sent_at = Message.objects.get(pk=messages[0].pk).sent_at
    assert sent_at is not None
    hour = sent_at.astimezone(ZoneInfo("Asia/Jakarta")).hour
    assert details["by_hour"][hour] == {"hour": hour, "sent": 2, "delivered": 0, "read": 0, "replied": 1}
    assert CampaignReport.objects.count() == 1
    assert phone_number(0) not in str(found)
