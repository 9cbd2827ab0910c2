"""Pages of the blocklist."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from accounts.services import record
from contacts import blocklist as entries
from contacts import blocklist_export, queries
from contacts.blocklist_forms import BlockForm
from contacts.models import BlocklistEntry
from contacts.pages.paging import page_of
from contacts.phone_numbers import InvalidNumber


@requires("contacts.view")
@require_GET
def blocklist(request: OrganizationRequest, organization: str) -> HttpResponse:
    return _blocklist(request, BlockForm(organization=request.organization))


@requires("contacts.manage")
@require_POST
def block(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Blocks the numbers that were pasted: all of them, or none where one cannot be read."""
    form = BlockForm(request.POST, organization=request.organization)
    if not form.is_valid():
        return _blocklist(request, form, status=422)
    numbers = form.cleaned_data["numbers"]
    blocked = entries.block_many(
        organization=request.organization,
        phone_numbers=numbers,
        reason=form.cleaned_data["reason"],
        source=str(request.user),
        by=request.user,
    )
    messages.success(request, _told(numbers, blocked))
    return redirect("contacts:blocklist", organization)


def _told(numbers: list[str], blocked: entries.Blocked) -> str:
    if len(numbers) == 1:
        done = _("%(number)s is blocked from now on.") if blocked.new else _("%(number)s was blocked already.")
        return done % {"number": numbers[0]}
    new, before = len(blocked.new), len(numbers) - len(blocked.new)
    told = ngettext("%(n)d number is blocked from now on.", "%(n)d numbers are blocked from now on.", new) % {"n": new}
    if before:
        known = ngettext("%(n)d was blocked already.", "%(n)d were blocked already.", before) % {"n": before}
        told = f"{told} {known}"
    return told


@requires("contacts.manage")
@require_POST
def unblock(request: OrganizationRequest, organization: str) -> HttpResponse:
    number, lid = request.POST.get("phone_number", ""), request.POST.get("lid", "")
    try:
        found = entries.unblock(organization=request.organization, phone_number=number, lid=lid, by=request.user)
    except InvalidNumber:
        found = False
    if found:
        messages.success(request, _("%(number)s may be messaged again.") % {"number": number or f"LID {lid}"})
    else:
        messages.info(request, _("That number is not on the blocklist."))
    return redirect("contacts:blocklist", organization)


@requires("contacts.view")
@require_GET
def export(request: OrganizationRequest, organization: str) -> StreamingHttpResponse:
    """What the page lists, as csv."""
    record(organization=request.organization, by=request.user, action="contacts.blocklist_exported")
    response = StreamingHttpResponse(
        blocklist_export.csv_pieces(request.organization, **_filters(request)), content_type="text/csv; charset=utf-8"
    )
    name = f"{_('blocklist')} {organization} {localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def _filters(request: OrganizationRequest) -> dict[str, Any]:
    reason = request.GET.get("reason", "")
    return {
        "search": request.GET.get("search", "")[:100].strip(),
        "reason": reason if reason in BlocklistEntry.Reason else "",
    }


def _blocklist(request: OrganizationRequest, form: BlockForm, status: int = 200) -> HttpResponse:
    filters = _filters(request)
    context = {
        "form": form,
        "page": page_of(request, queries.blocklist(request.organization, **filters)),
        "reasons": BlocklistEntry.Reason.choices,
        **filters,
    }
    return render(request, "contacts/blocklist.html", context, status=status)
