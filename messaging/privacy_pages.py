"""The page of what an organization demands and keeps: consent, and how long texts and people stay."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import consent
from contacts.queries import settings_of
from messaging import retention

LONGEST_DAYS = 36_500


class PrivacyForm(forms.Form):
    marketing_needs_consent = forms.BooleanField(
        label=gettext_lazy("Marketing goes only to people who agreed"), required=False
    )
    texts_kept_days = forms.IntegerField(
        label=gettext_lazy("Keep texts and files of messages for (days)"),
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text=gettext_lazy("After that a message shows who got it and when, not what it said. Empty: for ever."),
    )
    contacts_kept_days = forms.IntegerField(
        label=gettext_lazy("Keep people without any activity for (days)"),
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text=gettext_lazy(
            "Who neither got nor wrote a message for so long, and was not changed, goes with lists, tags, attributes and "
            "consent. The blocklist stays. Empty: for ever."
        ),
    )


@never_cache
@requires("organization.manage")
@require_http_methods(["GET", "POST"])
def privacy(request: OrganizationRequest, organization: str) -> HttpResponse:
    settings = settings_of(request.organization)
    names = list(PrivacyForm.base_fields)
    form = PrivacyForm(request.POST or None, initial={name: getattr(settings, name) for name in names})
    context: dict[str, Any] = {
        "form": form,
        "agreed": consent.consents(request.organization, is_given=True).count(),
        "preview": None,
    }
    is_valid = form.is_bound and form.is_valid()
    if is_valid and "save" in request.POST:
        changed = retention.change_settings(
            organization=request.organization, by=request.user, **{name: form.cleaned_data[name] for name in names}
        )
        messages.success(request, _("The settings are saved.") if changed else _("Nothing was changed."))
        return redirect("messaging_privacy:privacy", organization)
    if is_valid:
        context["preview"] = retention.preview(
            request.organization,
            texts_kept_days=form.cleaned_data["texts_kept_days"],
            contacts_kept_days=form.cleaned_data["contacts_kept_days"],
        )
    status = 422 if form.is_bound and not is_valid else 200
    return render(request, "messaging/privacy.html", context, status=status)
