"""Pages of contacts: people, lists, imports and the blocklist."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import queries, services, tasks
from contacts.forms import BlockForm, ImportForm
from contacts.models import ContactList, ListImport
from contacts.phone_numbers import InvalidNumber
from contacts.uploads import SheetError

A_PAGE = 50
FURTHEST_PAGE = 200  # whoever looks for somebody beyond that searches
IMPORTS_SHOWN = 10


def _page(request: OrganizationRequest, found: QuerySet[Any]) -> Any:
    wanted = request.GET.get("page", "1")
    return Paginator(found, A_PAGE).get_page(min(int(wanted), FURTHEST_PAGE) if wanted.isdecimal() else 1)


@requires("contacts.view")
@require_GET
def contacts(request: OrganizationRequest, organization: str) -> HttpResponse:
    search = request.GET.get("search", "")[:100]
    wanted = request.GET.get("list", "")
    lists = ContactList.objects.for_organization(request.organization)
    chosen = get_object_or_404(lists, pk=int(wanted)) if wanted.isdecimal() and len(wanted) < 18 else None
    page = _page(request, queries.contacts(request.organization, search=search, contact_list=chosen))
    blocked = queries.blocked_among(request.organization, [contact.phone_number for contact in page])
    context = {
        "page": page,
        "rows": [(contact, blocked.get(contact.phone_number, "")) for contact in page],
        "search": search,
        "chosen": chosen,
    }
    return render(request, "contacts/list.html", context)


@requires("contacts.view")
@require_GET
def lists(request: OrganizationRequest, organization: str) -> HttpResponse:
    return render(request, "contacts/lists.html", {"lists": queries.lists_with_sizes(request.organization)})


# -- Imports --


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def new_import(request: OrganizationRequest, organization: str) -> HttpResponse:
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImportForm(*sent, organization=request.organization, initial={"contact_list": request.GET.get("list")})
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            list_import = services.start_import(
                organization=request.organization,
                file=file,
                file_name=file.name,
                list_name=form.list_name(),
                by=request.user,
            )
        except SheetError as error:
            form.add_error("file", str(error))
        else:
            tasks.run_import.delay_on_commit(list_import.pk)
            return redirect("contacts:import_detail", organization, list_import.pk)
    context = {"form": form, "recent": queries.imports_of(request.organization)[:IMPORTS_SHOWN]}
    return render(request, "contacts/import.html", context, status=422 if form.is_bound else 200)


@never_cache
@requires("contacts.view")
@require_GET
def import_detail(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    return render(request, "contacts/import_detail.html", _live(_find(request, import_id)))


@never_cache
@requires("contacts.view")
@require_GET
def import_live(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    """The part of an import's page that changes."""
    return render(request, "contacts/import_live.html", _live(_find(request, import_id)))


@requires("contacts.view")
@require_GET
def rejected(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    """Every row of the sheet that holds no usable number."""
    list_import = _find(request, import_id)
    page = _page(request, queries.rejected_rows(list_import))
    return render(request, "contacts/rejected.html", {"list_import": list_import, "page": page})


@requires("contacts.manage")
@require_POST
def cancel_import(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    list_import = _find(request, import_id)
    try:
        services.cancel_import(list_import=list_import)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The import is cancelled. No contact was changed."))
    return redirect("contacts:import_detail", organization, import_id)


@requires("contacts.manage")
@require_POST
def commit_import(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    list_import = _find(request, import_id)
    try:
        services.commit_import(list_import=list_import)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    else:
        tasks.run_import.delay_on_commit(list_import.pk)
    return redirect("contacts:import_detail", organization, import_id)


def _find(request: OrganizationRequest, import_id: int) -> ListImport:
    return get_object_or_404(queries.imports_of(request.organization), pk=import_id)


def _live(list_import: ListImport) -> dict[str, Any]:
    state = queries.import_state(list_import)
    return {
        "list_import": list_import,
        "state": state,
        "people": state["rows"] - state["blank_rows"] - state["invalid"] - state["merged"],
        "rejected": queries.rejected_rows(list_import)[:IMPORTS_SHOWN],
    }


# -- The blocklist --


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
            entry, is_new = services.block(
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
        found = services.unblock(organization=request.organization, phone_number=number, by=request.user)
    except InvalidNumber:
        found = False
    if found:
        messages.success(request, _("%(number)s may be messaged again.") % {"number": number})
    else:
        messages.info(request, _("That number is not on the blocklist."))
    return redirect("contacts:blocklist", organization)


def _blocklist(request: OrganizationRequest, form: BlockForm, status: int = 200) -> HttpResponse:
    search = request.GET.get("search", "")[:100]
    page = _page(request, queries.blocklist(request.organization, search=search))
    return render(request, "contacts/blocklist.html", {"form": form, "page": page, "search": search}, status=status)
