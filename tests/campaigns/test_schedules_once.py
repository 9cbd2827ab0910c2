"""A due time is taken once: whoever is killed at whichever statement, however many ask at once."""

import contextlib
import threading
from datetime import time, timedelta
from itertools import count

import pytest
from django.db import connections

from campaigns import due, schedules, services
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule
from messaging.models import Batch, Message, MessageStatus
from messaging.services import NotAllowed
from tests.campaigns.planned import add_people, make_campaign, make_due, make_list, schedule
from tests.contacts.workbooks import people, upload
from tests.factories import assert_counters_true, make_sender
from tests.killing import killed_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def sender(organization):
    return make_sender(organization)


@pytest.fixture(params=["once, to a list", "once, to a sheet", "every day"])
def campaign(request, organization) -> Campaign:
    if request.param == "once, to a sheet":
        campaign = make_campaign(organization, file=upload(people(5)), file_name="people.xlsx")
        schedule(campaign)
        return campaign
    regulars = make_list(organization, 3)
    campaign = make_campaign(organization, regulars)
    if request.param == "every day":
        schedule(campaign, kind="daily", time=time(9))
    else:
        schedule(campaign)
    add_people(regulars, range(3, 5))
    return campaign


def everything() -> None:
    """What beat's task and the tasks after it do."""
    for campaign_id in due.run_due():
        services.prepare_campaign(campaign_id=campaign_id)
    for campaign_id in services.unprepared():
        services.prepare_campaign(campaign_id=campaign_id)
    due.stop_due()
    due.settle()


def assert_started_once(campaign: Campaign) -> None:
    occurrence = Occurrence.objects.get()
    assert occurrence.outcome == Occurrence.Outcome.STARTED
    started = Campaign.objects.get(occurrences=occurrence)
    assert started.status == CampaignStatus.RUNNING
    repeats = Schedule.objects.get().repeats
    assert Campaign.objects.count() == (2 if repeats else 1)
    assert Message.objects.filter(status=MessageStatus.PENDING).count() == Message.objects.count() == 5
    assert_counters_true(started.batch)
    after = Campaign.objects.get(pk=campaign.pk)
    assert after.status == (CampaignStatus.SCHEDULED if repeats else CampaignStatus.RUNNING)
    assert (after.schedule.next_at is not None) == repeats


def test_killed_at_every_statement(campaign) -> None:
    """Each round the worker dies one statement later than in the round before, and another one goes on."""
    services.TAKEN_UP_AFTER, usual = timedelta(0), services.TAKEN_UP_AFTER
    try:
        for statement in count():
            make_due(campaign, seconds=5)
            was_killed = killed_at(statement, everything)
            everything()
            everything()
            assert_started_once(campaign)
            if not was_killed:
                assert statement > 10
                return
            _forget(campaign)
    finally:
        services.TAKEN_UP_AFTER = usual


def _forget(campaign: Campaign) -> None:
    """Back to the moment before it was due."""
    started = Occurrence.objects.get().campaign
    Occurrence.objects.all().delete()
    if started != campaign:
        batch = started.batch
        started.delete()
        batch.delete()
    Batch.objects.filter(pk=campaign.batch_id).update(status="ready", started_at=None)
    Campaign.objects.filter(pk=campaign.pk).update(start_when_ready=False)
    Schedule.objects.update(state="active", runs=0)


def test_eight_that_ask_at_once(campaign) -> None:
    make_due(campaign, seconds=5)
    together = threading.Barrier(8)
    broken: list[BaseException] = []

    def work() -> None:
        try:
            together.wait()
            everything()
        except BaseException as error:  # noqa: BLE001  told below
            broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not broken
    everything()
    assert_started_once(campaign)


def test_a_change_of_mind_at_the_due_moment_comes_before_or_after(campaign) -> None:
    """Either it was started, or it is not scheduled any more; never neither."""
    for _round in range(5):
        make_due(campaign, seconds=5)
        thread = threading.Thread(target=_take_back, args=[campaign])
        thread.start()
        everything()
        thread.join(60)
        everything()
        if Occurrence.objects.exists():
            started = Campaign.objects.get(occurrences__isnull=False)
            assert started.status == CampaignStatus.RUNNING
            return
        assert not Schedule.objects.exists()
        services.prepare_campaign(campaign_id=campaign.pk)
        assert Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.READY
        schedule(Campaign.objects.get(pk=campaign.pk))


def _take_back(campaign: Campaign) -> None:
    with contextlib.suppress(NotAllowed):
        schedules.unschedule_campaign(campaign=Campaign.objects.get(pk=campaign.pk))
    connections.close_all()
