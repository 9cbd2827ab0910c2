"""Pages of broadcast lists: all of them, a new one, and one with its groups and what was sent to it."""

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from broadcasts import approval, members, queries, services
from broadcasts.forms import ContentForm, ListForm, PeopleForm
from broadcasts.models import BroadcastList
from contacts.models import Contact
from contacts.segments.trees import InvalidFilter
from messaging import progress, tasks
from messaging.sends import InvalidPlan
from messaging.services import NotAllowed

VIEW, MANAGE = "messages.view", "messages.manage"
LISTS_A_PAGE = 30
MEMBERS_A_PAGE = 64
HISTORY_SHOWN = 20
PROBLEMS_SHOWN = 5


def find(request: OrganizationRequest, list_id: int) -> BroadcastList:
    mine = BroadcastList.objects.for_organization(request.organization).select_related("sender", "organization")
    return get_object_or_404(mine, pk=list_id)


def show(form: Any, errors: dict[str, Any], otherwise: str = "") -> None:
    """Puts what a service said beside the fields that it is about."""
    for name, texts in errors.items():
        form.add_error(name if name in form.fields else otherwise or None, texts)


@never_cache
@requires(VIEW)
@require_GET
def lists(request: OrganizationRequest, organization: str) -> HttpResponse:
    mine = BroadcastList.objects.for_organization(request.organization).select_related("sender")
    page = Paginator(mine.annotate(size=Count("members")).order_by("-pk"), LISTS_A_PAGE).get_page(
        request.GET.get("page")
    )
    found: list[Any] = list(page)
    newest = {each.pk: queries.newest_broadcast(each) for each in found}
    figures = progress.snapshots(each.batch for each in newest.values() if each is not None)
    rows = []
    for each in found:
        broadcast = newest[each.pk]
        state = figures[broadcast.batch_id] if broadcast is not None else None
        rows.append((each, len(members.group_sizes(each.size)), broadcast, state))
    return render(request, "broadcasts/lists.html", {"page": page, "rows": rows})


@requires(MANAGE)
@require_http_methods(["GET", "POST"])
def new(request: OrganizationRequest, organization: str) -> HttpResponse:
    form = ListForm(request.POST or None, organization=request.organization)
    if form.is_valid():
        try:
            numbers, problems = form.people()
            given = form.cleaned_data
            made = services.create_list(
                organization=request.organization,
                name=given["name"],
                sender=given["sender"],
                gap_seconds=given["gap_seconds"],
                numbers=numbers,
                by=request.user,
            )
        except InvalidFilter as error:
            form.add_error("segment", error.messages)
        except ValidationError as error:
            show(form, error.message_dict)
        else:
            _tell_problems(request, problems)
            messages.success(request, _("“%(name)s” is made. Write what to send below.") % {"name": made.name})
            return redirect("broadcasts:detail", organization, made.pk)
    return render(request, "broadcasts/new.html", {"form": form}, status=422 if form.is_bound else 200)


def _tell_problems(request: OrganizationRequest, problems: list[str]) -> None:
    if not problems:
        return
    shown = ", ".join(problems[:PROBLEMS_SHOWN]) + (" …" if len(problems) > PROBLEMS_SHOWN else "")
    text = ngettext(
        "%(number)s entry is no mobile number and was left out: %(shown)s",
        "%(number)s entries are no mobile numbers and were left out: %(shown)s",
        len(problems),
    )
    messages.warning(request, text % {"number": len(problems), "shown": shown})


@never_cache
@requires(VIEW)
@require_GET
def detail(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    return _detail(request, find(request, broadcast_list_id), ContentForm(organization=request.organization))


def _detail(
    request: OrganizationRequest, found: BroadcastList, form: ContentForm, key: str = "", status: int = 200
) -> HttpResponse:
    history = list(found.broadcasts.select_related("batch", "created_by")[:HISTORY_SHOWN])
    figures = progress.snapshots(broadcast.batch for broadcast in history)
    context = {
        "list": found,
        "size": found.members.count(),
        "groups": queries.groups_of(found),
        "newest": history[0] if history else None,
        "history": [(broadcast, figures[broadcast.batch_id]) for broadcast in history],
        "form": form,
        "key": key or secrets.token_hex(12),
    }
    return render(request, "broadcasts/detail.html", context, status=status)


@never_cache
@requires(VIEW)
@require_GET
def groups(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    """The part of a list's page that changes while something is sent to it."""
    found = find(request, broadcast_list_id)
    context = {
        "list": found,
        "groups": queries.groups_of(found),
        "size": found.members.count(),
        "newest": queries.newest_broadcast(found),
    }
    return render(request, "broadcasts/groups.html", context)


@requires(MANAGE)
@require_POST
def send(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    found = find(request, broadcast_list_id)
    form = ContentForm(request.POST, organization=request.organization)
    key = request.POST.get("key", "")[:60]
    if form.is_valid():
        try:
            approval.require(request.organization, capabilities_of(request.membership))
            broadcast = services.send_broadcast(
                broadcast_list=found,
                idempotency_key=f"page:{key}" if key else None,
                by=request.user,
                **form.content(),
            )
        except InvalidPlan as error:
            show(form, error.errors, "text")
        except NotAllowed as error:
            form.add_error("text", str(error))
        else:
            tasks.plan.delay_on_commit()
            return redirect("broadcasts:batch", organization, broadcast.batch_id)
    return _detail(request, found, form, key, status=422)


@requires(VIEW)
@require_GET
def people(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    """Who is on the list, group by group."""
    found = find(request, broadcast_list_id)
    return _people(request, found, PeopleForm(organization=request.organization))


def _people(request: OrganizationRequest, found: BroadcastList, form: PeopleForm, status: int = 200) -> HttpResponse:
    page = Paginator(found.members.all(), MEMBERS_A_PAGE).get_page(request.GET.get("page"))
    named = Contact.objects.for_organization(request.organization).filter(
        phone_number__in=[member.phone_number for member in page]
    )
    names = dict(named.values_list("phone_number", "name"))
    rows = [(member, names.get(member.phone_number, "")) for member in page]
    context = {"list": found, "page": page, "rows": rows, "form": form}
    return render(request, "broadcasts/people.html", context, status=status)


@requires(MANAGE)
@require_POST
def add_people(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    found = find(request, broadcast_list_id)
    form = PeopleForm(request.POST, organization=request.organization)
    if form.is_valid():
        try:
            numbers, problems = form.people()
        except InvalidFilter as error:
            form.add_error("segment", error.messages)
            return _people(request, found, form, status=422)
        added = services.add_members(broadcast_list=found, numbers=numbers, by=request.user)
        _tell_problems(request, problems)
        text = ngettext("%(number)s person is new on the list.", "%(number)s people are new on the list.", added)
        messages.success(request, text % {"number": added})
        return redirect("broadcasts:people", organization, found.pk)
    return _people(request, found, form, status=422)


@requires(MANAGE)
@require_POST
def remove_people(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    found = find(request, broadcast_list_id)
    gone = services.remove_members(broadcast_list=found, numbers=request.POST.getlist("number"), by=request.user)
    text = ngettext("%(number)s person was taken off.", "%(number)s people were taken off.", gone)
    messages.success(request, text % {"number": gone})
    return redirect("broadcasts:people", organization, found.pk)


@requires(MANAGE)
@require_http_methods(["GET", "POST"])
def edit(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    found = find(request, broadcast_list_id)
    form = ListForm.of(found, *([request.POST] if request.method == "POST" else []))
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.change_list(
                broadcast_list=found,
                name=given["name"],
                sender=given["sender"],
                gap_seconds=given["gap_seconds"],
                by=request.user,
            )
        except ValidationError as error:
            show(form, error.message_dict)
        else:
            messages.success(request, _("Saved."))
            return redirect("broadcasts:detail", organization, found.pk)
    context = {"form": form, "list": find(request, broadcast_list_id)}
    return render(request, "broadcasts/edit.html", context, status=422 if form.is_bound else 200)


@requires(MANAGE)
@require_POST
def delete(request: OrganizationRequest, organization: str, broadcast_list_id: int) -> HttpResponse:
    found = find(request, broadcast_list_id)
    try:
        services.delete_list(broadcast_list=found, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("broadcasts:detail", organization, broadcast_list_id)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
    return redirect("broadcasts:list", organization)
