"""Pages of campaigns: the list, a new one, and one campaign from the reading of its list to its last receipt."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.forms.utils import ErrorDict
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import copies, pages_report, pages_schedules, queries, schedules, services, tasks
from campaigns import forecast as forecasts
from campaigns.forecast import CampaignForecast
from campaigns.forms import NewCampaignForm, WhatIfForm
from campaigns.models import Campaign, CampaignStatus
from campaigns.schedule_form import ScheduleForm
from contacts import columns as column_rules
from contacts import import_state, opt_out_texts
from contacts import queries as contact_queries
from contacts.models import Contact, ContactList
from contacts.sheet_errors import SheetError
from contacts.sheets import Peek, peek
from messaging import progress, template_text
from messaging.models import MessageStatus
from messaging.queries import batch_stats
from messaging.services import NotAllowed
from messaging.tasks import plan

CAMPAIGNS_A_PAGE = 20
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
    page = Paginator(queries.campaigns_of(request.organization), CAMPAIGNS_A_PAGE).get_page(request.GET.get("page"))
    figures = progress.snapshots(campaign.batch for campaign in page)
    rows = [(campaign, figures[campaign.batch_id]) for campaign in page]
    template = "campaigns/table.html" if request.htmx else "campaigns/list.html"
    return render(request, template, {"page": page, "rows": rows})


# -- A new campaign --


@requires("campaigns.manage")
@require_http_methods(["GET", "POST"])
def new(request: OrganizationRequest, organization: str) -> HttpResponse:
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = NewCampaignForm(*sent, organization=request.organization, initial={"segment": request.GET.get("segment")})
    schedule_form = ScheduleForm(*sent[:1], organization=request.organization, with_later=True)
    if schedule_form.is_bound and schedule_form.is_valid() and schedule_form.repeats and "file" in request.FILES:
        schedule_form.add_error(
            "when", _("An uploaded sheet is sent once. Import it into a list, and choose that list.")
        )
    if form.is_valid() and schedule_form.is_valid():
        try:
            with transaction.atomic():
                campaign = services.create_campaign(
                    organization=request.organization, by=request.user, **form.values()
                )
                if schedule_form.is_set:
                    schedules.schedule_campaign(campaign=campaign, by=request.user, **schedule_form.asked())
        except ValidationError as error:
            form.add_service_errors(error)
        else:
            tasks.prepare.delay_on_commit(campaign.pk)
            address = reverse("campaigns:detail", args=[organization, campaign.pk])
            return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
    file = request.FILES.get("file")
    # Only a page whose parts are replaced still holds the chosen file.
    context = {
        "form": form,
        "schedule_form": schedule_form,
        "file_name": str(file) if file and request.htmx else "",
        **_variables(request),
    }
    template = "campaigns/form.html" if request.htmx else "campaigns/new.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


@requires("campaigns.manage")
@require_POST
def columns(request: OrganizationRequest, organization: str) -> HttpResponse:
    """The variables that the chosen sheet and list give, as buttons, or what is wrong with the sheet."""
    return render(request, "campaigns/columns.html", _variables(request))


def _variables(request: OrganizationRequest) -> dict[str, Any]:
    """What the editor needs: `variables` with a header and an example each, or `sheet_error`."""
    file, seen = request.FILES.get("file"), None
    context: dict[str, Any] = {"is_large": False, "sheet_error": ""}
    if isinstance(file, UploadedFile):
        try:
            seen = peek(file, str(file.name), request.organization.default_region)
        except SheetError as error:
            context["sheet_error"] = str(error)
        else:
            context["is_large"] = seen is None
    variables = {**_of_segment(request), **_of_list(request), **(_of_sheet(seen) if seen else {})}
    context["is_known"] = any(about["example"] for about in variables.values())
    if not variables:
        variables = {key: {"label": key, "example": ""} for key in ("name", "phone")}
    variables[template_text.UNSUBSCRIBE] = {
        "label": template_text.UNSUBSCRIBE,
        "example": opt_out_texts.unsubscribe_text(contact_queries.settings_of(request.organization)),
    }
    context["variables"] = variables
    context["example"] = json.dumps({key: about["example"] for key, about in variables.items()}, ensure_ascii=False)
    return context


def _of_sheet(seen: Peek) -> dict[str, dict[str, str]]:
    headers = {column.key: column.header for column in seen.columns if column.header}
    named = {key: {"label": header, "example": seen.example.get(key, "")} for key, header in headers.items()}
    aliases = {
        key: {"label": "", "example": seen.example.get(key, "")} for key in column_rules.variables_of(seen.columns)
    }
    return {**aliases, **named}


def _of_list(request: OrganizationRequest) -> dict[str, dict[str, str]]:
    wanted = request.POST.get("contact_list", "")
    lists = ContactList.objects.for_organization(request.organization)
    chosen = lists.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 18 else None
    if chosen is None:
        return {}
    first = Contact.objects.filter(lists=chosen).first()
    example = {**first.attributes, "name": first.name, "phone": first.phone_number} if first else {}
    return {
        key: {"label": key, "example": str(example.get(key, ""))} for key in contact_queries.variables_of_list(chosen)
    }


def _of_segment(request: OrganizationRequest) -> dict[str, dict[str, str]]:
    """Every attribute there is: who fits is only known when the audience is fixed."""
    if not request.POST.get("segment", "").isdecimal():
        return {}
    newest = Contact.objects.for_organization(request.organization).exclude(phone_number="").first()
    example = {**newest.attributes, "name": newest.name, "phone": newest.phone_number} if newest else {}
    known = contact_queries.variables_of_contacts(request.organization)
    return {key: {"label": key, "example": str(example.get(key, ""))} for key in known}


# -- One campaign --


@never_cache
@requires("campaigns.view")
@require_GET
def detail(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    context = {**_live(request, campaign), "report": pages_report.shown(campaign)}
    if campaign.status in FORESEEN and not campaign.repeats:
        context["what_if"] = WhatIfForm(batch=campaign.batch)
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
    if campaign.frozen_at is not None and campaign.batch.started_at is None:  # afterwards the report says it
        context["trouble"] = queries.in_trouble(campaign, TROUBLE_SHOWN)
        context["trouble_count"] = state["counts"]["failed"] + state["counts"]["unknown"] + state["skipped"]
    return context


@never_cache
@requires("campaigns.view")
@require_GET
def recipients(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    by_name = {status.label: status for status in SHOWN_STATUSES}
    wanted = by_name.get(request.GET.get("status", ""))
    stats = batch_stats(campaign.batch_id)
    numbers = {name: sum(stats[name].values()) if name == "skipped" else stats[name] for name in by_name}
    # The figures are kept as the messages change: counting a million rows again for a page number would be slow.
    found = queries.recipients(campaign, wanted)
    paginator = _CountedPaginator(found, RECIPIENTS_A_PAGE, numbers[wanted.label] if wanted else stats["total"])
    page: Page[Any] = paginator.get_page(request.GET.get("page"))
    context = {
        "campaign": campaign,
        "page": page,
        "recipients": queries.with_texts(campaign, list(page.object_list)),
        "wanted": wanted.label if wanted else "",
        "choices": [(name, number) for name, number in numbers.items() if number],
        "total": stats["total"],
    }
    return render(request, "campaigns/recipients.html", context)


class _CountedPaginator(Paginator):
    """Pages of rows whose number is known already."""

    def __init__(self, rows: Any, per_page: int, number: int) -> None:
        super().__init__(rows, per_page)
        self.__dict__["count"] = number  # where the cached property would keep it


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
    return _change(request, campaign_id, services.start_campaign, _("Sending has started."))


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


@requires("campaigns.manage")
@require_POST
def duplicate(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    try:
        made = copies.duplicate_campaign(campaign=_find(request, campaign_id), by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("campaigns:detail", organization, campaign_id)
    tasks.prepare.delay_on_commit(made.pk)
    messages.success(request, _("Duplicated. Nobody has started it yet."))
    return redirect("campaigns:detail", organization, made.pk)
