"""Pages of single messages: a new one, now or at a time, and those that wait for their time."""

import secrets
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import get_current_timezone, make_aware, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Organization
from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts.phone_numbers import InvalidNumber, normalise
from messaging import message_forms, services, tasks
from messaging.kinds import LONGEST_CAPTION, WITH_CAPTION, Kind
from messaging.message_forms import AttachedField, MessageTextField, WallTimeField
from messaging.models import Message, MessageStatus
from messaging.services import NotAllowed
from senders.models import Sender

VIEW, MANAGE = "messages.view", "messages.manage"
A_PAGE = 50
NOW, LATER = "now", "once"


class MessageForm(forms.Form):
    to = forms.CharField(
        label=gettext_lazy("To"),
        max_length=60,
        widget=forms.TextInput(attrs={"inputmode": "tel", "placeholder": "+62812…"}),
        help_text=gettext_lazy("A phone number as people write it."),
    )
    text = MessageTextField()
    attached = AttachedField()
    sender = forms.ModelChoiceField(
        label=gettext_lazy("Sender"),
        queryset=Sender.objects.none(),
        required=False,
        empty_label=gettext_lazy("Any connected sender"),
    )
    when = forms.ChoiceField(
        label=gettext_lazy("When"),
        choices=[(NOW, gettext_lazy("Now")), (LATER, gettext_lazy("At a time"))],
        initial=NOW,
        widget=forms.RadioSelect,
    )
    at = WallTimeField(label=gettext_lazy("Day and time"), required=False)
    key = forms.CharField(widget=forms.HiddenInput, max_length=60)  # a second press of the button sends nothing again

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["attached"].organization = organization  # type: ignore[attr-defined]
        senders = Sender.objects.for_organization(organization).order_by("name", "pk")
        self.fields["sender"].queryset = senders  # type: ignore[attr-defined]

    @property
    def shown_file(self) -> str:
        """For the editor's script."""
        return message_forms.shown(self.organization, self["attached"].value() or "")

    def clean_to(self) -> str:
        try:
            return normalise(self.cleaned_data["to"], self.organization.default_region)
        except InvalidNumber as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        attached, text = given.get("attached"), given.get("text", "")
        kind = attached.kind if attached is not None else Kind.TEXT
        if kind == Kind.TEXT and not text.strip():
            self.add_error("text", _("Write the text."))
        elif kind != Kind.TEXT and kind not in WITH_CAPTION and text:
            self.add_error("text", _("A message of the kind %(kind)s has no text.") % {"kind": kind})
        elif kind in WITH_CAPTION and len(text) > LONGEST_CAPTION:
            self.add_error("text", _("A caption has at most %(n)d characters.") % {"n": LONGEST_CAPTION})
        if given.get("when") == LATER:
            self._clean_time(given)
        return given

    def _clean_time(self, given: dict[str, Any]) -> None:
        if given.get("at") is None:
            self.add_error("at", _("Say when it goes."))
            return
        given["send_at"] = make_aware(given["at"], get_current_timezone())
        if given["send_at"] <= now():
            self.add_error("at", _("This time has passed. Choose one to come."))


@requires(MANAGE)
@require_http_methods(["GET", "POST"])
def new(request: OrganizationRequest, organization: str) -> HttpResponse:
    initial = {"to": request.GET.get("to", ""), "key": secrets.token_hex(12)}
    form = MessageForm(request.POST or None, organization=request.organization, initial=initial)
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.send_message(
                organization=request.organization,
                to=given["to"],
                text=given["text"],
                sender=given["sender"],
                kind=given["attached"].kind,
                media=given["attached"].media,
                send_at=given.get("send_at"),
                idempotency_key=f"page:{given['key']}",
            )
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            tasks.plan.delay_on_commit()
            waits = given.get("send_at") is not None
            messages.success(request, _("It is sent at its time.") if waits else _("It is on its way."))
            return redirect("messaging:scheduled" if waits else "messaging:log", organization)
    return render(request, "messaging/message_new.html", {"form": form}, status=422 if form.is_bound else 200)


def waiting(organization: Organization) -> QuerySet[Message]:
    """Single messages whose time is to come, the next one first."""
    pending = Message.objects.for_organization(organization).filter(batch=None, stage=MessageStatus.PENDING)
    return pending.filter(due_at__gt=now()).select_related("sender", "media", "group").order_by("due_at", "pk")


@never_cache
@requires(VIEW)
@require_GET
def scheduled(request: OrganizationRequest, organization: str) -> HttpResponse:
    page = Paginator(waiting(request.organization), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "messaging/scheduled.html", {"page": page})


@requires(MANAGE)
@require_POST
def cancel(request: OrganizationRequest, organization: str, message_id: int) -> HttpResponse:
    found = get_object_or_404(Message.objects.for_organization(request.organization), pk=message_id)
    try:
        services.cancel_message(message=found)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Cancelled. It is not sent."))
    return redirect("messaging:scheduled", organization)
