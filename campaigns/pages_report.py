"""The report on a campaign's page: the part that is fetched anew, with the figures that its charts draw."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import queries, report, report_details, report_shown
from campaigns.models import Campaign
from campaigns.report import Report
from messaging.replies import REPLY_DAYS

MINUTE, DAY_SECONDS = 60, 86_400
SENDERS_SHOWN = 10


class Label(NamedTuple):
    text: Any
    icon: str


LABELS = {
    "sent": Label(gettext_lazy("Sent"), icon="send"),
    "delivered": Label(gettext_lazy("Delivered"), icon="checks"),
    "read": Label(gettext_lazy("Read"), icon="eye-check"),
    "replied": Label(gettext_lazy("Replied"), icon="message-reply"),
    "clicked": Label(gettext_lazy("Clicked"), icon="pointer"),
    "opted_out": Label(gettext_lazy("Opted out"), icon="user-off"),
    "failed": Label(gettext_lazy("Failed"), icon="alert-circle"),
}


def find(request: OrganizationRequest, campaign_id: int) -> Campaign:
    found = queries.campaigns_of(request.organization).select_related("batch__organization")
    return get_object_or_404(found, pk=campaign_id)


@never_cache
@requires("campaigns.view")
@require_GET
def figures(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = find(request, campaign_id)
    if (found := shown(campaign)) is None:
        return HttpResponse()  # there is nothing to report yet
    context = {"campaign": campaign, "report": found, "status": str(campaign.status)}
    return render(request, "campaigns/report_figures.html", context)


def shown(campaign: Campaign) -> dict[str, Any] | None:
    """What the report's template shows; None where nothing was sent yet."""
    if campaign.batch.started_at is None:
        return None
    found = report.report_of(campaign)
    reached = {step.code: step.people for step in found.funnel}
    again = {
        "not_read": reached["sent"] - reached["read"],
        "not_replied": reached["sent"] - reached["replied"],
        "failed": reached["failed"],
    }
    return {**in_words(campaign, found), "again": again}


def in_words(campaign: Campaign, found: Report) -> dict[str, Any]:
    """A report, also that of a rehearsal, as the template shows it."""
    details = report_shown.details(campaign, found)
    context: dict[str, Any] = {
        "as_of": found.as_of,
        "people": found.people,
        "reply_days": REPLY_DAYS,
        "funnel": [(step, LABELS[step.code]) for step in found.funnel],
        "details": details,
    }
    if found.details is not None and details is not None:
        points = _points(found.details["step"], found.details["timeline"])
        context |= {
            "can_be_retried": sum(problem["can_be_retried"] for problem in details["problems"]),
            "timeline": points,
            "hours": [row for row in details["by_hour"] if row["sent"]],
            "senders": details["by_sender"][:SENDERS_SHOWN],
            "more_senders": details["by_sender"][SENDERS_SHOWN:],
            "charts": json.dumps(_charts(points, details["by_hour"])),
        }
    return context


def _points(step: int, timeline: list[list[int]]) -> list[tuple[str, list[int]]]:
    """How many people had reached each step by the end of each point, also of those in which nothing happened, with the
    point's begin in words."""
    totals = {int(moment.timestamp()): reached for moment, reached in report_details.cumulated(timeline)}
    if not totals:
        return []
    points, reached = [], [0, 0, 0, 0]
    for moment in range(min(totals), max(totals) + 1, step):
        reached = totals.get(moment, reached)
        points.append((_moment(moment, step), reached))
    return points


def _moment(moment: int, step: int) -> str:
    local = localtime(datetime.fromtimestamp(moment, UTC))
    if step >= DAY_SECONDS:
        return date_format(local, "j M")
    return date_format(local, "H:i:s" if step < MINUTE else "j M, H:i")


def _charts(points: list[tuple[str, list[int]]], hours: list[dict[str, int]]) -> dict[str, Any]:
    """What static/src/report_charts.js draws: labels, and a row of figures for each line or set of bars."""
    names = [str(LABELS[code].text) for code in report_shown.REACHED]
    return {
        "timeline": {
            "labels": [label for label, _reached in points],
            "series": [
                {"code": code, "label": name, "values": [reached[place] for _label, reached in points]}
                for place, (code, name) in enumerate(zip(report_shown.REACHED, names, strict=True))
            ],
        },
        "hours": {
            "labels": [f"{row['hour']:02}" for row in hours],
            "series": [
                {"code": code, "label": str(LABELS[code].text), "values": [row[code] for row in hours]}
                for code in ("sent", "read", "replied")
            ],
        },
    }
