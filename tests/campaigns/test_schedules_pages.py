"""Schedules on pages: a time for a campaign, repetitions, the calendar."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.utils.timezone import now

from campaigns import calendar, due, services
from campaigns.models import Campaign, Occurrence, Schedule
from messaging.models import Batch
from tests.campaigns.planned import make_campaign, make_due, schedule
from tests.contacts.workbooks import people, upload
from tests.factories import make_sender

pytestmark = pytest.mark.django_db

ONCE = {"schedule-when": "once", "schedule-at": "2030-01-07T09:00", "schedule-timezone": "Asia/Jakarta"}
WEEKLY = {
    "schedule-when": "repeat",
    "schedule-kind": "weekly",
    "schedule-weekdays": ["1", "4"],
    "schedule-time": "09:00",
    "schedule-timezone": "Asia/Jakarta",
}


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def sender(organization):
    return make_sender(organization)


@pytest.fixture
def at(organization) -> str:
    return f"/o/{organization.slug}/campaigns"


@pytest.fixture
def campaign(organization) -> Campaign:
    return make_campaign(organization)


def test_a_time_for_a_campaign_and_none_again(owner_client, at, campaign) -> None:
    page = f"{at}/{campaign.pk}"
    assert "Start at a time…" in owner_client.get(page).text
    assert 'value="Asia/Jakarta" selected' in owner_client.get(f"{page}/schedule").text
    shown = owner_client.post(f"{page}/schedule", ONCE, follow=True).text
    assert "Scheduled: Mon 7 Jan 2030, 09:00 Asia/Jakarta." in shown
    assert "Starts by itself: Mon 7 Jan 2030, 09:00 Asia/Jakarta" in shown
    assert "Missed by more than 6 hours, it is skipped." in shown
    assert "Who gets it is read again then" in shown
    assert "Start now instead" in shown
    assert 'value="2030-01-07T09:00"' in owner_client.get(f"{page}/schedule").text
    assert "7 Jan 2030, 09:00 WIB" in owner_client.get(at).text
    shown = owner_client.post(f"{page}/unschedule", follow=True).text
    assert "It no longer starts by itself." in shown
    assert "Start sending to 3 people" in shown


def test_a_repetition_with_its_outcomes(owner_client, at, campaign) -> None:
    page = f"{at}/{campaign.pk}"
    shown = owner_client.post(f"{page}/schedule", WEEKLY, follow=True).text
    assert "Every Monday and Thursday at 09:00 Asia/Jakarta, next on " in shown
    assert "3 people now" in shown
    make_due(campaign, minutes=1)
    (made,) = due.run_due()
    services.prepare_campaign(campaign_id=made)
    due.settle()
    make_due(campaign, hours=7)
    Schedule.objects.update(weekdays=[datetime.now(UTC).isoweekday()])
    due.run_due()
    shown = owner_client.get(page).text
    assert f'href="{at}/{made}"' in shown
    assert "more than 6 hours later" in shown
    assert "It did not start by itself" in shown
    assert "Made by" in owner_client.get(f"{at}/{made}").text
    owner_client.post(f"{page}/pause")
    assert "Resume the repetition" in owner_client.get(page).text


def test_complaints_stand_at_their_fields(owner_client, at, campaign) -> None:
    page = f"{at}/{campaign.pk}/schedule"
    past = owner_client.post(page, {**ONCE, "schedule-at": "2020-01-07T09:00"})
    assert past.status_code == 422
    assert "Tue 7 Jan 2020, 09:00 Asia/Jakarta has passed." in past.text
    assert "Choose at least one weekday" in owner_client.post(page, {**WEEKLY, "schedule-weekdays": []}).text
    cron = {"schedule-when": "repeat", "schedule-kind": "cron", "schedule-cron": "x", "schedule-timezone": "UTC"}
    assert "Write five fields" in owner_client.post(page, cron).text
    ended = {**WEEKLY, "schedule-stop_action": "pause"}
    assert "how long after its start" in owner_client.post(page, ended).text
    assert not Schedule.objects.exists()


def test_a_campaign_with_a_sheet_does_not_repeat(owner_client, organization, at, settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path
    campaign = make_campaign(organization, file=upload(people(2)), file_name="people.xlsx")
    response = owner_client.post(f"{at}/{campaign.pk}/schedule", WEEKLY)
    assert response.status_code == 422
    assert "An uploaded sheet is sent once." in response.text
    assert not Schedule.objects.exists()


def test_viewers_see_the_time_and_cannot_change_it(teammate_client, at, campaign) -> None:
    schedule(campaign, at=datetime(2030, 1, 7, 2, tzinfo=UTC))
    assert "Starts by itself" in teammate_client.get(f"{at}/{campaign.pk}").text
    assert "Take the time back" not in teammate_client.get(f"{at}/{campaign.pk}").text
    assert teammate_client.get(f"{at}/{campaign.pk}/schedule").status_code == 403
    assert teammate_client.post(f"{at}/{campaign.pk}/unschedule").status_code == 403
    assert teammate_client.get(f"{at}/calendar").status_code == 200


# -- The calendar --


def test_what_was_sent_is_sent_and_is_to_come_on_its_day(organization, campaign) -> None:
    schedule(campaign, kind="weekly", time=time(9), weekdays=[1], timezone="Asia/Jakarta", starts_on=date(2030, 1, 1))
    ended = make_campaign(organization, campaign.contact_list, name="Ended")
    # From 23:00 on 31 January to 01:00 on 2 February in Jakarta.
    Batch.objects.filter(pk=ended.batch_id).update(
        status="completed",
        started_at=datetime(2030, 1, 31, 16, tzinfo=UTC),
        finished_at=datetime(2030, 2, 1, 18, tzinfo=UTC),
    )
    missed = make_campaign(organization, campaign.contact_list, name="Missed")
    Occurrence.objects.create(
        organization=organization,
        schedule=schedule(missed),
        at=datetime(2030, 1, 20, 17, 30, tzinfo=UTC),
        outcome=Occurrence.Outcome.MISSED,
    )
    days = calendar.entries(organization, date(2030, 1, 1), date(2030, 2, 3))
    found = {
        f"{day:%d.%m.}": [(entry.campaign.name, entry.status, entry.continues) for entry in entries]
        for day, entries in sorted(days.items())
    }
    monday = [("Greetings", "scheduled", False)]
    assert found == {
        "07.01.": monday,
        "14.01.": monday,
        "21.01.": [("Missed", "missed", False), *monday],
        "28.01.": monday,
        "31.01.": [("Ended", "completed", False)],
        "01.02.": [("Ended", "completed", True)],
        "02.02.": [("Ended", "completed", True)],
    }


def test_many_times_a_day_are_one_entry(organization, campaign) -> None:
    schedule(campaign, kind="cron", cron="*/5 * * * *", timezone="UTC")
    days = calendar.entries(organization, date(2030, 1, 1), date(2030, 1, 31))
    assert len(days) == 31
    assert {len(entries) for entries in days.values()} == {1}
    assert all(entries[0].is_first_of_many for entries in days.values())
    schedule(campaign, kind="cron", cron="0 9,12,15 * * *", timezone="UTC")
    days = calendar.entries(organization, date(2030, 1, 1), date(2030, 1, 31))
    assert {len(entries) for entries in days.values()} == {3}


def test_the_calendar_of_a_month_and_of_a_week(owner_client, at, campaign) -> None:
    schedule(campaign, at=datetime(2030, 1, 7, 2, tzinfo=UTC))
    month = owner_client.get(f"{at}/calendar?day=2030-01-20").text
    assert "January 2030" in month
    assert month.count("Greetings") >= 2  # in the grid, and in the list for phones
    assert 'href="?view=month&amp;day=2029-12-01"' in month
    week = owner_client.get(f"{at}/calendar?view=week&day=2030-01-09").text
    assert "7 Jan – 13 Jan 2030" in week
    assert "Greetings" in week
    assert "Greetings" not in owner_client.get(f"{at}/calendar?view=week&day=2030-01-14").text
    for nonsense in ("?day=2030-13-45", "?day=0001-01-01", "?day=x&view=y"):
        assert owner_client.get(f"{at}/calendar{nonsense}").status_code == 200


def test_the_calendar_costs_the_same_queries_however_full(
    owner_client, at, organization, campaign, django_assert_max_num_queries
) -> None:
    for number in range(5):
        other = make_campaign(organization, campaign.contact_list, name=f"Other {number}")
        schedule(other, at=now() + timedelta(hours=number + 1))
    with django_assert_max_num_queries(12):
        owner_client.get(f"{at}/calendar")
