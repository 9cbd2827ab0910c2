"""Pages of segments: the list, the builder with its live figure, and one segment."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts.models import Segment
from contacts.pages.segment_editor import Editor
from contacts.segments import services, trees
from contacts.segments.fields import fields_of
from contacts.segments.sentences import sentence


@requires("contacts.view")
@require_GET
def segments(request: OrganizationRequest, organization: str) -> HttpResponse:
    found = Segment.objects.for_organization(request.organization).select_related("organization")
    rows = [(segment, *services.described(segment)) for segment in found]
    return render(request, "contacts/segments.html", {"rows": rows})


@requires("contacts.view")
@require_GET
def segment(request: OrganizationRequest, organization: str, segment_id: int) -> HttpResponse:
    chosen = _find(request, segment_id)
    summary, problem = services.described(chosen)
    context = {"segment": chosen, "summary": summary, "problem": problem}
    return render(request, "contacts/segment.html", context)


@never_cache
@requires("contacts.view")
@require_GET
def found(request: OrganizationRequest, organization: str, segment_id: int) -> HttpResponse:
    """How many people are in it now, and some of them; fetched after the page, because it can take seconds."""
    chosen = _find(request, segment_id)
    context: dict[str, Any] = {}
    try:
        context["found"] = services.count(chosen, with_sample=True)
    except (trees.InvalidFilter, services.TooSlow) as error:
        context["problem"] = _words(error)
    return render(request, "contacts/segment_found.html", context)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def new_segment(request: OrganizationRequest, organization: str) -> HttpResponse:
    return _edit(request, None)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def edit_segment(request: OrganizationRequest, organization: str, segment_id: int) -> HttpResponse:
    return _edit(request, _find(request, segment_id))


def _edit(request: OrganizationRequest, chosen: Segment | None) -> HttpResponse:
    if request.method == "GET":
        editor = Editor.of_filter(chosen.filter) if chosen else Editor.empty()
        if editor is None:
            messages.info(request, _("This segment was made by a program, and is deeper than this page can show."))
            return redirect("contacts:segment", request.organization.slug, chosen.pk if chosen else 0)
        return _builder(request, chosen, editor, name=chosen.name if chosen else "")
    editor = Editor.of_form(request.POST)
    name = request.POST.get("name", "")
    if request.POST.get("do") or request.POST.get("redraw"):
        return _builder(request, chosen, editor, name=name)
    written = editor.filter(fields_of(request.organization))
    try:
        if chosen is None:
            chosen = services.create_segment(
                organization=request.organization, name=name, conditions=written, by=request.user
            )
        else:
            services.change_segment(segment=chosen, name=name, conditions=written, by=request.user)
    except trees.InvalidFilter as error:
        return _builder(request, chosen, editor, name=name, errors=error.by_path, status=422)
    except ValidationError as error:
        return _builder(request, chosen, editor, name=name, name_error=" ".join(error.messages), status=422)
    messages.success(request, _("The segment is saved."))
    return redirect("contacts:segment", request.organization.slug, chosen.pk)


def _builder(
    request: OrganizationRequest,
    chosen: Segment | None,
    editor: Editor,
    *,
    name: str,
    name_error: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "segment": chosen,
        "name": name,
        "name_error": name_error,
        "errors": errors,
        **editor.shown(request.organization, errors),
    }
    template = "contacts/segment_rows.html" if request.htmx else "contacts/segment_edit.html"
    return render(request, template, context, status=status)


@never_cache
@requires("contacts.view")
@require_POST
def preview(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Who fits what stands in the builder now; what is not filled in yet is said calmly."""
    written = Editor.of_form(request.POST).filter(fields_of(request.organization))
    context: dict[str, Any] = {}
    try:
        context["summary"] = sentence(trees.parse(written, request.organization))
        context["found"] = services.find(request.organization, written, with_sample=True)
    except trees.InvalidFilter as error:
        context["unfinished"] = error.messages
    except services.TooSlow as error:
        context["problem"] = str(error)
    return render(request, "contacts/segment_found.html", context)


@requires("contacts.manage")
@require_POST
def delete_segment(request: OrganizationRequest, organization: str, segment_id: int) -> HttpResponse:
    chosen = _find(request, segment_id)
    try:
        services.delete_segment(segment=chosen, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
        return redirect("contacts:segment", organization, segment_id)
    messages.success(request, _("The segment is deleted. The people stay."))
    return redirect("contacts:segments", organization)


def _find(request: OrganizationRequest, segment_id: int) -> Segment:
    found = Segment.objects.for_organization(request.organization).select_related("organization")
    return get_object_or_404(found, pk=segment_id)


def _words(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
