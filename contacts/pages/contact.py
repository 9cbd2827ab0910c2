"""A contact's page: who it is, what is known, where they stand, and everything that happened."""

from typing import Any

import phonenumbers
from babel import Locale
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from contacts import blocklist, consent, lists, merges, people, queries, services, timeline
from contacts.models import AttributeDefinition, Contact, ContactList, ContactMerge
from contacts.person_forms import ContactForm

CANDIDATES = 10


def _found(request: OrganizationRequest, contact_id: int) -> Contact:
    return get_object_or_404(Contact.objects.for_organization(request.organization), pk=contact_id)


def _named(request: OrganizationRequest, name: str) -> int:
    """The id that a form sent."""
    written = request.POST.get(name, "")
    if not written.isdecimal() or len(written) > 18:
        raise BadRequest(name)
    return int(written)


@never_cache
@requires("contacts.view")
@require_GET
def contact(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    on = list(found.lists.order_by("name"))
    others = list(found.other_numbers.all())
    blocked = queries.blocked_among(request.organization, people.numbers_of(found))
    labels = {each.key: str(each) for each in AttributeDefinition.objects.for_organization(request.organization)}
    context = {
        "contact": found,
        "number": _shown_number(found.phone_number),
        "country": _country(found.phone_number),
        "state": "opted_out" if "opted_out" in blocked.values() else next(iter(blocked.values()), ""),
        "consent": consent.of_number(request.organization, found.phone_number),
        "attributes": [
            (labels.get(key, key), value) for key, value in sorted(found.attributes.items()) if value != ""
        ],
        "on": on,
        "other_lists": ContactList.objects.for_organization(request.organization).exclude(
            pk__in=[each.pk for each in on]
        ),
        "others": [(each, _shown_number(each.phone_number)) for each in others],
        "undoable": _undoable(found),
        **_timeline(request, found),
    }
    return render(request, "contacts/contact.html", context)


@never_cache
@requires("contacts.view")
@require_GET
def contact_timeline(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    """The next older part, to be put behind what is shown."""
    found = _found(request, contact_id)
    context = {"contact": found, "undoable": _undoable(found), **_timeline(request, found)}
    return render(request, "contacts/timeline/page.html", context)


def _timeline(request: OrganizationRequest, found: Contact) -> dict[str, Any]:
    whose = timeline.whose(found)
    try:
        page = timeline.page(
            whose, capabilities=capabilities_of(request.membership), older_than=request.GET.get("older_than", "")
        )
    except ValueError as error:
        raise Http404 from error
    return {"entries": [entry for _name, entry in page.rows], "older": page.older}


def _undoable(found: Contact) -> int | None:
    """The latest merge of this contact, if it may still be undone."""
    latest = ContactMerge.objects.filter(kept=found).order_by("-pk").first()
    return latest.pk if latest is not None and merges.may_be_undone(latest) else None


def _shown_number(number: str) -> str:
    if not number:
        return ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _country(number: str) -> str:
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""
    names: Any = Locale.parse(to_locale(get_language() or "en"), sep="_").territories
    return str(names.get(region, "")) if region else ""


# -- Changes --


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def new(request: OrganizationRequest, organization: str) -> HttpResponse:
    form = ContactForm(request.POST or None, organization=request.organization)
    if form.is_valid():
        try:
            made = people.create(organization=request.organization, by=request.user, **form.values())
        except ValidationError as error:
            form.add_service_errors(error)
        else:
            messages.success(request, _("%(person)s is a contact now.") % {"person": made})
            return redirect("contacts:contact", organization, made.pk)
    context = {"form": form, "contact": None}
    return render(request, "contacts/contact_edit.html", context, status=422 if form.is_bound else 200)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def edit(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    form = ContactForm(request.POST or None, organization=request.organization, contact=found)
    if form.is_valid():
        try:
            keep = form.cleaned_data["keep_number"]
            people.change(contact=found, keep_number=keep, by=request.user, **form.values())
        except ValidationError as error:
            form.add_service_errors(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("contacts:contact", organization, contact_id)
    context = {"form": form, "contact": found}
    return render(request, "contacts/contact_edit.html", context, status=422 if form.is_bound else 200)


@requires("contacts.manage")
@require_POST
def delete(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    people.delete(organization=request.organization, contact_ids=[found.pk], by=request.user)
    messages.success(request, _("%(person)s is no longer a contact.") % {"person": found})
    return redirect("contacts:list", organization)


@requires("contacts.manage")
@require_POST
def block(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    """All numbers of the contact."""
    found = _found(request, contact_id)
    for number in people.numbers_of(found):
        blocklist.block(
            organization=request.organization, phone_number=number, source=str(request.user), by=request.user
        )
    messages.success(request, _("%(person)s gets no messages from now on.") % {"person": found})
    return redirect("contacts:contact", organization, contact_id)


@requires("contacts.manage")
@require_POST
def unblock(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    for number in people.numbers_of(found):
        blocklist.unblock(organization=request.organization, phone_number=number, by=request.user)
    messages.success(request, _("%(person)s may be messaged again.") % {"person": found})
    return redirect("contacts:contact", organization, contact_id)


@requires("contacts.manage")
@require_POST
def put_on_list(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    here = ContactList.objects.for_organization(request.organization)
    chosen = get_object_or_404(here, pk=_named(request, "list"))
    lists.add(contact_list=chosen, contacts=[found.pk], by=request.user)
    return redirect("contacts:contact", organization, contact_id)


@requires("contacts.manage")
@require_POST
def take_off_list(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    here = ContactList.objects.for_organization(request.organization)
    chosen = get_object_or_404(here, pk=_named(request, "list"))
    lists.remove(contact_list=chosen, contacts=[found.pk], by=request.user)
    return redirect("contacts:contact", organization, contact_id)


@requires("contacts.manage")
@require_POST
def remove_number(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    if people.remove_other_number(contact=found, other_id=_named(request, "number"), by=request.user):
        messages.success(request, _("The number is no longer theirs."))
    return redirect("contacts:contact", organization, contact_id)


# -- Merging --


@never_cache
@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def merge(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    """First whom to merge with, then which values win, then it is done."""
    found = _found(request, contact_id)
    if request.method == "POST":
        return _merge(request, organization, found)
    wanted = request.GET.get("with", "")
    if wanted.isdecimal() and len(wanted) < 18:
        other = _found(request, int(wanted))
        return render(request, "contacts/merge.html", _comparison(found, other))
    search = request.GET.get("search", "")[:100].strip()
    candidates = queries.contacts(request.organization, search=search or found.name).exclude(pk=found.pk)
    shown = list(candidates.order_by("-pk")[:CANDIDATES]) if search or found.name else []
    return render(request, "contacts/merge.html", {"contact": found, "candidates": shown, "search": search})


def _comparison(found: Contact, other: Contact) -> dict[str, Any]:
    differences = merges.differences(found, other)
    numbers = {found.pk: _shown_number(found.phone_number), other.pk: _shown_number(other.phone_number)}
    return {
        "contact": found,
        "other": other,
        "numbers": numbers,
        "questions": [each for each in differences if each.is_question],
        "gaps": [each for each in differences if not each.is_question],
        "days": merges.UNDO_DAYS,
    }


def _merge(request: OrganizationRequest, organization: str, found: Contact) -> HttpResponse:
    other = _found(request, _named(request, "other"))
    take = {name.removeprefix("take:") for name, value in request.POST.items() if value == "other"}
    try:
        merges.merge(organization=request.organization, kept=found, other=other, take=take, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The two are one contact now. You can undo it from the timeline."))
    return redirect("contacts:contact", organization, found.pk)


@requires("contacts.manage")
@require_POST
def undo_merge(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    found = _found(request, contact_id)
    here = ContactMerge.objects.for_organization(request.organization).filter(kept=found)
    done = get_object_or_404(here, pk=_named(request, "merge"))
    try:
        parted = merges.undo(done=done, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(person)s is a contact of their own again.") % {"person": parted})
    return redirect("contacts:contact", organization, contact_id)
