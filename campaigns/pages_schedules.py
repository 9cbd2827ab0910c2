"""Pages of schedules: giving a campaign a time, taking it back, and the calendar."""

from datetime import date, timedelta
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import calendar as campaign_calendar
from campaigns import queries, schedules, services, tasks
from campaigns.models import Campaign, Occurrence, Schedule
from campaigns.schedule_form import ScheduleForm, initial_of
from messaging.services import NotAllowed

COMING_SHOWN = 5
PAST_SHOWN = 20
FIRST_YEAR, LAST_YEAR = 2000, 2100
WEEK = timedelta(days=7)


def _find(request: OrganizationRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)


@never_cache
@requires("campaigns.manage")
@require_http_methods(["GET", "POST"])
def schedule(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """When a campaign starts by itself."""
    campaign = _find(request, campaign_id)
    present: Schedule | None = getattr(campaign, "schedule", None)
    initial = initial_of(present) if present and present.state != Schedule.State.ENDED else {}
    data = request.POST if request.method == "POST" else None
    form = ScheduleForm(data, organization=request.organization, initial=initial)
    if form.is_valid():
        try:
            made = schedules.schedule_campaign(campaign=campaign, by=request.user, **form.asked())
        except ValidationError as error:
            form.add_service_errors(error)
        except NotAllowed as error:
            messages.error(request, str(error))
            return redirect("campaigns:detail", organization, campaign_id)
        else:
            tasks.prepare.delay_on_commit(campaign.pk)
            messages.success(request, _("Scheduled: %(when)s.") % {"when": schedules.sentence(made)})
            return redirect("campaigns:detail", organization, campaign_id)
    context = {"campaign": campaign, "schedule_form": form, "is_scheduled": bool(initial)}
    return render(request, "campaigns/schedule.html", context, status=422 if form.is_bound else 200)


@requires("campaigns.manage")
@require_POST
def unschedule(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    try:
        schedules.unschedule_campaign(campaign=campaign, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        tasks.prepare.delay_on_commit(campaign.pk)
        messages.success(request, _("It no longer starts by itself."))
    return redirect("campaigns:detail", organization, campaign_id)


def shown(campaign: Campaign) -> dict[str, Any]:
    """What a campaign's page shows of its schedule and of how it was started."""
    own: Schedule | None = getattr(campaign, "schedule", None)
    latest = campaign.occurrences.select_related("schedule__campaign").order_by("-at").first()
    missed = _latest_not_started(own) if own is not None else None
    context: dict[str, Any] = {"schedule": own, "occurrence": latest, "missed": missed}
    if own is None:
        return context
    context |= {
        "sentence": schedules.sentence(own),
        "end_sentence": schedules.end_sentence(own),
        "held_until": schedules.held_until(campaign, own.next_at) if own.next_at else None,
        "reads_people_at_start": services.reads_people_at_start(campaign),
    }
    if own.repeats:
        context |= {
            "coming": list(islice(schedules.coming(own), COMING_SHOWN)),
            "past": schedules.past(own, PAST_SHOWN),
            "people_now": campaign.contact_list.contacts.count() if campaign.contact_list else None,
        }
    return context


def _latest_not_started(schedule: Schedule) -> Occurrence | None:
    """The newest due time, if nothing was started at it."""
    latest = schedule.occurrences.order_by("-id").first()
    outcomes = (Occurrence.Outcome.MISSED, Occurrence.Outcome.FAILED)
    return latest if latest is not None and latest.outcome in outcomes else None


# -- The calendar --


@never_cache
@requires("campaigns.view")
@require_GET
def calendar(request: OrganizationRequest, organization: str) -> HttpResponse:
    """A month or a week of campaigns; on a phone, the days that have any, one below the other."""
    is_week = request.GET.get("view") == "week"
    day = _day(request.GET.get("day", ""))
    monday = day - timedelta(days=day.weekday())
    if is_week:
        first, last = monday, monday + timedelta(days=6)
        before, after = monday - WEEK, monday + WEEK
    else:
        month = day.replace(day=1)
        after = (month + timedelta(days=31)).replace(day=1)
        before = (month - timedelta(days=1)).replace(day=1)
        first = month - timedelta(days=month.weekday())
        last_of_month = after - timedelta(days=1)
        last = last_of_month + timedelta(days=6 - last_of_month.weekday())
    by_day = campaign_calendar.entries(request.organization, first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    cells = [
        {"day": each, "entries": by_day.get(each, []), "is_outside": not is_week and each.month != day.month}
        for each in days
    ]
    context = {
        "is_week": is_week,
        "day": day,
        "first": first,
        "last": last,
        "weeks": [cells[start : start + 7] for start in range(0, len(cells), 7)],
        "agenda": [cell for cell in cells if cell["entries"] and not cell["is_outside"]],
        "today": localdate(),
        "before": before,
        "after": after,
    }
    return render(request, "campaigns/calendar.html", context)


def _day(written: str) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return localdate()
    return day if FIRST_YEAR < day.year < LAST_YEAR else localdate()
