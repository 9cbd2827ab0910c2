"""Pages of variants: writing them, and choosing the winner by hand."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import edits, queries, services, tasks
from campaigns.models import Campaign
from campaigns.variant_forms import VariantsForm
from messaging.links.texts import base_of
from messaging.services import NotAllowed
from messaging.tasks import go_on_with_tests


@never_cache
@requires("campaigns.manage")
@require_http_methods(["GET", "POST"])
def variants(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """The variants of a campaign that has not begun."""
    campaign = _find(request, campaign_id)
    form = VariantsForm(request.POST or None, campaign=campaign)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                edits.change_campaign(campaign=campaign, by=request.user, **form.kept())
            except ValidationError as error:
                form.add_service_errors(error)
            except NotAllowed as error:
                form.add_error(None, str(error))
                status = 409
            else:
                tasks.prepare.delay_on_commit(campaign.pk)
                messages.success(request, _("The variants are saved."))
                page = "campaigns:message" if campaign.is_draft else "campaigns:detail"
                return redirect(page, organization, campaign_id)
    context: dict[str, Any] = {
        "campaign": campaign,
        "variants_form": form,
        "is_open": "variant_plan" in edits.may_change(campaign),
        "link_address": base_of(request.organization),
    }
    return render(request, "campaigns/variants.html", context, status=status)


@requires("campaigns.manage")
@require_POST
def choose(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """Gives one variant to everybody who waits."""
    campaign = _find(request, campaign_id)
    wanted = request.POST.get("variant", "")
    found = campaign.batch.variants.filter(pk=int(wanted)) if wanted.isdecimal() and len(wanted) < 18 else None
    variant = found.first() if found is not None else None
    try:
        if variant is None:
            raise NotAllowed(_("Choose one of the variants of this campaign."))
        services.choose_variant(campaign=campaign, variant=variant, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        go_on_with_tests.delay_on_commit()
        messages.success(request, _("“%(name)s” goes to everybody who waits.") % {"name": variant.name})
    return redirect("campaigns:detail", organization, campaign_id)


def _find(request: OrganizationRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)
