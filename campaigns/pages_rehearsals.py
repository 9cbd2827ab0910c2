"""Pages of rehearsals: asking for one, watching it, and its report."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import pages_report, rehearsals, tasks
from campaigns.models import Campaign, CampaignStatus, Rehearsal
from messaging.services import NotAllowed


@never_cache
@requires("campaigns.view")
@require_GET
def rehearsal(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """The latest rehearsal of a campaign, and the button for the next one."""
    return render(request, "campaigns/rehearsal.html", _shown(pages_report.find(request, campaign_id)))


@never_cache
@requires("campaigns.view")
@require_GET
def state(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """The part of the page that changes while a rehearsal is performed."""
    return render(request, "campaigns/rehearsal_state.html", _shown(pages_report.find(request, campaign_id)))


@requires("campaigns.manage")
@require_POST
def rehearse(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = pages_report.find(request, campaign_id)
    try:
        rehearsals.ask(campaign=campaign, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        tasks.perform_rehearsals_on_commit()
    return redirect("campaigns:rehearsal", organization, campaign_id)


@requires("campaigns.manage")
@require_POST
def cancel(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = pages_report.find(request, campaign_id)
    latest = campaign.rehearsals.first()
    if latest is None:
        raise Http404
    try:
        rehearsals.cancel(rehearsal=latest)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The rehearsal was cancelled."))
    return redirect("campaigns:rehearsal", organization, campaign_id)


def _shown(campaign: Campaign) -> dict[str, Any]:
    latest = campaign.rehearsals.first()
    status = str(campaign.status)
    context: dict[str, Any] = {
        "campaign": campaign,
        "rehearsal": latest,
        "can_rehearse": status in (CampaignStatus.READY, CampaignStatus.SCHEDULED) and campaign.frozen_at is not None,
    }
    if latest is not None and latest.status == Rehearsal.Status.DONE:
        moments = ("starts_at", "ends_at", "forecast_ends_at")
        context |= {
            "result": {**latest.result, **{key: _moment(latest.result[key]) for key in moments}},
            "report": pages_report.in_words(campaign, rehearsals.report_of(latest)),
        }
    return context


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
