"""Giving a campaign a time to start by itself, once or again and again; taking it back; saying it in words."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.fields import validate_time_zone
from accounts.models import Organization, User
from accounts.services import Actor
from campaigns import lint, services
from campaigns.history import note
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule, StopAction
from campaigns.occurrences import end_schedule, forget_audience
from messaging.models import BatchStatus
from messaging.recurrence import instant, rule_errors, written
from messaging.services import NotAllowed
from messaging.windows import Windows
from messaging.windows import parse as parse_windows

Kind = Schedule.Kind
LONGEST_LATE_HOURS = 7 * 24
MOST_RUNS = 1000


# -- What is asked for --


def checked(
    *,
    organization: Organization,
    kind: str,
    timezone: str = "",
    at: datetime | None = None,
    time: time | None = None,
    weekdays: list[int] | None = None,
    day_of_month: int | None = None,
    cron: str = "",
    starts_on: date | None = None,
    ends_on: date | None = None,
    max_runs: int | None = None,
    late_hours: int = 6,
    stop_action: str = "",
    stop_at: datetime | None = None,
    stop_after_minutes: int | None = None,
) -> Schedule:
    """A schedule as asked for, not saved, with its next time. `at` and `stop_at` without an offset are meant on the
    clock of `timezone`, which is the organization's where it is empty. Raises `ValidationError` with the fields' names.
    """
    timezone = timezone or organization.timezone
    try:
        validate_time_zone(timezone)
    except ValidationError as error:
        raise ValidationError({"timezone": error.messages}) from error
    zone = ZoneInfo(timezone)
    schedule = Schedule(
        organization=organization,
        kind=kind,
        timezone=timezone,
        time=time if kind in (Kind.DAILY, Kind.WEEKLY, Kind.MONTHLY) else None,
        weekdays=sorted(set(weekdays or [])) if kind == Kind.WEEKLY else [],
        day_of_month=day_of_month if kind == Kind.MONTHLY else None,
        cron=" ".join(cron.split()) if kind == Kind.CRON else "",
        starts_on=starts_on if kind != Kind.ONCE else None,
        ends_on=ends_on if kind != Kind.ONCE else None,
        max_runs=max_runs if kind != Kind.ONCE else None,
        late_hours=late_hours,
        stop_action=stop_action,
        stop_at=_moment(stop_at, zone) if stop_action and kind == Kind.ONCE else None,
        stop_after_minutes=stop_after_minutes if stop_action and kind != Kind.ONCE else None,
    )
    errors = _rule_errors(schedule) or _end_errors(schedule)
    if errors:
        raise ValidationError(errors)
    schedule.next_at = _moment(at, zone) if kind == Kind.ONCE else schedule.after(now())
    errors = _next_errors(schedule)
    if errors:
        raise ValidationError(errors)
    return schedule


def _moment(given: datetime | None, zone: ZoneInfo) -> datetime | None:
    if given is None:
        return None
    return instant(given.replace(fold=0), zone) if given.tzinfo is None else given.astimezone(UTC)


def _rule_errors(schedule: Schedule) -> dict[str, Any]:
    if schedule.kind not in Kind.values:
        known = ", ".join(Kind.values)
        return {
            "repeat": _("There is no repetition “%(kind)s”. Use %(known)s.") % {"kind": schedule.kind, "known": known}
        }
    if schedule.kind == Kind.ONCE:
        return {}
    return rule_errors(
        schedule.kind,
        schedule.zone,
        time=schedule.time,
        weekdays=schedule.weekdays,
        day_of_month=schedule.day_of_month,
        cron=schedule.cron,
    )


def _end_errors(schedule: Schedule) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    if not 0 <= schedule.late_hours <= LONGEST_LATE_HOURS:
        errors["late_hours"] = _("Choose from 0 to 168 hours. With 0 it starts on time or not at all.")
    if schedule.max_runs is not None and not 1 <= schedule.max_runs <= MOST_RUNS:
        errors["max_runs"] = _("Choose from 1 to 1,000 runs, or leave it empty for no limit.")
    if schedule.stop_action not in StopAction.values:
        errors["stop_action"] = _("Choose pause or cancel, or leave it empty.")
    elif schedule.stop_action and not schedule.repeats and schedule.stop_at is None:
        errors["stop_at"] = _("Say when it has to end.")
    elif schedule.stop_action and schedule.repeats and not schedule.stop_after_minutes:
        errors["stop_after_minutes"] = _("Say how long after its start each one has to end.")
    return errors


def _next_errors(schedule: Schedule) -> dict[str, Any]:
    if schedule.next_at is None:
        if not schedule.repeats:
            return {"at": _("Say when it starts, such as 2026-12-01T09:00.")}
        return {"ends_on": _("It would never run: no time fits before the last day.")}
    if schedule.next_at <= now():
        passed = written(schedule.next_at, schedule.zone)
        return {"at": _("%(moment)s has passed. Choose a time to come.") % {"moment": passed}}
    if schedule.stop_at is not None and schedule.stop_at <= schedule.next_at:
        return {"stop_at": _("The end must come after the start.")}
    return {}


# -- What people do with it --


def schedule_campaign(*, campaign: Campaign, accept_lint: bool = False, by: Actor = None, **asked: Any) -> Schedule:
    """Gives a campaign that has not begun a time to start, in place of an earlier one. `asked` is what `checked`
    takes. Raises `ValidationError` with the fields' names, or `NotAllowed`, also for texts that would embarrass unless
    they are accepted. Prepare the campaign afterwards."""
    schedule = checked(organization=campaign.organization, **asked)
    with transaction.atomic():
        present = services.locked(campaign.pk)
        if present.error:
            raise NotAllowed(present.error)
        if present.batch.status != BatchStatus.READY or present.is_draft:
            raise NotAllowed(_not_now(present))
        services.require_approval(present)
        if accept_lint:
            lint.accept(present)
        lint.require_fine(present)
        if schedule.repeats and present.list_import_id is not None:
            raise ValidationError(
                {"repeat": _("An uploaded sheet is sent once. Import it into a list, and choose that list.")}
            )
        earlier = Schedule.objects.filter(campaign=present).first()
        if earlier is not None:
            schedule.pk, schedule.created_at = earlier.pk, earlier.created_at
        schedule.campaign = present
        schedule.created_by = by if isinstance(by, User) else None
        schedule.save()
        if schedule.repeats and present.frozen_at is not None:
            forget_audience(present)
            Campaign.objects.filter(pk=present.pk).update(frozen_at=None, merged=0, invalid_rows=0)
        Campaign.objects.filter(pk=present.pk).update(start_when_ready=False)
        note(present, by, "scheduled", when=sentence(schedule))
    campaign.refresh_from_db()
    return schedule


def unschedule_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """The campaign no longer starts by itself; a repetition ends. Prepare the campaign afterwards: one that repeated
    and never ran is an ordinary one again. Raises `NotAllowed`."""
    with transaction.atomic():
        present = services.locked(campaign.pk)
        schedule = Schedule.objects.filter(campaign=present).exclude(state=Schedule.State.ENDED).first()
        if schedule is None:
            raise NotAllowed(_("This campaign has no time to start by itself."))
        if schedule.occurrences.exists():
            end_schedule(present)
        else:
            schedule.delete()
        note(present, by, "unscheduled")
    campaign.refresh_from_db()


def pause_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Pauses sending, or a repetition: no further one starts then. Raises `NotAllowed`."""
    if not campaign.repeats:
        services.pause_campaign(campaign=campaign, by=by)
        return
    with transaction.atomic():
        present = services.locked(campaign.pk)
        changed = Schedule.objects.filter(campaign=present, state=Schedule.State.ACTIVE).update(
            state=Schedule.State.PAUSED, next_at=None
        )
        if not changed:
            raise NotAllowed(_not_now(present))
        note(present, by, "paused")
    campaign.refresh_from_db()


def resume_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Resumes sending, or a repetition, from its next time on: what fell into the pause is left out."""
    if not campaign.repeats:
        services.resume_campaign(campaign=campaign, by=by)
        return
    with transaction.atomic():
        present = services.locked(campaign.pk)
        schedule = Schedule.objects.filter(campaign=present, state=Schedule.State.PAUSED).first()
        if schedule is None or present.batch.status != BatchStatus.READY:
            raise NotAllowed(_not_now(present))
        schedule.next_at = schedule.after(now())
        if schedule.next_at is None:
            raise NotAllowed(_("Its last day has passed. Give it another one first."))
        schedule.state = Schedule.State.ACTIVE
        schedule.save(update_fields=["next_at", "state"])
        note(present, by, "resumed")
    campaign.refresh_from_db()


def _not_now(campaign: Campaign) -> str:
    status = CampaignStatus(campaign.status).label.lower()
    return _("That is not possible now: the campaign is %(status)s.") % {"status": status}


# -- What is to come, and in words --


def coming(schedule: Schedule, *, until: datetime | None = None) -> Iterator[datetime]:
    """The times to come (UTC), in their order."""
    moment, left = schedule.next_at, None if schedule.max_runs is None else schedule.max_runs - schedule.runs
    while moment is not None and (until is None or moment < until) and (left is None or left > 0):
        yield moment
        moment = schedule.after(moment)
        left = None if left is None else left - 1


def past(schedule: Schedule, limit: int) -> list[Occurrence]:
    """What came of the times that have passed, newest first."""
    return list(schedule.occurrences.select_related("campaign__batch", "campaign__schedule")[:limit])


def sentence(schedule: Schedule) -> str:
    """`Every Monday at 09:00 Asia/Jakarta, next on Mon 23 Nov 2026, 09:00; until 31 Dec 2026`."""
    parts = [_when(schedule)]
    if schedule.ends_on is not None:
        parts.append(_("until %(day)s") % {"day": date_format(schedule.ends_on, "j M Y")})
    if schedule.max_runs is not None:
        runs = ngettext("%(runs)d of %(all)d run so far", "%(runs)d of %(all)d runs so far", schedule.max_runs)
        parts.append(runs % {"runs": schedule.runs, "all": schedule.max_runs})
    return "; ".join(parts)


def _when(schedule: Schedule) -> str:
    if not schedule.repeats:
        return written(schedule.next_at, schedule.zone) if schedule.next_at else _("No time to come")
    rule = str(schedule.recurrence)
    if schedule.next_at is None:
        state = schedule.get_state_display().lower()
        return _("%(rule)s, %(state)s") % {"rule": rule, "state": state}
    following = written(schedule.next_at, schedule.zone, names_zone=False)
    return _("%(rule)s, next on %(moment)s") % {"rule": rule, "moment": following}


def end_sentence(schedule: Schedule) -> str:
    """What happens at the scheduled end; empty where there is none."""
    if not schedule.stop_action:
        return ""
    what = {
        StopAction.PAUSE: _("What has not left by then is paused."),
        StopAction.CANCEL: _("What has not left by then is cancelled."),
    }[StopAction(schedule.stop_action)]
    if schedule.repeats:
        hours, minutes = divmod(schedule.stop_after_minutes or 0, 60)
        when = _("Ends %(hours)d h %(minutes)d min after each start.") % {"hours": hours, "minutes": minutes}
    else:
        end = schedule.stop_at
        when = _("Ends on %(moment)s.") % {"moment": written(end, schedule.zone) if end else ""}
    return f"{when} {what}"


def held_until(campaign: Campaign, moment: datetime) -> datetime | None:
    """When the sending hours open, if they are closed at the moment that the campaign starts.

    None too where they are meant in each recipient's own time."""
    batch = campaign.batch
    if not batch.windows or batch.recipient_time:
        return None
    zone = ZoneInfo(batch.timezone or campaign.organization.timezone)
    opens = Windows(parse_windows(batch.windows), zone).next_open(moment)
    return opens if opens > moment else None
