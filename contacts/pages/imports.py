"""Pages of list imports: upload, check, import, and what came of it."""

from collections.abc import Callable
from typing import Any

import phonenumbers
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import import_requests, import_undo, queries, rejected_rows, tasks
from contacts.forms import ColumnsForm, ImportForm
from contacts.import_state import state_of
from contacts.models import ListImport
from contacts.pages.paging import page_of
from contacts.services import NotAllowed
from contacts.sheet_errors import SheetError

IMPORTS_SHOWN = 10
MOVING = (ListImport.Status.READING, ListImport.Status.IMPORTING)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def new_import(request: OrganizationRequest, organization: str) -> HttpResponse:
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    initial = {"contact_list": request.GET.get("list"), "purpose": request.GET.get("purpose")}
    form = ImportForm(*sent, organization=request.organization, initial={key: v for key, v in initial.items() if v})
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            list_import = import_requests.start_import(
                organization=request.organization,
                file=file,
                file_name=file.name,
                list_name=form.list_name(),
                tag_names=form.cleaned_data["tags"],
                consent_source=form.cleaned_data["consent_source"],
                purpose=form.cleaned_data["purpose"],
                block_as=form.cleaned_data["block_as"],
                commit=False,
                is_asked_about=True,
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
    return render(request, "contacts/import_detail.html", _shown(request, _find(request, import_id)))


@never_cache
@requires("contacts.view")
@require_GET
def import_live(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    """The part of an import's page that changes."""
    return render(request, "contacts/import_live.html", _shown(request, _find(request, import_id)))


@requires("contacts.view")
@require_GET
def rejected(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    """Every row of the sheet that holds no usable number."""
    list_import = _find(request, import_id)
    page = page_of(request, queries.rejected_rows(list_import))
    return render(request, "contacts/rejected.html", {"list_import": list_import, "page": page})


@requires("contacts.view")
@require_GET
def rejected_file(request: OrganizationRequest, organization: str, import_id: int) -> FileResponse:
    """The same as a workbook."""
    return rejected_rows.response(_find(request, import_id))


@requires("contacts.manage")
@require_POST
def choose_columns(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    """Has the file read once more: another worksheet of it, or with other columns."""
    list_import = _find(request, import_id)
    form = ColumnsForm(request.POST, list_import=list_import)
    if not form.is_valid():
        context = {**_shown(request, list_import), "columns_form": form}
        return render(request, "contacts/import_detail.html", context, status=422)
    return _ask(request, list_import, import_requests.choose_columns, **form.cleaned_data["chosen"])


@requires("contacts.manage")
@require_POST
def cancel_import(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    list_import = _find(request, import_id)
    done = _("The import is cancelled. No contact was changed.")
    return _ask(request, list_import, import_requests.cancel_import, done=done)


@requires("contacts.manage")
@require_POST
def commit_import(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    return _ask(request, _find(request, import_id), import_requests.commit_import)


@requires("contacts.manage")
@require_POST
def undo_import(request: OrganizationRequest, organization: str, import_id: int) -> HttpResponse:
    return _ask(request, _find(request, import_id), import_requests.undo_import)


def _ask(
    request: OrganizationRequest, list_import: ListImport, change: Callable[..., None], done: str = "", **options: Any
) -> HttpResponse:
    """Asks for a change, has it done, and goes back to the import."""
    try:
        change(list_import=list_import, by=request.user, **options)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        tasks.run_import.delay_on_commit(list_import.pk)
        if done:
            messages.success(request, done)
    return redirect("contacts:import_detail", request.organization.slug, list_import.pk)


def _find(request: OrganizationRequest, import_id: int) -> ListImport:
    return get_object_or_404(queries.imports_of(request.organization), pk=import_id)


def _shown(request: OrganizationRequest, list_import: ListImport) -> dict[str, Any]:
    state = state_of(list_import)
    undo = state.get("undo", {})
    region = request.organization.default_region
    return {
        "list_import": list_import,
        "state": state,
        "is_moving": list_import.status in MOVING or undo.get("status") == "undoing",
        "is_blocklist": list_import.purpose == ListImport.Purpose.BLOCKLIST,
        "undo": undo,
        "kept": [(number, import_undo.reason_words(reason)) for reason, number in undo.get("kept", {}).items()],
        "can_undo": import_requests.can_be_undone(list_import),
        "undo_ends_at": import_requests.undo_ends_at(list_import),
        "rejected": queries.rejected_rows(list_import)[:IMPORTS_SHOWN],
        "columns_form": ColumnsForm(list_import=list_import) if list_import.status == "ready" else None,
        "on_list": state["people"] - state["listed"] if list_import.contact_list_id else 0,
        "region": region,
        "region_code": phonenumbers.country_code_for_region(region),
    }
