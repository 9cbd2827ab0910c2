"""What has come due: starts, scheduled ends, and mails about what could not start.

Beat asks every few seconds, in any number of workers at once. A due time is taken in one transaction that holds the
campaign's row, writes the occurrence (unique a schedule and time), starts or makes the campaign, and moves `next_at`
on. A process that dies anywhere has either done all of that or nothing; what it did not do is still due.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.services import record
from campaigns import services
from campaigns.models import Campaign, Occurrence, Schedule, StopAction
from campaigns.occurrences import copy_campaign, take
from messaging import services as messaging_services
from messaging.models import BatchStatus
from messaging.recurrence import written
from messaging.services import NotAllowed

logger = logging.getLogger(__name__)

MOST_A_PASS = 500
PUNCTUAL = timedelta(minutes=2)  # beat and queue may take as long without anything being late
Outcome = Occurrence.Outcome


def run_due() -> list[int]:
    """Takes what is due. Returns the ids of the campaigns that have to be prepared."""
    campaign_ids = (
        Schedule.objects.filter(next_at__lte=now()).order_by("next_at").values_list("campaign_id", flat=True)
    )
    to_prepare = []
    for campaign_id in campaign_ids[:MOST_A_PASS]:
        try:
            started = _take_one(campaign_id)
        except Exception:  # one that breaks must not keep the others from starting; it is tried again
            logger.exception("the schedule of campaign %s could not be taken up", campaign_id)
        else:
            to_prepare += [started] if started is not None else []
    return to_prepare


def _take_one(campaign_id: int) -> int | None:
    """Takes the due time of one schedule. Gives the campaign to prepare, if one has to be."""
    with transaction.atomic():
        campaign = services.locked_unless_held(campaign_id)
        schedule = Schedule.objects.filter(campaign=campaign).first() if campaign else None
        at = schedule.next_at if schedule else None
        if campaign is None or schedule is None or at is None or at > now():
            return None  # another process has it, or somebody changed it meanwhile
        following = schedule.after(at)
        late = now() - at
        started = None
        if schedule.occurrences.filter(at=at).exists():
            pass  # somebody set the clock back, or `next_at` by hand: what was taken is not taken again
        elif following is not None and following <= now():
            take(
                schedule,
                at,
                Outcome.OVERTAKEN,
                reason=_("Nothing ran at that time, and the next one was due as well."),
            )
        elif late > max(timedelta(hours=schedule.late_hours), PUNCTUAL):
            take(schedule, at, Outcome.MISSED, reason=_missed(schedule))
        else:
            schedule.runs += 1
            started = _run(schedule, campaign)
        is_over = following is None or (schedule.max_runs is not None and schedule.runs >= schedule.max_runs)
        schedule.next_at = None if is_over else following
        schedule.state = Schedule.State.ENDED if is_over else Schedule.State.ACTIVE
        schedule.save(update_fields=["next_at", "state", "runs"])
    return started


def _missed(schedule: Schedule) -> str:
    return _("Nothing ran from then until %(moment)s, more than %(hours)d hours later.") % {
        "moment": written(now(), schedule.zone),
        "hours": schedule.late_hours,
    }


def _run(schedule: Schedule, campaign: Campaign) -> int | None:
    at = schedule.next_at
    assert at is not None  # noqa: S101  asked before
    record(organization=campaign.organization, by=None, action="campaign.started_by_schedule", target=campaign.name)
    if campaign.lacks_approval:
        take(schedule, at, Outcome.FAILED, campaign, services.needs_approval())
        return None
    if schedule.repeats:
        name = f"{campaign.name[:100]} · {at.astimezone(schedule.zone):%Y-%m-%d %H:%M}"
        made = copy_campaign(campaign=campaign, name=name, by=schedule.created_by, start=True)
        take(schedule, at, Outcome.STARTING, made)
        return made.pk
    if campaign.frozen_at is None or services.reads_people_at_start(campaign):
        Campaign.objects.filter(pk=campaign.pk).update(frozen_at=None, start_when_ready=True)
        take(schedule, at, Outcome.STARTING, campaign)
        return campaign.pk
    try:
        services.begin(campaign)
    except NotAllowed as error:
        services.not_started(campaign, error)
        take(schedule, at, Outcome.FAILED, campaign, str(error))
    else:
        take(schedule, at, Outcome.STARTED, campaign)
    return None


def settle() -> None:
    """Writes down what became of campaigns whose audience was still to be fixed when they came due."""
    starting = Occurrence.objects.filter(outcome=Outcome.STARTING).select_related("campaign__batch")
    for occurrence in starting.order_by("id")[:MOST_A_PASS]:
        outcome, reason = _became(occurrence.campaign)
        if outcome != Outcome.STARTING:
            starting.filter(pk=occurrence.pk).update(
                outcome=outcome, reason=reason[:300], notice_due=outcome == Outcome.FAILED
            )


def _became(campaign: Campaign | None) -> tuple[str, str]:
    if campaign is None:
        return Outcome.FAILED, _("The campaign was deleted before it began.")
    if campaign.error:
        return Outcome.FAILED, campaign.error
    if campaign.batch.status == BatchStatus.CANCELLED and campaign.batch.started_at is None:
        return Outcome.FAILED, _("The campaign was cancelled before it began.")
    if campaign.batch.status != BatchStatus.READY:
        return Outcome.STARTED, ""
    if not campaign.start_when_ready:
        return Outcome.FAILED, _("The campaign was given another time before it began.")
    if campaign.frozen_at is not None:
        return Outcome.FAILED, campaign.batch.status_reason
    return Outcome.STARTING, ""


def stop_due() -> None:
    """Pauses or cancels what a scheduled end stops."""
    due = Occurrence.objects.filter(stop_at__lte=now(), stopped_at=None).order_by("stop_at")
    for occurrence_id, campaign_id in due.values_list("pk", "campaign_id")[:MOST_A_PASS]:
        try:
            _stop_one(occurrence_id, campaign_id)
        except Exception:  # as above
            logger.exception("occurrence %s could not be ended", occurrence_id)


def _stop_one(occurrence_id: int, campaign_id: int | None) -> None:
    with transaction.atomic():
        campaign = services.locked_unless_held(campaign_id) if campaign_id else None
        if campaign is None and campaign_id:
            return
        occurrence = Occurrence.objects.filter(pk=occurrence_id, stopped_at=None).first()
        if occurrence is None:
            return
        Occurrence.objects.filter(pk=occurrence_id).update(stopped_at=now())
        if campaign is not None:
            _stop(campaign, occurrence)


def _stop(campaign: Campaign, occurrence: Occurrence) -> None:
    status = campaign.batch.status
    if occurrence.stop_action == StopAction.CANCEL and status in (
        BatchStatus.READY,
        BatchStatus.RUNNING,
        BatchStatus.PAUSED,
    ):
        messaging_services.cancel_batch(batch=campaign.batch)
        what = "cancelled_by_schedule"
    elif occurrence.stop_action == StopAction.PAUSE and status == BatchStatus.RUNNING:
        messaging_services.pause_batch(batch=campaign.batch, reason=_("Its scheduled end has come."))
        what = "paused_by_schedule"
    elif occurrence.stop_action == StopAction.PAUSE and status == BatchStatus.READY:
        Campaign.objects.filter(pk=campaign.pk).update(start_when_ready=False)  # its list is still being read
        what = "paused_by_schedule"
    else:
        return
    record(organization=campaign.organization, by=None, action=f"campaign.{what}", target=campaign.name)
