"""Pages of one person's rights: consent with its history, the export, and the erasure."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import consent, erasure, person_export, tasks
from contacts.models import BlocklistEntry, Contact, Erasure
from contacts.models.consent import EVIDENCE_LENGTH, SOURCE_LENGTH

CHANGES_SHOWN = 50


class ConsentForm(forms.Form):
    is_given = forms.ChoiceField(
        label=gettext_lazy("The person"),
        choices=[("yes", gettext_lazy("agreed to be messaged")), ("no", gettext_lazy("took it back"))],
    )
    source = forms.CharField(
        label=gettext_lazy("Where they said it"),
        max_length=SOURCE_LENGTH,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("Web form, fair, phone call …")}),
    )
    evidence = forms.CharField(
        label=gettext_lazy("How that can be shown"),
        max_length=EVIDENCE_LENGTH,
        required=False,
        help_text=gettext_lazy("Their words, or where the signed form lies."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    at = forms.DateField(
        label=gettext_lazy("When"),
        required=False,
        help_text=gettext_lazy("Empty: now."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )


@never_cache
@requires("contacts.view")
@require_GET
def person(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    return _person(request, _find(request, contact_id), ConsentForm())


@requires("contacts.manage")
@require_POST
def change_consent(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    contact = _find(request, contact_id)
    form = ConsentForm(request.POST)
    if form.is_valid() and contact.phone_number:
        given = form.cleaned_data
        day = given["at"]
        at = now() if day is None else now().replace(year=day.year, month=day.month, day=day.day)
        try:
            is_news = consent.say(
                organization=request.organization,
                phone_number=contact.phone_number,
                is_given=given["is_given"] == "yes",
                source=given["source"],
                evidence=given["evidence"],
                at=at,
                by=request.user,
            )
        except ValidationError as error:
            form.add_error("at", error.message_dict["at"])
        else:
            if is_news:
                messages.success(request, _("It is written down."))
            else:
                messages.info(request, _("Nothing changed: the person said something later, or the same before."))
            return redirect("contacts:person_privacy", organization, contact.pk)
    return _person(request, contact, form, status=422)


@requires("organization.manage")
@require_GET
def export(request: OrganizationRequest, organization: str, contact_id: int) -> StreamingHttpResponse:
    found = erasure.person_of(organization=request.organization, contact=_find(request, contact_id))
    return person_export.response(organization=request.organization, person=found, by=request.user)


@requires("organization.manage")
@require_POST
def erase(request: OrganizationRequest, organization: str, contact_id: int) -> HttpResponse:
    asked = erasure.ask_for(
        organization=request.organization,
        contact=_find(request, contact_id),
        stays_unreachable="may_return" not in request.POST,
        by=request.user,
    )
    tasks.run_erasure.delay_on_commit(asked.pk)
    messages.success(request, _("The person is being erased. It is done when it says so here."))
    return redirect("contacts:erasures", organization)


@never_cache
@requires("organization.manage")
@require_GET
def erasures(request: OrganizationRequest, organization: str) -> HttpResponse:
    """People who were erased, or are being erased."""
    found = Erasure.objects.for_organization(request.organization)
    return render(
        request,
        "contacts/erasures_table.html" if request.htmx else "contacts/erasures.html",
        {"erasures": found[:100], "is_busy": found.exclude(status=Erasure.Status.DONE).exists()},
    )


def _find(request: OrganizationRequest, contact_id: int) -> Contact:
    return get_object_or_404(Contact.objects.for_organization(request.organization), pk=contact_id)


def _person(request: OrganizationRequest, contact: Contact, form: ConsentForm, status: int = 200) -> HttpResponse:
    blocked = BlocklistEntry.objects.for_organization(request.organization)
    context: dict[str, Any] = {
        "contact": contact,
        "form": form,
        "consent": consent.of_number(request.organization, contact.phone_number),
        "history": consent.history(request.organization, contact.phone_number)[:CHANGES_SHOWN],
        "blocked": blocked.filter(phone_number=contact.phone_number).first() if contact.phone_number else None,
    }
    return render(request, "contacts/person_privacy.html", context, status=status)
