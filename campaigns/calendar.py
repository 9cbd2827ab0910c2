"""Campaigns by day: what was sent and is being sent, what failed to start, and what is to come."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Organization
from campaigns import queries, schedules
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule
from messaging.models import BatchStatus
from messaging.recurrence import instant

MOST_SHOWN = 1000
MOST_A_DAY = 3  # times to come of one schedule; of more, the first


@dataclass(frozen=True)
class Entry:
    """One campaign on one day. `status` is a status of a campaign, or an outcome where nothing was started."""

    at: datetime
    campaign: Campaign
    status: str
    continues: bool = False  # it began on an earlier day
    is_first_of_many: bool = False  # on this day


def entries(organization: Organization, first: date, last: date) -> dict[date, list[Entry]]:
    """What lies on the days from `first` to `last` on the organization's clock, each day in the order of time."""
    zone = ZoneInfo(organization.timezone)
    begin, end = (instant(datetime.combine(day, time.min), zone) for day in (first, last + timedelta(days=1)))
    days: dict[date, list[Entry]] = defaultdict(list)
    for entry in (
        *_sent(organization, begin, end),
        *_not_started(organization, begin, end),
        *_coming(organization, begin, end),
    ):
        local = entry.at.astimezone(zone)
        days[local.date()].append(entry)
    for day in days.values():
        day.sort(key=lambda entry: (not entry.continues, entry.at, entry.campaign.pk))
    return days


def _sent(organization: Organization, begin: datetime, end: datetime) -> Iterator[Entry]:
    zone = ZoneInfo(organization.timezone)
    still_there = Q(batch__finished_at__gte=begin) | Q(batch__finished_at=None, batch__status=BatchStatus.RUNNING)
    found = queries.campaigns_of(organization).filter(
        still_there | Q(batch__started_at__gte=begin), batch__started_at__lt=end
    )
    for campaign in found.order_by("-batch__started_at")[:MOST_SHOWN]:
        batch = campaign.batch
        started = batch.started_at or end  # asked for above
        status = str(campaign.status)
        if started >= begin:
            yield Entry(started, campaign, status)
        until = batch.finished_at or (now() if batch.status == BatchStatus.RUNNING else started)
        day = max(started, begin - timedelta(days=1)).astimezone(zone).date() + timedelta(days=1)
        while (midnight := instant(datetime.combine(day, time.min), zone)) < min(until, end):
            yield Entry(midnight, campaign, status, continues=True)
            day += timedelta(days=1)


def _not_started(organization: Organization, begin: datetime, end: datetime) -> Iterator[Entry]:
    outcomes = (Occurrence.Outcome.MISSED, Occurrence.Outcome.OVERTAKEN, Occurrence.Outcome.FAILED)
    found = Occurrence.objects.for_organization(organization).filter(at__gte=begin, at__lt=end, outcome__in=outcomes)
    for occurrence in found.select_related("schedule__campaign")[:MOST_SHOWN]:
        yield Entry(occurrence.at, occurrence.schedule.campaign, occurrence.outcome)


def _coming(organization: Organization, begin: datetime, end: datetime) -> Iterator[Entry]:
    zone = ZoneInfo(organization.timezone)
    active = Schedule.objects.for_organization(organization).filter(next_at__lt=end).select_related("campaign")
    for schedule in active[:MOST_SHOWN]:
        by_day = groupby(_times(schedule, begin, end, zone), key=lambda moment: moment.astimezone(zone).date())
        for _day, moments in by_day:
            times = list(moments)
            shown = times if len(times) <= MOST_A_DAY else times[:1]
            for moment in shown:
                yield Entry(moment, schedule.campaign, CampaignStatus.SCHEDULED, is_first_of_many=shown is not times)


def _times(schedule: Schedule, begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The times to come between `begin` and `end`; of each day no more than it takes to see that they are many."""
    if schedule.max_runs is not None:
        yield from (moment for moment in schedules.coming(schedule, until=end) if moment >= begin)
        return
    moment = schedule.next_at
    if moment is not None and moment < begin:
        moment = schedule.after(begin - datetime.resolution)
    day, number = None, 0
    while moment is not None and moment < end:
        today = moment.astimezone(zone).date()
        day, number = today, number + 1 if today == day else 1
        yield moment
        if number > MOST_A_DAY:
            tomorrow = instant(datetime.combine(today + timedelta(days=1), time.min), zone)
            moment = schedule.after(tomorrow - datetime.resolution)
        else:
            moment = schedule.after(moment)
