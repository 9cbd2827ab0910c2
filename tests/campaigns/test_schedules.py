"""Campaigns that start by themselves: what can be asked for, and what becomes of it."""
# ruff: noqa: DTZ001  (times on the wall)

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from accounts.models import AuditEntry
from campaigns import due, notices, schedules, services, tasks
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule
from messaging.models import BatchStatus, Message, MessageStatus
from messaging.services import NotAllowed
from tests.campaigns.planned import add_people, make_campaign, make_due, make_list, schedule
from tests.contacts.workbooks import people, upload
from tests.factories import assert_counters_true, make_sender

pytestmark = pytest.mark.django_db

Outcome = Occurrence.Outcome
TOMORROW = timedelta(days=1)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def sender(organization):
    return make_sender(organization)


@pytest.fixture
def campaign(organization):
    return make_campaign(organization)


def fresh(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("batch", "schedule").get(pk=campaign.pk)


def run() -> None:
    """What beat asks for, and the tasks that follow."""
    for campaign_id in due.run_due():
        services.prepare_campaign(campaign_id=campaign_id)
    due.stop_due()
    due.settle()


# -- Once --


def test_a_campaign_starts_at_its_time(campaign, organization) -> None:
    schedule(campaign, at=datetime(2030, 1, 7, 9), timezone="Asia/Jakarta")
    campaign = fresh(campaign)
    assert campaign.status == CampaignStatus.SCHEDULED
    assert campaign.schedule.next_at == datetime(2030, 1, 7, 2, tzinfo=UTC)
    assert schedules.sentence(campaign.schedule) == "Mon 7 Jan 2030, 09:00 Asia/Jakarta"
    run()
    assert fresh(campaign).status == CampaignStatus.SCHEDULED
    make_due(campaign, seconds=1)
    run()
    campaign = fresh(campaign)
    assert campaign.status == CampaignStatus.RUNNING
    occurrence = Occurrence.objects.get()
    assert (occurrence.outcome, occurrence.campaign, campaign.schedule.state) == (Outcome.STARTED, campaign, "ended")
    run()
    assert Occurrence.objects.count() == 1
    assert_counters_true(campaign.batch)


def test_a_list_is_read_again_when_its_time_has_come(organization) -> None:
    regulars = make_list(organization, 3)
    campaign = make_campaign(organization, regulars)
    assert Message.objects.filter(batch=campaign.batch).count() == 3
    schedule(campaign)
    add_people(regulars, range(3, 8))
    make_due(campaign, seconds=1)
    run()
    campaign = fresh(campaign)
    assert campaign.status == CampaignStatus.RUNNING
    assert Message.objects.filter(batch=campaign.batch, status=MessageStatus.PENDING).count() == 8
    assert_counters_true(campaign.batch)


def test_an_uploaded_sheet_is_fixed_when_it_is_read(organization) -> None:
    campaign = make_campaign(organization, file=upload(people(4)), file_name="people.xlsx")
    schedule(campaign)
    ids = set(Message.objects.filter(batch=campaign.batch).values_list("pk", flat=True))
    make_due(campaign, seconds=1)
    assert due.run_due() == []
    assert fresh(campaign).status == CampaignStatus.RUNNING
    assert set(Message.objects.filter(batch=campaign.batch).values_list("pk", flat=True)) == ids


def test_a_campaign_whose_sheet_is_still_read_starts_afterwards(organization) -> None:
    campaign = services.create_campaign(
        organization=organization, name="X", template="Hi {{name}}", file=upload(people(2)), file_name="people.xlsx"
    )
    schedule(campaign)
    assert fresh(campaign).status == CampaignStatus.SCHEDULED
    make_due(campaign, seconds=1)
    assert due.run_due() == [campaign.pk]
    due.settle()
    assert Occurrence.objects.get().outcome == Outcome.STARTING
    assert fresh(campaign).status == CampaignStatus.READING
    services.prepare_campaign(campaign_id=campaign.pk)
    due.settle()
    assert fresh(campaign).status == CampaignStatus.RUNNING
    assert Occurrence.objects.get().outcome == Outcome.STARTED


def test_a_list_that_is_empty_by_then_makes_no_start_and_a_mail(organization, owner) -> None:
    regulars = make_list(organization, 1)
    campaign = make_campaign(organization, regulars)
    schedule(campaign, by=owner)
    regulars.contacts.clear()
    make_due(campaign, seconds=1)
    run()
    assert fresh(campaign).status == CampaignStatus.FAILED
    occurrence = Occurrence.objects.get()
    assert (occurrence.outcome, occurrence.reason) == (Outcome.FAILED, "Nobody is on the list “Regulars”.")
    notices.send_due()
    notices.send_due()
    (sent,) = mail.outbox
    assert sent.to == [owner.email]
    assert sent.subject == "“Greetings” was not started"
    assert "Nobody is on the list “Regulars”." in sent.body
    assert f"/campaigns/{campaign.pk}" in sent.body


def test_without_a_sender_it_is_ready_with_the_reason(campaign) -> None:
    schedule(campaign)
    campaign.batch.senders.clear()
    make_due(campaign, seconds=1)
    run()
    campaign = fresh(campaign)
    assert campaign.status == CampaignStatus.READY
    assert campaign.batch.status_reason == "Choose at least one sender first."
    assert Occurrence.objects.get().outcome == Outcome.FAILED


# -- Down at that time --


@pytest.mark.parametrize(
    ("down", "late_hours", "starts"), [(1, 6, True), (5.9, 6, True), (6.1, 6, False), (1, 0, False)]
)
def test_missed_while_everything_was_down(campaign, owner, down, late_hours, starts) -> None:
    schedule(campaign, late_hours=late_hours)
    make_due(campaign, hours=down)
    run()
    campaign = fresh(campaign)
    occurrence = Occurrence.objects.get()
    if starts:
        assert (campaign.status, occurrence.outcome) == (CampaignStatus.RUNNING, Outcome.STARTED)
        return
    assert (campaign.status, occurrence.outcome) == (CampaignStatus.READY, Outcome.MISSED)
    assert occurrence.reason.startswith("Nothing ran from then until ")
    notices.send_due()
    assert [sent.to for sent in mail.outbox] == [[owner.email]]
    services.start_campaign(campaign=campaign)  # by hand, all the same
    assert fresh(campaign).status == CampaignStatus.RUNNING


def test_a_minute_late_is_on_time(campaign) -> None:
    schedule(campaign, late_hours=0)
    make_due(campaign, seconds=60)
    run()
    assert fresh(campaign).status == CampaignStatus.RUNNING


def test_of_several_that_were_missed_the_last_one_runs(campaign) -> None:
    schedule(campaign, kind="cron", cron="0 * * * *", timezone="UTC")
    hour = now().replace(minute=0, second=0, microsecond=0)
    Schedule.objects.update(next_at=hour - timedelta(hours=3))
    for _pass in range(5):
        run()
    found = Occurrence.objects.order_by("at").values_list("at", "outcome")
    assert list(found) == [
        (hour - timedelta(hours=3), Outcome.OVERTAKEN),
        (hour - timedelta(hours=2), Outcome.OVERTAKEN),
        (hour - timedelta(hours=1), Outcome.OVERTAKEN),
        (hour, Outcome.STARTED),
    ]
    assert Schedule.objects.get().next_at == hour + timedelta(hours=1)


# -- Again and again --


def test_each_occurrence_makes_a_new_campaign(organization, sender, owner) -> None:
    regulars = make_list(organization, 2)
    windows = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "23:59"}]
    pattern = make_campaign(
        organization, regulars, min_delay_ms=5, max_delay_ms=7, windows=windows, typing=True, senders=[sender]
    )
    schedule(pattern, kind="weekly", time=time(9), weekdays=[1, 4], by=owner)
    pattern = fresh(pattern)
    assert (pattern.status, pattern.frozen_at) == (CampaignStatus.SCHEDULED, None)
    assert not Message.objects.filter(batch=pattern.batch).exists()
    due_at = make_due(pattern, seconds=1).next_at
    run()
    first = Occurrence.objects.get().campaign
    assert first != pattern
    assert first.name == f"Greetings · {due_at.astimezone(pattern.schedule.zone):%Y-%m-%d %H:%M}"
    assert (first.contact_list, first.created_by, first.status) == (regulars, owner, CampaignStatus.RUNNING)
    batch = first.batch
    assert (batch.text, batch.min_delay_ms, batch.max_delay_ms, batch.typing) == ("Hi {{name}}", 5, 7, True)
    assert batch.windows == windows
    assert list(batch.senders.all()) == [sender]
    add_people(regulars, range(2, 5))
    make_due(pattern, seconds=1)
    Occurrence.objects.update(at=now() - TOMORROW)
    run()
    second = Occurrence.objects.latest("at").campaign
    assert Message.objects.filter(batch=second.batch).count() == 5
    pattern = fresh(pattern)
    assert (pattern.status, pattern.batch.status) == (CampaignStatus.SCHEDULED, BatchStatus.READY)
    assert pattern.schedule.next_at > now()
    assert pattern.schedule.next_at.astimezone(pattern.schedule.zone).isoweekday() in (1, 4)
    assert pattern.pk not in services.unprepared()


def test_a_number_of_runs(campaign) -> None:
    schedule(campaign, kind="daily", time=time(9), max_runs=2)
    assert len(list(schedules.coming(fresh(campaign).schedule))) == 2
    for minutes in (2, 1):
        make_due(campaign, minutes=minutes)
        run()
    campaign = fresh(campaign)
    assert (campaign.status, campaign.schedule.next_at, campaign.schedule.runs) == (CampaignStatus.COMPLETED, None, 2)
    assert Occurrence.objects.count() == 2


def test_a_time_that_comes_again_is_not_taken_again(campaign) -> None:
    """As when the server's clock is set back."""
    schedule(campaign, kind="daily", time=time(9))
    first = make_due(campaign, minutes=1).next_at
    run()
    Schedule.objects.update(next_at=first)
    run()
    assert Occurrence.objects.count() == 1
    assert Campaign.objects.count() == 2
    assert Schedule.objects.get().next_at > now()


def test_a_last_day(campaign) -> None:
    last_day = (now() + timedelta(days=10)).date()
    schedule(campaign, kind="daily", time=time(23, 59), ends_on=last_day, timezone="UTC")
    coming = list(schedules.coming(fresh(campaign).schedule))
    assert coming[-1] == datetime.combine(last_day, time(23, 59), UTC)
    assert len(coming) in (10, 11)


def test_a_repetition_pauses_and_resumes(campaign, owner) -> None:
    schedule(campaign, kind="daily", time=time(9))
    schedules.pause_campaign(campaign=fresh(campaign), by=owner)
    campaign = fresh(campaign)
    assert (campaign.status, campaign.schedule.next_at) == (CampaignStatus.PAUSED, None)
    schedules.resume_campaign(campaign=campaign, by=owner)
    assert fresh(campaign).status == CampaignStatus.SCHEDULED
    assert fresh(campaign).schedule.next_at > now()
    services.cancel_campaign(campaign=fresh(campaign), by=owner)
    campaign = fresh(campaign)
    assert (campaign.status, campaign.schedule.next_at) == (CampaignStatus.CANCELLED, None)
    actions = AuditEntry.objects.filter(user=owner, action__startswith="campaign.").order_by("id")
    assert [entry.action for entry in actions] == ["campaign.paused", "campaign.resumed", "campaign.cancelled"]


def test_a_sheet_does_not_repeat(organization) -> None:
    campaign = make_campaign(organization, file=upload(people(2)), file_name="people.xlsx")
    with pytest.raises(ValidationError, match="An uploaded sheet is sent once"):
        schedule(campaign, kind="daily", time=time(9))


def test_a_pattern_is_not_sent_itself(campaign) -> None:
    schedule(campaign, kind="daily", time=time(9))
    with pytest.raises(NotAllowed, match="This campaign repeats"):
        services.start_campaign(campaign=fresh(campaign))
    services.prepare_campaign(campaign_id=campaign.pk)
    assert fresh(campaign).frozen_at is None


# -- Changes of mind --


def test_another_time_and_none(campaign, owner) -> None:
    schedule(campaign)
    later = now().replace(microsecond=0) + timedelta(days=3)
    schedule(campaign, at=later, by=owner)
    assert Schedule.objects.get().next_at == later
    schedules.unschedule_campaign(campaign=fresh(campaign), by=owner)
    assert fresh(campaign).status == CampaignStatus.READY
    assert not Schedule.objects.exists()
    with pytest.raises(NotAllowed, match="no time to start"):
        schedules.unschedule_campaign(campaign=fresh(campaign))
    actions = AuditEntry.objects.filter(user=owner, action__startswith="campaign.").order_by("id")
    assert [entry.action for entry in actions] == ["campaign.scheduled", "campaign.unscheduled"]


def test_starting_by_hand_before_the_time(campaign, owner) -> None:
    schedule(campaign, stop_action="pause", stop_at=now() + timedelta(days=2))
    services.start_campaign(campaign=fresh(campaign), by=owner)
    run()
    assert fresh(campaign).status == CampaignStatus.RUNNING
    occurrence = Occurrence.objects.get()
    assert (occurrence.outcome, fresh(campaign).schedule.next_at) == (Outcome.STARTED, None)
    assert occurrence.stop_at > now()


def test_a_repetition_that_never_ran_can_become_a_campaign_again(campaign) -> None:
    schedule(campaign, kind="daily", time=time(9))
    schedules.unschedule_campaign(campaign=fresh(campaign))
    services.prepare_campaign(campaign_id=campaign.pk)
    assert fresh(campaign).status == CampaignStatus.READY
    assert Message.objects.filter(batch=campaign.batch).count() == 3
    assert_counters_true(campaign.batch)


def test_what_runs_cannot_be_scheduled(campaign) -> None:
    services.start_campaign(campaign=campaign)
    with pytest.raises(NotAllowed, match="the campaign is running"):
        schedule(campaign)


# -- The end --


@pytest.mark.parametrize(("action", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_scheduled_end(campaign, action, status) -> None:
    schedule(campaign, stop_action=action, stop_at=now() + timedelta(days=2))
    make_due(campaign, minutes=1)
    run()
    assert fresh(campaign).status == CampaignStatus.RUNNING
    Occurrence.objects.update(stop_at=now() - timedelta(seconds=1))
    run()
    assert fresh(campaign).status == status
    assert Occurrence.objects.get().stopped_at is not None
    assert_counters_true(campaign.batch)
    if action == "pause":
        services.resume_campaign(campaign=fresh(campaign))
        run()
        assert fresh(campaign).status == CampaignStatus.RUNNING  # the end has come once


def test_the_end_of_what_repeats_counts_from_each_start(campaign) -> None:
    schedule(campaign, kind="daily", time=time(9), stop_action="cancel", stop_after_minutes=90)
    planned = make_due(campaign, minutes=1)
    run()
    assert Occurrence.objects.get().stop_at == planned.next_at + timedelta(minutes=90)


def test_the_end_of_what_has_ended_changes_nothing(campaign) -> None:
    schedule(campaign, stop_action="cancel", stop_at=now() + timedelta(days=2))
    make_due(campaign, minutes=1)
    run()
    services.cancel_campaign(campaign=fresh(campaign))
    Occurrence.objects.update(stop_at=now() - timedelta(seconds=1))
    run()
    assert not AuditEntry.objects.filter(action="campaign.cancelled_by_schedule").exists()


# -- What is refused --


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "once"}, "at"),
        ({"kind": "once", "at": datetime(2020, 1, 1, 9)}, "at"),
        ({"kind": "once", "at": datetime(2030, 1, 1, 9), "timezone": "Mars/Base"}, "timezone"),
        ({"kind": "once", "at": datetime(2030, 1, 1, 9), "stop_action": "pause"}, "stop_at"),
        (
            {"kind": "once", "at": datetime(2030, 1, 2), "stop_action": "pause", "stop_at": datetime(2030, 1, 1)},
            "stop_at",
        ),
        ({"kind": "once", "at": datetime(2030, 1, 1, 9), "stop_action": "explode"}, "stop_action"),
        ({"kind": "once", "at": datetime(2030, 1, 1, 9), "late_hours": 1000}, "late_hours"),
        ({"kind": "hourly"}, "repeat"),
        ({"kind": "daily"}, "time"),
        ({"kind": "weekly", "time": time(9)}, "weekdays"),
        ({"kind": "weekly", "time": time(9), "weekdays": [8]}, "weekdays"),
        ({"kind": "monthly", "time": time(9), "day_of_month": 32}, "day_of_month"),
        ({"kind": "cron", "cron": "whenever"}, "cron"),
        ({"kind": "cron", "cron": "0 9 * * 9"}, "cron"),
        ({"kind": "cron", "cron": "0 0 9 * * 1"}, "cron"),
        ({"kind": "cron", "cron": "* * * * *"}, "cron"),
        ({"kind": "daily", "time": time(9), "ends_on": date(2020, 1, 1)}, "ends_on"),
        ({"kind": "daily", "time": time(9), "max_runs": 0}, "max_runs"),
        ({"kind": "daily", "time": time(9), "stop_action": "pause"}, "stop_after_minutes"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(campaign, asked, field) -> None:
    with pytest.raises(ValidationError) as refused:
        schedule(campaign, **asked)
    assert set(refused.value.message_dict) == {field}
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Europe/Berlin", datetime(2030, 3, 31, 2, 30), datetime(2030, 3, 31, 1, tzinfo=UTC)),  # skipped
        ("America/New_York", datetime(2030, 3, 10, 2, 30), datetime(2030, 3, 10, 7, tzinfo=UTC)),  # skipped
        ("America/New_York", datetime(2030, 11, 3, 1, 30), datetime(2030, 11, 3, 5, 30, tzinfo=UTC)),  # twice
        ("Asia/Jakarta", datetime(2030, 3, 31, 2), datetime(2030, 3, 30, 19, tzinfo=UTC)),
    ],
)
def test_once_on_the_clock_of_a_zone(campaign, zone, wall, utc) -> None:
    assert schedule(campaign, at=wall, timezone=zone).next_at == utc


def test_sending_hours_hold_what_starts_outside_them(organization) -> None:
    windows = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:00"}]
    campaign = make_campaign(organization, windows=windows)
    saturday = datetime(2030, 1, 5, 5, tzinfo=UTC)
    assert schedules.held_until(campaign, saturday) == datetime(2030, 1, 7, 2, tzinfo=UTC)
    assert schedules.held_until(campaign, datetime(2030, 1, 7, 3, tzinfo=UTC)) is None


def test_the_task_of_beat(campaign, redis_client) -> None:
    schedule(campaign)
    make_due(campaign, seconds=1)
    tasks.run_schedules()
    assert redis_client.llen("imports") == 1  # the campaign to prepare
    assert Occurrence.objects.get().outcome == Outcome.STARTING
