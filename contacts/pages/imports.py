"""Pages of list imports."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import queries, services, tasks
from contacts.forms import ImportForm
from contacts.models import ListImport
from contacts.pages.paging import page_of
from contacts.sheet_errors import SheetError

IMPORTS_SHOWN = 10


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
    page = page_of(request, queries.rejected_rows(list_import))
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
