"""Pages of lists, and what is done with the people that a search finds."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import exports, lists, queries, services
from contacts.models import ContactList
from contacts.pages.filters import filtered
from contacts.person_forms import ListNameForm, PasteForm


def _found(request: OrganizationRequest, list_id: int) -> ContactList:
    return get_object_or_404(ContactList.objects.for_organization(request.organization), pk=list_id)


def _to_people(organization: str, found: ContactList) -> HttpResponse:
    return redirect(f"{reverse('contacts:list', args=[organization])}?list={found.pk}")


@requires("contacts.view")
@require_GET
def all_lists(request: OrganizationRequest, organization: str) -> HttpResponse:
    return _all_lists(request, ListNameForm())


def _all_lists(request: OrganizationRequest, form: ListNameForm, status: int = 200) -> HttpResponse:
    context = {"lists": queries.lists_with_sizes(request.organization), "form": form}
    return render(request, "contacts/lists.html", context, status=status)


@requires("contacts.manage")
@require_POST
def new_list(request: OrganizationRequest, organization: str) -> HttpResponse:
    form = ListNameForm(request.POST)
    if form.is_valid():
        try:
            made = lists.create(organization=request.organization, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("contacts:paste", organization, made.pk)
    return _all_lists(request, form, status=422)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def edit_list(request: OrganizationRequest, organization: str, list_id: int) -> HttpResponse:
    """Its name, and what depends on it before it is deleted."""
    found = _found(request, list_id)
    form = ListNameForm(request.POST or None, initial={"name": found.name})
    if form.is_valid():
        try:
            lists.rename(contact_list=found, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
            found.refresh_from_db()
        else:
            messages.success(request, _("The list is named “%(list)s” now.") % {"list": found.name})
            return _to_people(organization, found)
    uses = lists.uses_of(found)
    context = {
        "list": found,
        "form": form,
        "uses": uses,
        "is_kept": any(use.keeps_it for use in uses),
        "size": found.contacts.count(),
    }
    return render(request, "contacts/list_edit.html", context, status=422 if form.is_bound else 200)


@requires("contacts.manage")
@require_POST
def delete_list(request: OrganizationRequest, organization: str, list_id: int) -> HttpResponse:
    found = _found(request, list_id)
    try:
        lists.delete(contact_list=found, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
        return redirect("contacts:edit_list", organization, list_id)
    messages.success(
        request, _("The list “%(list)s” is deleted. Its people are still contacts.") % {"list": found.name}
    )
    return redirect("contacts:lists", organization)


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def paste(request: OrganizationRequest, organization: str, list_id: int) -> HttpResponse:
    found = _found(request, list_id)
    form = PasteForm(request.POST or None)
    problems: list[str] = []
    if form.is_valid():
        try:
            pasted = lists.add_numbers(contact_list=found, written=form.cleaned_data["numbers"], by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _pasted_words(pasted))
            if not pasted.problems:
                return _to_people(organization, found)
            problems = pasted.problems
            form = PasteForm(initial={"numbers": "\n".join(problems)})
    context = {"list": found, "form": form, "problems": problems}
    return render(request, "contacts/paste.html", context, status=422 if form.is_bound else 200)


def _pasted_words(pasted: lists.Pasted) -> str:
    words = ngettext("%(n)d person is new on the list", "%(n)d people are new on the list", pasted.added)
    parts = [words % {"n": pasted.added}]
    if pasted.created:
        parts.append(_("%(n)d of them new contacts") % {"n": pasted.created})
    if pasted.already:
        parts.append(_("%(n)d on it before") % {"n": pasted.already})
    return ", ".join(parts) + "."


# -- What is done with chosen people, or with all that a search finds --


@requires("contacts.manage")
@require_POST
def chosen(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Puts people on a list or takes them off one: those ticked, or all that the search of the page finds."""
    here = ContactList.objects.for_organization(request.organization)
    action = request.POST.get("action", "")
    written = request.POST.get("target", "")
    if action not in ("add", "remove") or not written.isdecimal() or len(written) > 18:
        raise BadRequest(action)
    target = get_object_or_404(here, pk=int(written))
    found, query = filtered(request, request.POST)
    if request.POST.get("whom") != "found":
        ids = [int(each) for each in request.POST.getlist("contact") if each.isdecimal() and len(each) < 18]
        found = found.filter(pk__in=ids)
    back = redirect(f"{reverse('contacts:list', args=[organization])}?{query}")
    if action == "add":
        changed = lists.add(contact_list=target, contacts=found, by=request.user)
        words: Any = ngettext("%(n)d person is new on “%(list)s”.", "%(n)d people are new on “%(list)s”.", changed)
    else:
        changed = lists.remove(contact_list=target, contacts=found, by=request.user)
        words = ngettext("%(n)d person taken off “%(list)s”.", "%(n)d people taken off “%(list)s”.", changed)
    messages.success(request, words % {"n": changed, "list": target.name})
    return back


@requires("contacts.view")
@require_GET
def export(request: OrganizationRequest, organization: str) -> HttpResponseBase:
    """What the search of the page finds, as a file."""
    found, query = filtered(request, request.GET)
    wanted = request.GET.get("as", exports.XLSX)
    if wanted not in exports.CONTENT_TYPES:
        raise BadRequest(wanted)
    try:
        return exports.respond(organization=request.organization, contacts=found, file_type=wanted, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('contacts:list', args=[organization])}?{query}")
