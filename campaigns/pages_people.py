"""Who got a campaign and what became of it: the list with its filter, the file of it, another try, and sending again."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns import follow_ups, people, people_export, queries, tasks
from campaigns.models import Campaign
from campaigns.pages_report import find
from campaigns.people import PeopleFilter
from contacts import streamed_files
from messaging import services as messaging_services
from messaging.queries import batch_stats
from messaging.services import NotAllowed
from messaging.tasks import plan

PEOPLE_A_PAGE = 50


def _wanted(request: OrganizationRequest) -> PeopleFilter:
    """What the address asks for; what makes no sense in it is left out."""
    try:
        return PeopleFilter.from_query(request.GET)
    except ValidationError as error:
        sensible = {name: request.GET[name] for name in request.GET if name not in error.message_dict}
        return PeopleFilter.from_query(sensible)


@never_cache
@requires("campaigns.view")
@require_GET
def recipients(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    campaign, wanted = find(request, campaign_id), _wanted(request)
    stats = batch_stats(campaign.batch_id)
    numbers = {name: sum(stats[name].values()) if name == "skipped" else stats[name] for name in people.STATUSES}
    found = people.after(people.found(campaign, wanted), wanted, _after(request))
    page = list(found.select_related("sender", "answer__reply", "variant")[: PEOPLE_A_PAGE + 1])
    shown = page[:PEOPLE_A_PAGE]
    context = {
        "campaign": campaign,
        "recipients": queries.with_texts(campaign, shown),
        "wanted": wanted,
        "choices": [(name, number) for name, number in numbers.items() if number],
        "did": people.DID,
        "variants": list(campaign.batch.variants.order_by("position")),
        "total": stats["total"],
        "number": numbers[wanted.status] if wanted.status and wanted.only_status else None,
        "is_first": _after(request) is None,
        "next": _address(request, after=shown[-1].pk) if len(page) > PEOPLE_A_PAGE else "",
        "first": _address(request),
    }
    return render(request, "campaigns/recipients.html", context)


def _after(request: OrganizationRequest) -> int | None:
    written = request.GET.get("after", "")
    return int(written) if written.isdecimal() and len(written) < 18 else None


def _address(request: OrganizationRequest, **more: int) -> str:
    query: QueryDict = request.GET.copy()
    query.pop("after", None)
    for name, value in more.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"


@requires("campaigns.view")
@require_GET
def export(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponseBase:
    """The people of the filter as a file: csv, or xlsx with `type=xlsx`."""
    campaign = find(request, campaign_id)
    file_type = streamed_files.XLSX if request.GET.get("type") == streamed_files.XLSX else streamed_files.CSV
    try:
        return people_export.respond(campaign=campaign, wanted=_wanted(request), file_type=file_type, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("campaigns:recipients", organization, campaign_id)


@requires("campaigns.manage")
@require_POST
def retry(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """Tries again what ran out of tries."""
    campaign = find(request, campaign_id)
    number = retry_failures(campaign)
    if number:
        text = ngettext("%(number)s message is tried again.", "%(number)s messages are tried again.", number)
        messages.success(request, text % {"number": number})
    else:
        messages.error(request, _("There is nothing that can be tried again."))
    return redirect("campaigns:detail", organization, campaign_id)


def retry_failures(campaign: Campaign) -> int:
    """Gives the campaign's messages that ran out of tries another three. Returns how many."""
    number = messaging_services.retry_dead_letters(organization=campaign.organization, batch=campaign.batch)
    plan.delay_on_commit()
    return number


@requires("campaigns.manage")
@require_POST
def follow_up(request: OrganizationRequest, organization: str, campaign_id: int) -> HttpResponse:
    """Makes a draft to those who did not read, did not reply, or did not get it."""
    campaign, who = find(request, campaign_id), request.POST.get("who", "")
    if who not in follow_ups.WHO:
        messages.error(request, _("Choose whom to send to again."))
        return redirect("campaigns:detail", organization, campaign_id)
    try:
        made = follow_ups.follow_up(campaign=campaign, who=who, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("campaigns:detail", organization, campaign_id)
    tasks.prepare.delay_on_commit(made.pk)
    messages.success(request, _("A draft was made. Change its text, then start it when you are ready."))
    return redirect("campaigns:detail", organization, made.pk)
