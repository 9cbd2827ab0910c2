"""What every person of a campaign would read, and what is wrong with it."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import lint as checks
from campaigns import preview, queries
from campaigns.lint import Code
from campaigns.models import Campaign, CampaignStatus
from messaging import counts, media_response, rendering
from messaging.models import Message, MessageStatus

TEXTS_A_PAGE = 20
CHECKED = (CampaignStatus.READY, CampaignStatus.SCHEDULED)


def _find(request: OrganizationRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)


@never_cache
@requires("campaigns.view")
@require_GET
def lint(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """What was found in the texts of a campaign that has not begun; nothing for the others."""
    campaign = _find(request, campaign_id)
    if campaign.status not in CHECKED or campaign.frozen_at is None:
        return HttpResponse()
    found = checks.findings_of(campaign)
    context = {
        "campaign": campaign,
        "findings": found,
        "blocking": [(finding, checks.reason(finding)) for finding in found if finding.code in checks.EMBARRASSING],
        "is_accepted": campaign.lint_accepted == checks.fingerprint(campaign),
        "pending": _pending(campaign),
    }
    return render(request, "campaigns/lint.html", context)


def _pending(campaign: Campaign) -> int:
    return counts.of_batches([campaign.batch_id])[campaign.batch_id].get((MessageStatus.PENDING, ""), 0)


@never_cache
@requires("campaigns.view")
@require_GET
def texts(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """The texts of all people, a page at a time; by number or name, or those whom one finding concerns."""
    campaign = _find(request, campaign_id)
    wanted, search = request.GET.get("code", ""), request.GET.get("search", "")[:100]
    code = Code(wanted) if wanted in Code.values else None
    try:
        page = preview.page(
            campaign, limit=TEXTS_A_PAGE, cursor=request.GET.get("cursor", ""), search=search, code=code
        )
    except preview.InvalidCursor:
        return redirect("campaigns:texts", organization, campaign_id)
    findings = checks.findings_of(campaign)
    context: dict[str, Any] = {
        "campaign": campaign,
        "page": page,
        "search": search,
        "code": code.value if code else "",
        "finding": next((finding for finding in findings if finding.code == code), None),
        "findings": findings,
        "pending": _pending(campaign),
    }
    return render(request, "campaigns/texts.html", context)


@requires("campaigns.view")
@require_GET
def file(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponseBase:
    """The file of a campaign, or that of one `message` of it, also while it waits."""
    campaign = _find(request, campaign_id)
    media, wanted = campaign.batch.media, request.GET.get("message", "")
    if wanted.isdecimal() and len(wanted) < 18:
        messages = Message.objects.filter(batch=campaign.batch_id).select_related("media")
        message = get_object_or_404(messages, pk=int(wanted))
        waits = message.status == MessageStatus.PENDING
        media = rendering.file_of(campaign.batch, campaign.organization, message) if waits else message.media
    if media is None:
        return HttpResponse(_("There is no file."), status=409, content_type="text/plain; charset=utf-8")
    return media_response.respond(media)
