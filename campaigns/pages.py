"""Pages of campaigns: the list, a new one, and one campaign from the reading of its list to its last receipt."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.forms.utils import ErrorDict
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from campaigns import (
    edits,
    history,
    pages_report,
    pages_schedules,
    queries,
    removal,
    schedules,
    services,
    variant_report,
)
from campaigns import forecast as forecasts
from campaigns.forecast import CampaignForecast
from campaigns.forms import WhatIfForm
from campaigns.models import Approval, Campaign, CampaignStatus
from contacts import import_state
from contacts import queries as contact_queries
from messaging import progress
from messaging.models import MessageStatus
from messaging.queries import batch_stats
from messaging.replies import REPLY_DAYS
from messaging.services import NotAllowed
from messaging.tasks import plan

CAMPAIGNS_A_PAGE = 20
ARCHIVED = "archived"
RECIPIENTS_A_PAGE = 50
PREVIEWS_A_PAGE = 3
FURTHEST_PREVIEW = 9_999
TROUBLE_SHOWN = 8
FORESEEN = (CampaignStatus.READY, CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)
SHOWN_STATUSES = tuple(status for status in MessageStatus if status != MessageStatus.RECEIVED)


@never_cache
@requires("campaigns.view")
@require_GET
def campaigns(request: OrganizationRequest, organization: str) -> HttpResponse:
    shown = request.GET.get("show", "")
    every = queries.campaigns_of(request.organization)
    found = queries.in_list(every, archived=shown == ARCHIVED)
    if shown == CampaignStatus.DRAFT:
        found = queries.with_status(found, shown)
    page = Paginator(found, CAMPAIGNS_A_PAGE).get_page(request.GET.get("page"))
    figures = progress.snapshots(campaign.batch for campaign in page)
    rows = [(campaign, figures[campaign.batch_id]) for campaign in page]
    template = "campaigns/table.html" if request.htmx else "campaigns/list.html"
    context = {"page": page, "rows": rows, "show": shown, "filters": _filters(every), "has_any": every.exists()}
    if request.organization.campaigns_need_approval:
        context["to_approve"] = queries.in_list(every).filter(approval=Approval.SUBMITTED)[:CAMPAIGNS_A_PAGE]
    return render(request, template, context)


def _filters(every: QuerySet[Campaign]) -> list[tuple[str, str, int]]:
    """What the list can be narrowed to, with numbers; nothing where there is nothing to narrow."""
    drafts = queries.with_status(queries.in_list(every), CampaignStatus.DRAFT).count()
    archived = queries.in_list(every, archived=True).count()
    if not drafts and not archived:
        return []
    return [
        ("", _("All"), queries.in_list(every).count()),
        (str(CampaignStatus.DRAFT), _("Drafts"), drafts),
        (ARCHIVED, _("Archive"), archived),
    ]


# -- One campaign --


@never_cache
@requires("campaigns.view")
@require_GET
def detail(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    if campaign.is_draft and "campaigns.manage" in capabilities_of(request.membership):
        return redirect("campaigns:audience", organization, campaign_id)
    context = {**_live(request, campaign), "report": pages_report.shown(campaign)}
    if campaign.status in FORESEEN and not campaign.repeats:
        context["what_if"] = WhatIfForm(batch=campaign.batch)
    context["history"] = history.shown(campaign)
    return render(request, "campaigns/detail.html", context)


@never_cache
@requires("campaigns.view")
@require_GET
def live(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """The part of a campaign's page that changes, fetched whenever its state does and every few seconds."""
    return render(request, "campaigns/live.html", _live(request, _find(request, campaign_id)))


@requires("campaigns.view")
@require_GET
def preview(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """A few more of the texts that people will get."""
    campaign = _find(request, campaign_id)
    people = batch_stats(campaign.batch_id)["pending"]
    return render(request, "campaigns/previews.html", {"campaign": campaign, **_previews(request, campaign, people)})


@never_cache
@requires("campaigns.view")
@require_GET
def forecast(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """When the campaign would end if it were sent as the form says. Changes nothing."""
    campaign = _find(request, campaign_id)
    form = WhatIfForm(request.GET, batch=campaign.batch)
    if not form.is_valid():
        return render(request, "campaigns/what_if_answer.html", {"errors": _texts(form.errors)})
    try:
        terms = forecasts.check(form.what_if(), campaign)
    except ValidationError as error:
        return render(request, "campaigns/what_if_answer.html", {"errors": error.messages})
    return render(request, "campaigns/what_if_answer.html", _foreseen(campaign, forecasts.forecast(campaign, terms)))


def _texts(errors: ErrorDict) -> list[str]:
    return [str(text) for texts in errors.values() for text in texts]


def _foreseen(campaign: Campaign, found: CampaignForecast) -> dict[str, Any]:
    has_started = campaign.batch.started_at is not None
    return {"forecast": found, "forecast_sentence": forecasts.sentence(found, has_started=has_started)}


def _previews(request: OrganizationRequest, campaign: Campaign, people: int) -> dict[str, Any]:
    wanted = request.GET.get("offset", "0")
    offset = min(int(wanted), FURTHEST_PREVIEW) if wanted.isdecimal() and len(wanted) < 18 else 0
    found = queries.previews(campaign, limit=PREVIEWS_A_PAGE, offset=offset)
    after = offset + len(found)
    return {
        "previews": found,
        "preview_offset": offset,
        "preview_first": offset + 1,
        "preview_last": after,
        "preview_people": max(people, after),
        "preview_before": max(0, offset - PREVIEWS_A_PAGE) if offset else None,
        "preview_after": after if after < people else None,
    }


def _find(request: OrganizationRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)


def _live(request: OrganizationRequest, campaign: Campaign) -> dict[str, Any]:
    state = progress.snapshot(campaign.batch)
    context: dict[str, Any] = {"campaign": campaign, "status": str(campaign.status), "state": state}
    context |= pages_schedules.shown(campaign)
    context |= {
        "may_change": edits.may_change(campaign),
        "can_be_deleted": removal.can_be_deleted(campaign),
        "can_be_archived": campaign.status in removal.ENDED,
        "returned_remark": history.returned_remark(campaign),
    }
    context["senders"] = list(campaign.batch.senders.all())
    list_import = campaign.list_import
    if list_import is not None:
        context["reading"] = import_state.state_of(list_import)
        context["rejected"] = contact_queries.rejected_rows(list_import)[:TROUBLE_SHOWN]
    if campaign.status in (CampaignStatus.READY, CampaignStatus.SCHEDULED) and campaign.frozen_at is not None:
        people = state["counts"]["pending"]
        context |= _previews(request, campaign, people)
    if campaign.status in FORESEEN and not campaign.repeats:
        context |= _foreseen(campaign, forecasts.recent(campaign))
    context["variants"] = variant_report.report_of(campaign)
    context["reply_days"] = REPLY_DAYS
    if campaign.frozen_at is not None and campaign.batch.started_at is None:  # afterwards the report says it
        context["trouble"] = queries.in_trouble(campaign, TROUBLE_SHOWN)
        context["trouble_count"] = state["counts"]["failed"] + state["counts"]["unknown"] + state["skipped"]
    return context


@requires("campaigns.view")
@require_GET
def rejected(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """The rows of the sheet that hold no usable number."""
    campaign = _find(request, campaign_id)
    rows: Any = contact_queries.rejected_rows(campaign.list_import) if campaign.list_import else []
    page: Page[Any] = Paginator(rows, RECIPIENTS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "campaigns/rejected.html", {"campaign": campaign, "page": page})


# -- What people do with it --


def _change(request: OrganizationRequest, campaign_id: int, change: Callable[..., None], done: str) -> HttpResponse:
    campaign = _find(request, campaign_id)
    try:
        change(campaign=campaign, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        plan.delay_on_commit()
        messages.success(request, done)
    if request.htmx:
        return render(request, "campaigns/live.html", _live(request, _find(request, campaign_id)))
    return redirect("campaigns:detail", request.organization.slug, campaign_id)


@requires("campaigns.manage")
@require_POST
def start(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    change = partial(services.start_campaign, accept_lint=request.POST.get("accept_lint") == "true")
    return _change(request, campaign_id, change, _("Sending has started."))


@requires("campaigns.manage")
@require_POST
def pause(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    return _change(request, campaign_id, schedules.pause_campaign, _("Paused. Nothing more is sent."))


@requires("campaigns.manage")
@require_POST
def resume(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    return _change(request, campaign_id, schedules.resume_campaign, _("Sending goes on."))


@requires("campaigns.manage")
@require_POST
def cancel(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    return _change(request, campaign_id, services.cancel_campaign, _("Cancelled. Nobody else gets the message."))
