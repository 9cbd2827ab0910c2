"""Pages of the blocklist."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import blocklist as entries
from contacts import queries
from contacts.forms import BlockForm
from contacts.pages.paging import page_of
from contacts.phone_numbers import InvalidNumber


@requires("contacts.view")
@require_GET
def blocklist(request: OrganizationRequest, organization: str) -> HttpResponse:
    return _blocklist(request, BlockForm())


@requires("contacts.manage")
@require_POST
def block(request: OrganizationRequest, organization: str) -> HttpResponse:
    form = BlockForm(request.POST)
    if form.is_valid():
        try:
            entry, is_new = entries.block(
                organization=request.organization, source=str(request.user), by=request.user, **form.cleaned_data
            )
        except InvalidNumber as error:
            form.add_error("phone_number", str(error))
        else:
            done = _("%(number)s is blocked from now on.") if is_new else _("%(number)s was blocked already.")
            messages.success(request, done % {"number": entry.phone_number})
            return redirect("contacts:blocklist", organization)
    return _blocklist(request, form, status=422)


@requires("contacts.manage")
@require_POST
def unblock(request: OrganizationRequest, organization: str) -> HttpResponse:
    number = request.POST.get("phone_number", "")
    try:
        found = entries.unblock(organization=request.organization, phone_number=number, by=request.user)
    except InvalidNumber:
        found = False
    if found:
        messages.success(request, _("%(number)s may be messaged again.") % {"number": number})
    else:
        messages.info(request, _("That number is not on the blocklist."))
    return redirect("contacts:blocklist", organization)


def _blocklist(request: OrganizationRequest, form: BlockForm, status: int = 200) -> HttpResponse:
    search = request.GET.get("search", "")[:100]
    page = page_of(request, queries.blocklist(request.organization, search=search))
    return render(request, "contacts/blocklist.html", {"form": form, "page": page, "search": search}, status=status)
