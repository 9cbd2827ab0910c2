"""Writing a campaign, step by step: a draft keeps itself, a campaign that waits or is sent is changed on purpose."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from accounts.templatetags.interface import zone_name
from campaigns import approval, audience_count, copies, drafts, edits, queries, removal, tasks, terms
from campaigns.models import Campaign, CampaignStatus
from campaigns.text_variables import variables_of
from campaigns.wizard_forms import FORMS, STEPS, MessageForm, NameForm, StepForm
from contacts import import_state
from contacts.models import Segment
from contacts.segments.services import TooSlow
from contacts.segments.trees import InvalidFilter
from messaging.services import NotAllowed
from senders import health
from senders import queries as sender_queries
from senders.models import SenderStatus

DRAFTS_SHOWN = 5


def _find(request: OrganizationRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)


@never_cache
@requires("campaigns.manage")
@require_http_methods(["GET", "POST"])
def new(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Names a draft and makes it; also the drafts that wait to be finished."""
    form = NameForm(request.POST if request.method == "POST" else None)
    wanted = request.GET.get("segment", "")
    if form.is_valid():
        segment = None
        if wanted.isdecimal():
            segment = Segment.objects.for_organization(request.organization).filter(pk=wanted[:17]).first()
        campaign = drafts.create_draft(
            organization=request.organization,
            by=request.user,
            name=form.cleaned_data["name"],
            **({"segment": segment} if segment else {}),
        )
        return redirect("campaigns:audience", organization, campaign.pk)
    waiting = queries.with_status(queries.campaigns_of(request.organization), CampaignStatus.DRAFT)
    context = {"form": form, "drafts": waiting[:DRAFTS_SHOWN]}
    return render(request, "campaigns/wizard/new.html", context, status=422 if form.is_bound else 200)


@never_cache
@requires("campaigns.manage")
@require_http_methods(["GET", "POST"])
def step(request: OrganizationRequest, organization: str, campaign_id: int, name: str) -> HttpResponse:
    """One step. A POST keeps it and goes on: to the next step of a draft, or back to the campaign's page."""
    campaign = _find(request, campaign_id)
    if not edits.may_change(campaign) & _fields_of(name):
        messages.error(request, _("This can no longer be changed."))
        return redirect("campaigns:detail", organization, campaign_id)
    if request.method == "GET":
        return _shown(request, campaign, name, FORMS[name](campaign=campaign))
    form = FORMS[name](request.POST, request.FILES, campaign=campaign)
    if form.is_valid():
        try:
            return _go_on(request, campaign, name, form)
        except ValidationError as error:
            for text in form.add_service_errors(error):
                form.add_error(None, text)
        except terms.Outdated as error:
            form.add_error(None, str(error))
        except NotAllowed as error:
            messages.error(request, str(error))
            return redirect("campaigns:detail", organization, campaign_id)
    return _shown(request, _find(request, campaign_id), name, form, status=422)


def _fields_of(name: str) -> set[str]:
    return {
        "audience": {"contact_list"},
        "message": {"template"},
        "sending": {"senders"},
    }[name]


def _go_on(request: OrganizationRequest, campaign: Campaign, name: str, form: StepForm) -> HttpResponse:
    was_draft = campaign.is_draft
    edits.change_campaign(campaign=campaign, version=_version(request), by=request.user, **form.kept())
    if not was_draft:
        tasks.prepare.delay_on_commit(campaign.pk)
        messages.success(request, _("Changed."))
        return redirect("campaigns:detail", request.organization.slug, campaign.pk)
    if "file" in form.kept():
        tasks.prepare.delay_on_commit(campaign.pk)
    following = STEPS[STEPS.index(name) + 1 :][:1]
    if "to" in request.POST and request.POST["to"] in STEPS:
        following = (request.POST["to"],)
    if following:
        return redirect(f"campaigns:{following[0]}", request.organization.slug, campaign.pk)
    drafts.finish_draft(campaign=campaign, by=request.user)
    tasks.prepare.delay_on_commit(campaign.pk)
    return redirect("campaigns:detail", request.organization.slug, campaign.pk)


def _version(request: OrganizationRequest) -> int | None:
    written = request.POST.get("version", "")
    return int(written) if written.isdecimal() and len(written) < 10 else None


def _shown(
    request: OrganizationRequest, campaign: Campaign, name: str, form: StepForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "campaign": campaign,
        "step": name,
        "form": form,
        "has_begun": campaign.batch.started_at is not None,
        "missing": terms.problems(campaign) if campaign.is_draft else {},
    }
    if campaign.list_import is not None:
        context["reading"] = import_state.state_of(campaign.list_import)
    if isinstance(form, MessageForm):
        context |= variables_of(campaign)
    if name == "sending":
        context["sender_rows"] = _sender_rows(request, form)
    return render(request, f"campaigns/wizard/{name}.html", context, status=status)


def _sender_rows(request: OrganizationRequest, form: StepForm) -> list[dict[str, Any]]:
    """Each sender with what a marketer has to know before choosing it."""
    senders = list(sender_queries.senders_of(request.organization))
    used = sender_queries.quota_use_of(senders)
    chosen = {str(value) for value in form["senders"].value() or []}
    return [
        {
            "sender": sender,
            "is_chosen": str(sender.pk) in chosen,
            "health": health.of(sender),
            "is_connected": sender.status == SenderStatus.CONNECTED,
            "today": next(use for use in used[sender.pk] if use.period == "day"),
        }
        for sender in senders
    ]


@requires("campaigns.manage")
@require_POST
def save(request: OrganizationRequest, organization: str, campaign_id: int, name: str) -> JsonResponse:
    """Keeps a draft's step while it is written: `{"saved", "version", "problems": {field: text}}`; 409 where somebody
    else changed it, or it is no draft any more."""
    campaign = _find(request, campaign_id)
    form = FORMS[name](request.POST, request.FILES, campaign=campaign)
    form.is_valid()
    problems = {field: " ".join(map(str, texts)) for field, texts in form.errors.items()}
    kept = form.kept()
    try:
        drafts.save_draft(campaign=campaign, version=_version(request), by=request.user, **kept)
    except ValidationError as error:
        names = {form.of_service.get(field, field): " ".join(texts) for field, texts in error.message_dict.items()}
        return JsonResponse({"saved": "", "version": campaign.version, "problems": problems | names})
    except NotAllowed as error:
        return JsonResponse({"refused": str(error)}, status=409)
    if "file" in kept:
        tasks.prepare.delay_on_commit(campaign.pk)
    at = localtime(now())
    said = _("Saved %(time)s") % {"time": f"{at:%H:%M:%S} {zone_name(at)}"}
    return JsonResponse({"saved": said, "version": campaign.version, "problems": problems})


@never_cache
@requires("campaigns.view")
@require_GET
def people(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """How many would get it now, and how many are skipped for what reason."""
    campaign = _find(request, campaign_id)
    context: dict[str, Any] = {"campaign": campaign}
    if campaign.list_import is not None:
        context["reading"] = import_state.state_of(campaign.list_import)
    try:
        context["found"] = audience_count.count(campaign)
    except InvalidFilter as error:
        context["problem"] = " ".join(error.messages)
    except TooSlow as error:
        context["problem"] = str(error)
    return render(request, "campaigns/wizard/people.html", context)


# -- What is done with a whole campaign --


def _done(request: OrganizationRequest, done: str, campaign: Campaign | None = None) -> HttpResponse:
    messages.success(request, done)
    if campaign is None:
        return redirect("campaigns:list", request.organization.slug)
    return redirect("campaigns:detail", request.organization.slug, campaign.pk)


def _refused(request: OrganizationRequest, error: NotAllowed, campaign: Campaign) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("campaigns:detail", request.organization.slug, campaign.pk)


@requires("campaigns.manage")
@require_POST
def delete(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    name = str(campaign)
    try:
        removal.delete_campaign(campaign=campaign, by=request.user)
    except NotAllowed as error:
        return _refused(request, error, campaign)
    return _done(request, _("“%(name)s” is deleted.") % {"name": name})


@requires("campaigns.manage")
@require_POST
def archive(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    try:
        removal.archive_campaign(campaign=campaign, by=request.user)
    except NotAllowed as error:
        return _refused(request, error, campaign)
    return _done(request, _("“%(name)s” is in the archive.") % {"name": campaign})


@requires("campaigns.manage")
@require_POST
def unarchive(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    removal.unarchive_campaign(campaign=campaign, by=request.user)
    return _done(request, _("Out of the archive."), campaign)


@requires("campaigns.manage")
@require_POST
def reopen(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    try:
        drafts.reopen_campaign(campaign=campaign, by=request.user)
    except NotAllowed as error:
        return _refused(request, error, campaign)
    return redirect("campaigns:audience", organization, campaign_id)


@requires("campaigns.manage")
@require_POST
def duplicate(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    try:
        made = copies.duplicate_campaign(campaign=campaign, draft=True, by=request.user)
    except NotAllowed as error:
        return _refused(request, error, campaign)
    tasks.prepare.delay_on_commit(made.pk)
    messages.success(request, _("Duplicated, as a draft. Nothing is sent until you finish and start it."))
    return redirect("campaigns:audience", organization, made.pk)


# -- Approval --


@requires("campaigns.manage")
@require_POST
def submit(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign = _find(request, campaign_id)
    try:
        approval.submit_campaign(campaign=campaign, by=request.user)
    except NotAllowed as error:
        return _refused(request, error, campaign)
    return _done(request, _("Submitted. Owners and admins are told by mail."), campaign)


@requires("campaigns.approve")
@require_POST
def approve(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """Approves a campaign, or returns it with the remark."""
    campaign = _find(request, campaign_id)
    remark = request.POST.get("remark", "")[:2000]
    try:
        if request.POST.get("answer") == "return":
            approval.return_campaign(campaign=campaign, remark=remark, by=request.user)
            return _done(request, _("Returned. Whoever submitted it is told by mail."), campaign)
        approval.approve_campaign(campaign=campaign, version=_version(request), remark=remark, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("campaigns:detail", organization, campaign_id)
    except NotAllowed as error:
        return _refused(request, error, campaign)
    return _done(request, _("Approved. It can be started now."), campaign)
