"""Pages of tags and attributes."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import attributes, tags, tasks
from contacts.columns import variable_key
from contacts.models import AttributeDefinition, AttributeKind
from contacts.segments import services as segments


@requires("contacts.view")
@require_GET
def fields(request: OrganizationRequest, organization: str) -> HttpResponse:
    return _fields(request)


def _fields(request: OrganizationRequest, label: str = "", error: str = "", status: int = 200) -> HttpResponse:
    definitions = AttributeDefinition.objects.for_organization(request.organization)
    context = {
        "definitions": definitions,
        "is_changing": any(each.wanted_kind for each in definitions),
        "kinds": AttributeKind.choices,
        "tags": tags.known_tags(request.organization),
        "label": label,
        "error": error,
    }
    return render(request, "contacts/fields.html", context, status=status)


@requires("contacts.manage")
@require_POST
def add_attribute(request: OrganizationRequest, organization: str) -> HttpResponse:
    label, kind = request.POST.get("label", "")[:300], request.POST.get("kind", "")
    try:
        attributes.create_definition(
            organization=request.organization,
            key=variable_key(label),
            label=label,
            kind=kind if kind in AttributeKind.values else AttributeKind.TEXT,
            by=request.user,
        )
    except ValidationError as error:
        return _fields(request, label, " ".join(error.messages), status=422)
    messages.success(request, _("The attribute is added."))
    return redirect("contacts:fields", organization)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def change_kind(request: OrganizationRequest, organization: str, definition_id: int) -> HttpResponse:
    """First what another type would mean for the values there are; then the change, by a task."""
    found = AttributeDefinition.objects.for_organization(request.organization).select_related("organization")
    definition = get_object_or_404(found, pk=definition_id)
    kind = (request.POST if request.method == "POST" else request.GET).get("kind", "")
    if kind not in AttributeKind.values:
        kind = definition.kind
    using = segments.segments_with_attribute(request.organization, definition.key)
    if request.method == "POST":
        attributes.want_kind(definition=definition, kind=kind, by=request.user)
        tasks.convert_attribute.delay_on_commit(definition.pk)
        messages.success(request, _("“%(name)s” is being changed.") % {"name": definition})
        return redirect("contacts:fields", organization)
    context = {
        "definition": definition,
        "kind": kind,
        "kind_name": AttributeKind(kind).label,
        "kinds": AttributeKind.choices,
        "check": attributes.check_kind(definition, kind),
        "using": using,
    }
    return render(request, "contacts/field_kind.html", context)


@requires("contacts.manage")
@require_POST
def change_tag(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Renames a tag on everybody, or takes it off everybody."""
    tag, to = request.POST.get("tag", ""), request.POST.get("to", "")
    try:
        if request.POST.get("do") == "delete":
            changed = tags.delete_tag(organization=request.organization, tag=tag, by=request.user)
        else:
            changed = tags.rename_tag(organization=request.organization, tag=tag, to=to, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Changed on %(people)s people.") % {"people": changed})
    return redirect("contacts:fields", organization)
