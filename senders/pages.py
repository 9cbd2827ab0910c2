"""Pages of senders: the list, one sender with its live connection, creating and editing."""

from copy import copy
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from senders import guidance, health, linking, queries, services
from senders.forms import NewSenderForm, PairingForm, SenderForm
from senders.models import Sender, SenderStatus


@requires("senders.view")
@require_GET
def senders(request: OrganizationRequest, organization: str) -> HttpResponse:
    found = list(queries.senders_of(request.organization))
    use = queries.quota_use_of(found)
    rows = [
        {"sender": sender, "today": use[sender.pk][-1], "what_to_do": guidance.what_to_do(sender)} for sender in found
    ]
    template = "senders/table.html" if request.htmx else "senders/list.html"
    return render(request, template, {"rows": rows, "as_of": now()})


@requires("senders.manage")
@require_http_methods(["GET", "POST"])
def new_sender(request: OrganizationRequest, organization: str) -> HttpResponse:
    form = NewSenderForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        try:
            sender = services.create_sender(organization=request.organization, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            services.request_connect(sender=sender, by=request.user)
            return redirect("senders:detail", organization, sender.pk)
    return render(request, "senders/new.html", {"form": form}, status=422 if form.is_bound else 200)


@never_cache
@requires("senders.view")
@require_GET
def sender(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    shown = _find(request, sender_id)
    return render(request, "senders/detail.html", _live(request, shown))


@never_cache
@requires("senders.view")
@require_GET
def live(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    """The live part of a sender's page, fetched again whenever its state changes."""
    return render(request, "senders/live.html", _live(request, _find(request, sender_id)))


@requires("senders.manage")
@require_http_methods(["GET", "POST"])
def edit_sender(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    edited = _find(request, sender_id)
    # The form writes into its instance while it validates: a copy, so that a refused name is not shown all around.
    form = SenderForm(request.POST or None, instance=copy(edited))
    if request.method == "POST" and form.is_valid():
        try:
            services.change_sender(sender=edited, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": edited.name})
            return redirect("senders:detail", organization, sender_id)
    context = {"form": form, "sender": _find(request, sender_id)}
    return render(request, "senders/edit.html", context, status=422 if form.is_bound else 200)


@requires("senders.manage")
@require_POST
def connect(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    return _changed(request, services.request_connect(sender=_find(request, sender_id), by=request.user))


@requires("senders.manage")
@require_http_methods(["GET", "POST"])
def pair(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    """Asks for the number that a pairing code is for."""
    paired = _find(request, sender_id)
    number = paired.pairing_number or paired.phone_number
    form = PairingForm(request.POST or None, organization=request.organization, initial={"pairing_number": number})
    if request.method == "POST" and form.is_valid():
        try:
            services.request_connect(sender=paired, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        except services.NotAllowed as error:
            form.add_error("pairing_number", str(error))
        else:
            return redirect("senders:detail", organization, sender_id)
    return render(request, "senders/pair.html", {"form": form, "sender": paired}, status=422 if form.is_bound else 200)


@requires("senders.manage")
@require_POST
def log_out(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    found = _find(request, sender_id)
    try:
        found = services.request_logout(sender=found, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    return _changed(request, found)


@requires("senders.manage")
@require_POST
def disconnect(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    return _changed(request, services.request_disconnect(sender=_find(request, sender_id), by=request.user))


@requires("senders.manage")
@require_POST
def pause(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    return _changed(request, services.pause_sender(sender=_find(request, sender_id), by=request.user))


@requires("senders.manage")
@require_POST
def resume(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    return _changed(request, services.resume_sender(sender=_find(request, sender_id), by=request.user))


@requires("senders.manage")
@require_POST
def delete(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    deleted = _find(request, sender_id)
    try:
        services.delete_sender(sender=deleted, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
        return redirect("senders:detail", organization, sender_id)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": deleted.name})
    return redirect("senders:list", organization)


def _find(request: OrganizationRequest, sender_id: int) -> Sender:
    return get_object_or_404(queries.senders_of(request.organization), pk=sender_id)


def _changed(request: OrganizationRequest, changed: Sender) -> HttpResponse:
    """The live part for htmx, else the whole page."""
    if request.htmx:
        return render(request, "senders/live.html", _live(request, changed))
    return redirect("senders:detail", request.organization.slug, changed.pk)


def _live(request: OrganizationRequest, shown: Sender) -> dict[str, Any]:
    """What the live part needs. The QR code is for those who may link a phone."""
    may_link = shown.status == SenderStatus.SCAN and "senders.manage" in capabilities_of(request.membership)
    has_session = shown.status not in services.ENDED_STATUSES
    is_resting = shown.resting_until is not None and shown.resting_until > now()
    is_weak = health.of(shown) < health.LOWEST_HEALTH
    return {
        "sender": shown,
        "use": queries.quota_use_of([shown])[shown.pk],
        "health": health.of(shown),
        "is_resting": is_resting,
        "holds_back": shown.paused_at is not None or is_resting or is_weak,
        "is_held": shown.first_contacts_held_until is not None and shown.first_contacts_held_until > now(),
        "code": linking.shown_qr(shown.pk) if may_link else None,
        "pairing_code": linking.shown_pairing_code(shown.pk) if may_link else None,
        "what_to_do": guidance.what_to_do(shown),
        "is_ending": has_session and (not shown.wanted or shown.logging_out),
        "may_connect": not shown.wanted,
        "may_delete": not shown.wanted and not has_session,
        "may_log_out": shown.is_linked and not shown.logging_out,
        "takes_long": guidance.takes_long(shown) and shown.wanted and not shown.logging_out,
    }
