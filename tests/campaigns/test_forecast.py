"""The forecast over REST and on the page: moments, what holds it back, and what would be."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.timezone import now

from accounts.models import Organization
from campaigns.forecast import CampaignForecast, sentence
from campaigns.models import Campaign, Schedule
from contacts.models import BlocklistEntry
from messaging import counts, planner, services
from messaging.models import Batch, BatchStatus, MessageStatus
from senders.models import Sender, SenderStatus
from tests.factories import make_batch, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def senders(organization: Organization) -> list[Sender]:
    return [make_sender(organization) for _ in range(2)]


def make_campaign(organization: Organization, senders: list[Sender], size: int, **fields: Any) -> Campaign:
    """A campaign that is ready, with a pause of 2 seconds unless `fields` of its batch say otherwise."""
    given = {"status": BatchStatus.READY, "min_delay_ms": 2000, "max_delay_ms": 2000, **fields}
    batch = make_batch(organization, senders, size, **given)
    return Campaign.objects.create(organization=organization, name="Promo", batch=batch, frozen_at=now())


def asked(client, campaign: Campaign, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/api/campaigns/{campaign.pk}/forecast", parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def seconds(found: dict[str, Any]) -> float:
    return (datetime.fromisoformat(found["ends_at"]) - datetime.fromisoformat(found["as_of"])).total_seconds()


def codes(found: dict[str, Any]) -> list[str]:
    return [limit["code"] for limit in found["limits"]]


def test_a_campaign_that_only_its_pauses_hold_back(owner_api, organization, senders) -> None:
    found = asked(owner_api, make_campaign(organization, senders, 300))
    assert seconds(found) == pytest.approx(300, abs=4)  # 150 messages a sender, 2 s each
    assert codes(found) == ["delay"]
    assert found["starts_at"] <= found["earliest"] <= found["ends_at"] <= found["latest"]
    assert found["ends_at"].endswith("+07:00")  # Asia/Jakarta
    assert (found["timezone"], found["messages"], found["skips"]) == ("Asia/Jakarta", 300, 0)


def test_the_campaigns_own_time_zone_is_the_one_that_is_shown(owner_api, organization, senders) -> None:
    found = asked(owner_api, make_campaign(organization, senders, 10, timezone="Asia/Kathmandu"))
    assert found["ends_at"].endswith("+05:45")


def test_quotas_hold_it_back_and_say_so(owner_api, organization, senders) -> None:
    Sender.objects.update(quota_per_hour=50)
    found = asked(owner_api, make_campaign(organization, senders, 1000))
    assert 8 * 3600 < seconds(found) < 10 * 3600
    assert codes(found)[0] == "quota_hour"
    assert "50 messages an hour" in found["limits"][0]["text"]


def test_what_if_there_were_a_sender_more_or_less(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 600)
    third = make_sender(organization)
    as_it_is = seconds(asked(owner_api, campaign))
    assert seconds(asked(owner_api, campaign, add_senders=third.pk)) == pytest.approx(as_it_is * 2 / 3, rel=0.02)
    assert seconds(asked(owner_api, campaign, remove_senders=senders[0].pk)) == pytest.approx(as_it_is * 2, rel=0.02)
    assert seconds(asked(owner_api, campaign, senders=third.pk)) == pytest.approx(as_it_is * 2, rel=0.02)
    assert seconds(asked(owner_api, campaign)) == pytest.approx(as_it_is, rel=0.01)  # nothing was changed


def test_what_if_the_pauses_were_shorter(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 600)
    assert seconds(asked(owner_api, campaign, min_delay_ms=500, max_delay_ms=1500)) == pytest.approx(300, abs=5)


def test_what_if_the_window_were_wider(owner_api, organization, senders) -> None:
    """Two hours of sending a day, against any time."""
    campaign = make_campaign(
        organization, senders[:1], 7200, windows=[{"days": [1, 2, 3, 4, 5, 6, 7], "from": "09:00", "to": "11:00"}]
    )
    found = asked(owner_api, campaign)
    assert seconds(found) > 24 * 3600
    assert codes(found)[0] == "window"
    assert 9 <= datetime.fromisoformat(found["ends_at"]).hour <= 11
    freed = asked(owner_api, campaign, windows="[]")
    assert seconds(freed) == pytest.approx(4 * 3600, rel=0.01)


def test_what_if_it_started_later(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 600)
    later = now() + timedelta(days=2)
    found = asked(owner_api, campaign, starts_at=later.isoformat())
    assert datetime.fromisoformat(found["starts_at"]) == later
    assert seconds(found) == pytest.approx(2 * 24 * 3600 + 600, abs=30)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"senders": "x"}, "senders"),
        ({"add_senders": "123456"}, "senders"),
        ({"windows": "{"}, "windows"),
        ({"windows": json.dumps([{"days": [9], "from": "09:00", "to": "17:00"}])}, "windows"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"min_delay_ms": -5}, "min_delay_ms"),
        ({"min_delay_ms": 5000, "max_delay_ms": 3000}, "max_delay_ms"),
        ({"starts_at": "soon"}, "starts_at"),
    ],
)
def test_what_if_names_the_field_that_is_wrong(owner_api, organization, senders, parameters, field) -> None:
    campaign = make_campaign(organization, senders, 10)
    answer = owner_api.get(f"/api/campaigns/{campaign.pk}/forecast", parameters)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_senders_of_others_cannot_be_tried(owner_api, organization, other_organization, senders) -> None:
    campaign = make_campaign(organization, senders, 10)
    strange = make_sender(other_organization)
    answer = owner_api.get(f"/api/campaigns/{campaign.pk}/forecast", {"add_senders": strange.pk})
    assert answer.status_code == 400


def test_outsiders_see_no_forecast(outsider_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 10)
    assert outsider_api.get(f"/api/campaigns/{campaign.pk}/forecast").status_code == 404


# -- Where it cannot end --


def test_without_a_sender_that_may_send_nobody_can_know(owner_api, organization, senders) -> None:
    Sender.objects.update(status=SenderStatus.LOGGED_OUT)
    found = asked(owner_api, make_campaign(organization, senders, 10))
    assert [found[name] for name in ("starts_at", "ends_at", "earliest", "latest")] == [None] * 4
    assert codes(found) == ["no_sender"]
    assert senders[0].name in found["limits"][0]["text"]


def test_a_sender_that_is_away_is_not_counted_on(owner_api, organization, senders) -> None:
    Sender.objects.filter(pk=senders[0].pk).update(status=SenderStatus.RECONNECTING)
    found = asked(owner_api, make_campaign(organization, senders, 300))
    assert seconds(found) == pytest.approx(600, abs=5)
    assert "senders_away" in codes(found)


def test_a_paused_campaign_has_no_end_but_a_what_if_has(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300, status=BatchStatus.PAUSED, started_at=now())
    found = asked(owner_api, campaign)
    assert (found["ends_at"], codes(found)) == (None, ["paused"])
    assert found["starts_at"] is not None
    assert seconds(asked(owner_api, campaign, max_delay_ms=2000)) == pytest.approx(300, abs=4)


def test_quotas_of_nothing(owner_api, organization, senders) -> None:
    Sender.objects.update(quota_per_day=0)
    found = asked(owner_api, make_campaign(organization, senders, 10))
    assert (found["ends_at"], codes(found)[0]) == (None, "quota_zero")


def test_more_than_a_year(owner_api, organization, senders) -> None:
    Sender.objects.update(quota_per_day=2)
    found = asked(owner_api, make_campaign(organization, senders, 2000))
    assert (found["ends_at"], codes(found)[:2]) == (None, ["too_long", "quota_day"])
    assert found["starts_at"] is not None


def test_a_list_that_is_still_read(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 10)
    Campaign.objects.update(frozen_at=None)
    assert codes(asked(owner_api, campaign)) == ["reading"]


def test_a_finished_campaign_says_when_it_ended(owner_api, organization, senders) -> None:
    ended = now() - timedelta(hours=1)
    campaign = make_campaign(
        organization, senders, 0, status=BatchStatus.COMPLETED, started_at=ended, finished_at=ended
    )
    found = asked(owner_api, campaign)
    assert datetime.fromisoformat(found["ends_at"]) == ended
    assert found["limits"] == []


# -- What else weighs in --


def test_rests_and_holds_shift_the_start(owner_api, organization, senders) -> None:
    until = now() + timedelta(minutes=30)
    Sender.objects.update(resting_until=until)
    found = asked(owner_api, make_campaign(organization, senders, 30))
    assert datetime.fromisoformat(found["starts_at"]) == until
    assert codes(found)[0] == "resting"
    Sender.objects.update(resting_until=None, first_contacts_held_until=until)
    found = asked(owner_api, Campaign.objects.get())
    assert datetime.fromisoformat(found["starts_at"]) == until
    assert codes(found)[0] == "hold"


def test_what_other_campaigns_have_to_do_is_counted(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300)
    alone = seconds(asked(owner_api, campaign))
    rival = make_batch(organization, senders, 5000, min_delay_ms=2000, max_delay_ms=2000)
    found = asked(owner_api, campaign)
    assert seconds(found) == pytest.approx(2 * alone, rel=0.03)
    assert "other_batches" in codes(found)
    services.pause_batch(batch=rival)
    assert seconds(asked(owner_api, campaign)) == pytest.approx(alone, rel=0.01)


def scheduled(organization: Organization, campaign: Campaign, at: datetime) -> None:
    Schedule.objects.create(
        organization=organization, campaign=campaign, kind=Schedule.Kind.ONCE, timezone="Asia/Jakarta", next_at=at
    )


def test_a_scheduled_campaign_starts_at_its_time(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300)
    at = now() + timedelta(days=1)
    scheduled(organization, campaign, at)
    found = asked(owner_api, campaign)
    assert datetime.fromisoformat(found["starts_at"]) == at
    assert seconds(found) == pytest.approx(24 * 3600 + 300, abs=5)


def test_what_is_scheduled_takes_its_share_from_then_on(owner_api, organization, senders) -> None:
    """An hour of sending alone, then half of it beside a campaign that starts after half an hour."""
    campaign = make_campaign(organization, senders, 3600)
    scheduled(organization, make_campaign(organization, senders, 9000), now() + timedelta(minutes=30))
    assert seconds(asked(owner_api, campaign)) == pytest.approx(5400, rel=0.02)


def test_the_pattern_of_a_repetition_has_no_end(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 30)
    scheduled(organization, campaign, now() + timedelta(days=1))
    Schedule.objects.update(kind=Schedule.Kind.CRON, cron="0 9 * * 1")
    found = asked(owner_api, campaign)
    assert (found["ends_at"], codes(found)) == (None, ["repeats"])


def test_people_who_will_be_skipped_take_no_time(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300)
    BlocklistEntry.objects.bulk_create(
        BlocklistEntry(organization=organization, phone_number=phone_number(index)) for index in range(150)
    )
    found = asked(owner_api, campaign)
    assert found["skips"] == 150
    assert seconds(found) == pytest.approx(150, abs=4)


def test_while_it_runs_what_is_queued_counts(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300, status=BatchStatus.RUNNING, started_at=now())
    planner.plan_all()
    assert Batch.objects.get(pk=campaign.batch_id).messages.filter(status=20).count() > 50
    found = asked(owner_api, campaign)
    assert found["messages"] == 300
    assert seconds(found) == pytest.approx(300, abs=5)


def test_recipients_in_two_zones_wait_for_their_own_hours(owner_api, organization, senders) -> None:
    """Half in Jakarta, half in Brazil, ten hours apart, an hour of sending a day: both must have had theirs."""
    campaign = make_campaign(
        organization,
        senders,
        200,
        recipient_time=True,
        windows=[{"days": [1, 2, 3, 4, 5, 6, 7], "from": "12:00", "to": "13:00"}],
    )
    for message in campaign.batch.messages.order_by("id")[:100]:
        message.phone_number = f"+5511987{message.pk % 1_000_000:06}"
        message.save(update_fields=["phone_number"])
    ends_at = datetime.fromisoformat(asked(owner_api, campaign)["ends_at"])
    hours = [ends_at.astimezone(ZoneInfo(zone)).hour for zone in ("Asia/Jakarta", "America/Sao_Paulo")]
    assert 12 in hours


def test_failures_slow_it_down_and_widen_the_interval(owner_api, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 2000)
    sound = asked(owner_api, campaign)
    past = make_batch(organization, senders, 0, status=BatchStatus.COMPLETED, started_at=now(), finished_at=now())
    counts.add(past.pk, {(MessageStatus.SENT, ""): 800, (MessageStatus.FAILED, ""): 200})
    failing = asked(owner_api, campaign)
    assert seconds(failing) > 1.5 * seconds(sound)
    assert "health" in codes(failing)


# -- On the page --


def test_the_page_says_it_in_a_sentence_with_the_zone_and_the_moment(owner_client, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300)
    page = owner_client.get(f"/o/{organization.slug}/campaigns/{campaign.pk}").text
    assert re.search(r"Started now, it ends (today|\w{3}) \d\d:\d\d:\d\d \(between \d\d:\d\d:\d\d and", page)
    assert re.search(r"Times of Asia/Jakarta, as of \d\d:\d\d:\d\d\.", page)
    assert "The pause of 2 to 2 seconds between two messages of a sender." in page
    assert "What if it were sent otherwise?" in page


def test_the_page_tries_other_terms(owner_client, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300)
    at = f"/o/{organization.slug}/campaigns/{campaign.pk}/forecast"
    form = {"senders": [senders[0].pk], "min_delay": "2", "max_delay": "2"}
    answer = owner_client.get(at, {**form, "hours_from": "09:00", "hours_to": "09:02", "days": ["1"]}).text
    assert "Mon 09:" in answer
    assert "The sending hours: outside of them nothing leaves (Asia/Jakarta)." in answer
    assert "longest delay" in owner_client.get(at, {**form, "min_delay": "9"}).text
    assert "No sender is chosen." in owner_client.get(at, {"min_delay": "2", "max_delay": "2"}).text


def test_windows_that_a_form_cannot_show_stay_unless_they_are_changed(owner_client, organization, senders) -> None:
    windows = [{"days": [day], "from": "09:00", "to": "09:01"} for day in (1, 3)]
    campaign = make_campaign(organization, senders, 300, windows=windows)
    at = f"/o/{organization.slug}/campaigns/{campaign.pk}"
    form = {"senders": [sender.pk for sender in senders], "min_delay": "2", "max_delay": "2"}
    as_it_opened = {"hours_from": "09:00", "hours_to": "09:01", "days": ["1"]}
    ends = r"ends ([^(]+)\("
    as_it_is = re.search(ends, owner_client.get(at).text)
    same = re.search(ends, owner_client.get(f"{at}/forecast", {**form, **as_it_opened}).text)
    assert as_it_is
    assert same
    assert same[1] == as_it_is[1]


def test_a_paused_campaigns_page_says_why(owner_client, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 300, status=BatchStatus.PAUSED, started_at=now())
    page = owner_client.get(f"/o/{organization.slug}/campaigns/{campaign.pk}").text
    assert "It cannot be said when it ends." in page
    assert "It is paused. Resume it to go on." in page


DAY = datetime(2026, 11, 23, 10, tzinfo=ZoneInfo("Asia/Jakarta"))  # a Monday


@pytest.mark.parametrize(
    ("hours", "has_started", "said"),
    [
        ((-1, 4, 3.5, 5), True, "Ends today 14:00 (between 13:30 and 15:00)."),
        ((-1, 28, 27.5, 29), True, "Ends Tue 14:00 (between 13:30 and 15:00)."),
        ((-1, 9 * 24, 8 * 24, 10 * 24), True, "Ends 2 Dec 10:00 (between Tue 10:00 and Thu 10:00)."),
        ((0, 4, 3.5, 5), False, "Started now, it ends today 14:00 (between 13:30 and 15:00)."),
        ((23, 28, 27.5, 29), False, "Starts Tue 09:00, ends 14:00 (between 13:30 and 15:00)."),
        ((0, 0.25, 0.24, 0.3), False, "Started now, it ends today 10:15:00 (between 10:14:24 and 10:18:00)."),
        ((-1, 28, 27.5, None), True, "Ends Tue 14:00 (not before 13:30)."),
    ],
)
def test_the_sentence(hours, has_started, said) -> None:
    starts_at, ends_at, earliest, latest = (
        None if number is None else DAY + timedelta(hours=number) for number in hours
    )
    found = CampaignForecast(DAY, "Asia/Jakarta", starts_at, ends_at, earliest, latest)
    assert sentence(found, has_started=has_started) == said
