"""Pages of templates: the list by folders, a new one, and one with its versions."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from messaging import media_response, templates
from messaging.message_files import Attached
from messaging.models import MessageTemplate, TemplateVersion
from messaging.template_forms import TemplateForm

TEMPLATES_A_PAGE = 30
VERSIONS_SHOWN = 20
CHOICES_SHOWN = 30
VIEW, MANAGE = "campaigns.view", "campaigns.manage"


@requires(VIEW)
@require_GET
def template_list(request: OrganizationRequest, organization: str) -> HttpResponse:
    search, archived = request.GET.get("search", "")[:100], "archived" in request.GET
    folder = request.GET.get("folder")
    found = templates.templates_of(request.organization, search=search, folder=folder, archived=archived)
    context = {
        "page": Paginator(found, TEMPLATES_A_PAGE).get_page(request.GET.get("page")),
        "folders": templates.folders_of(request.organization),
        "search": search,
        "chosen": folder,
        "archived": archived,
    }
    return render(request, "messaging/templates.html", context)


@requires(MANAGE)
@require_http_methods(["GET", "POST"])
def new_template(request: OrganizationRequest, organization: str) -> HttpResponse:
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    initial = {"folder": request.GET.get("folder", "")}
    form = TemplateForm(*sent, organization=request.organization, initial=initial)
    if form.is_valid():
        try:
            template = templates.create_template(
                organization=request.organization, by=request.user, **_said(form), **form.content()
            )
        except ValidationError as error:
            _show(form, error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": template.name})
            return redirect("templates:detail", organization, template.pk)
    context = {"form": form, "folders": templates.folders_of(request.organization)}
    return render(request, "messaging/template_new.html", context, status=422 if form.is_bound else 200)


@requires(VIEW)
@require_http_methods(["GET", "POST"])
def template(request: OrganizationRequest, organization: str, template_id: int) -> HttpResponse:
    found = _find(request, template_id)
    newest = templates.newest_version(found)
    if request.method == "POST" and MANAGE not in capabilities_of(request.membership):
        raise PermissionDenied
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    attached = Attached(newest.media, newest.kind).token
    initial = {"name": found.name, "folder": found.folder, "text": newest.text, "attached": attached}
    form = TemplateForm(*sent, organization=request.organization, initial=initial)
    if form.is_valid():
        try:
            version = templates.change_template(template=found, by=request.user, **_said(form), **form.content())
        except ValidationError as error:
            _show(form, error)
            found = _find(request, template_id)
        else:
            is_new = version.number > newest.number
            said = _("Version %(number)s is saved.") if is_new else _("“%(name)s” is saved.")
            messages.success(request, said % {"number": version.number, "name": found.name})
            return redirect("templates:detail", organization, template_id)
    context = {
        "form": form,
        "template": found,
        "is_archived": found.archived_at is not None,
        "newest": newest,
        "versions": found.versions.select_related("media", "created_by")[:VERSIONS_SHOWN],
        "folders": templates.folders_of(request.organization),
    }
    return render(request, "messaging/template.html", context, status=422 if form.is_bound else 200)


@requires(MANAGE)
@require_POST
def bring_back(request: OrganizationRequest, organization: str, template_id: int, number: int) -> HttpResponse:
    version = templates.bring_back(version=_version(request, template_id, number), by=request.user)
    messages.success(
        request,
        _("Version %(old)s is back, as version %(number)s.") % {"old": number, "number": version.number},
    )
    return redirect("templates:detail", organization, template_id)


@requires(MANAGE)
@require_POST
def archive(request: OrganizationRequest, organization: str, template_id: int) -> HttpResponse:
    found = _find(request, template_id)
    templates.archive_template(template=found, by=request.user)
    messages.success(request, _("“%(name)s” is in the archive.") % {"name": found.name})
    return redirect("templates:list", organization)


@requires(MANAGE)
@require_POST
def restore(request: OrganizationRequest, organization: str, template_id: int) -> HttpResponse:
    found = _find(request, template_id)
    try:
        templates.restore_template(template=found, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages) + " " + _("Rename that one first."))
    return redirect("templates:detail", organization, template_id)


@requires(VIEW)
@require_GET
def content(request: OrganizationRequest, organization: str, template_id: int) -> HttpResponse:
    """What a form takes over when the template is chosen there."""
    newest = templates.newest_version(_find(request, template_id))
    attached = Attached(newest.media, newest.kind, newest).described(request.organization)
    file_name = attached.pop("name")
    return JsonResponse({"version": newest.number, "text": newest.text, "file_name": file_name, **attached})


@requires(VIEW)
@require_GET
def choices(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Templates to choose from, in a part of another page."""
    search = request.GET.get("template_search", "")[:100]
    found = templates.templates_of(request.organization, search=search)
    return render(request, "messaging/template_choices.html", {"found": found[:CHOICES_SHOWN], "search": search})


@requires(VIEW)
@require_GET
def media(request: OrganizationRequest, organization: str, template_id: int, number: int) -> HttpResponseBase:
    version = _version(request, template_id, number)
    if version.media is None:
        return HttpResponse(_("This version has no file."), status=409, content_type="text/plain; charset=utf-8")
    return media_response.respond(version.media)


def _find(request: OrganizationRequest, template_id: int) -> MessageTemplate:
    return get_object_or_404(MessageTemplate.objects.for_organization(request.organization), pk=template_id)


def _version(request: OrganizationRequest, template_id: int, number: int) -> TemplateVersion:
    return get_object_or_404(_find(request, template_id).versions.select_related("media", "template"), number=number)


def _said(form: TemplateForm) -> dict[str, Any]:
    return {key: form.cleaned_data[key] for key in ("name", "folder", "text")}


def _show(form: TemplateForm, error: ValidationError) -> None:
    for name, texts in error.message_dict.items():
        form.add_error(name, texts)
