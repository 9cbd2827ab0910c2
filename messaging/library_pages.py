"""Pages of the media library."""

from contextlib import closing
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from messaging import attachments, fetching, library, media_response
from messaging.attachments import InvalidFile
from messaging.kinds import WITH_FILE, Kind
from messaging.models import LibraryFile
from messaging.services import NotAllowed

VIEW, MANAGE = "messages.view", "messages.manage"
FILES_A_PAGE = 24
CHOICES_SHOWN = 30


@requires(VIEW)
@require_GET
def files(request: OrganizationRequest, organization: str) -> HttpResponse:
    return _files(request)


def _files(request: OrganizationRequest, problem: str = "", status: int = 200) -> HttpResponse:
    search, kind = request.GET.get("search", "")[:100], request.GET.get("kind", "")
    kind = kind if kind in WITH_FILE else ""
    found = library.files_of(request.organization, search=search, kind=kind)
    context = {
        "page": Paginator(found, FILES_A_PAGE).get_page(request.GET.get("page")),
        "kinds": [(each.value, each.label) for each in map(Kind, WITH_FILE)],
        "kind": kind,
        "search": search,
        "problem": problem,
        "address": request.POST.get("address", ""),
    }
    return render(request, "messaging/library.html", context, status=status)


@requires(MANAGE)
@require_POST
def add(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Keeps an uploaded file, or one that lies at a public address."""
    given, address = request.FILES.get("file"), request.POST.get("address", "").strip()
    said = {"name": request.POST.get("name", "")[:120], "kind": request.POST.get("kind", "")}
    try:
        if given is not None:
            _add(request, given, str(given.content_type or ""), str(given.name), said)
        elif address:
            kind = said["kind"] or attachments.ANY
            fetched = fetching.fetch(address, most_bytes=attachments.most_bytes(kind))
            with closing(fetched.file):
                _add(request, fetched.file, fetched.mime_type, fetched.file_name, said)
        else:
            return _files(request, _("Choose a file, or write the address of one."), 422)
    except (InvalidFile, fetching.FetchError) as error:
        return _files(request, str(error), 422)
    except ValidationError as error:
        return _files(request, " ".join(error.messages), 422)
    return redirect("library:list", organization)


def _add(request: OrganizationRequest, file: Any, mime_type: str, file_name: str, said: dict[str, str]) -> None:
    made = library.add(
        organization=request.organization,
        file=file,
        mime_type=mime_type,
        file_name=file_name,
        by=request.user,
        **said,
    )
    messages.success(request, _("“%(name)s” is in the library.") % {"name": made.name})


@requires(VIEW)
@require_GET
def choices(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Files to choose from, in a part of another page."""
    search = request.GET.get("library_search", "")[:100]
    found = library.files_of(request.organization, search=search)[:CHOICES_SHOWN]
    return render(request, "messaging/library_choices.html", {"found": found, "search": search})


def _find(request: OrganizationRequest, file_id: int) -> LibraryFile:
    return get_object_or_404(library.files_of(request.organization), pk=file_id)


@requires(VIEW)
@require_GET
def file(request: OrganizationRequest, organization: str, file_id: int) -> HttpResponseBase:
    return media_response.respond(_find(request, file_id).media)


@requires(VIEW)
@require_GET
def thumbnail(request: OrganizationRequest, organization: str, file_id: int) -> HttpResponseBase:
    small = _find(request, file_id).thumbnail
    if small is None:
        raise Http404
    return media_response.respond(small)


@requires(MANAGE)
@require_POST
def rename(request: OrganizationRequest, organization: str, file_id: int) -> HttpResponse:
    try:
        library.rename(library_file=_find(request, file_id), name=request.POST.get("name", ""), by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("library:list", organization)


@requires(MANAGE)
@require_POST
def remove(request: OrganizationRequest, organization: str, file_id: int) -> HttpResponse:
    found = _find(request, file_id)
    try:
        library.remove(library_file=found, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("“%(name)s” is no longer in the library.") % {"name": found.name})
    return redirect("library:list", organization)
