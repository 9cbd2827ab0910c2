"""Forms of senders. Services decide; forms read what people wrote and show what the services said."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from contacts.phone_numbers import InvalidNumber, normalise
from senders.models import Provider, Sender
from senders.services import LIMITS


class SenderForm(forms.ModelForm):
    """Name and limits. The service saves; a name that is taken is its answer."""

    class Meta:
        model = Sender
        fields = ("name", *LIMITS)
        labels = {
            "quota_per_minute": _("Messages a minute"),
            "quota_per_hour": _("Messages an hour"),
            "quota_per_day": _("Messages a day"),
            "warm_up_per_day": _("Messages on the first day"),
        }
        help_texts = {
            "name": _("How your team calls this number, such as “Sales Jakarta”."),
            "quota_per_minute": _("Empty means no limit."),
            "quota_per_hour": _("Empty means no limit."),
            "quota_per_day": _("Counted from midnight in your organization's time zone. Empty means no limit."),
            "warm_up_per_day": _(
                "For new numbers: each following day it sends half as many more, until the quotas are reached. "
                "Empty means no warm-up."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in LIMITS:
            self.fields[name].widget.attrs["min"] = 1

    def validate_constraints(self) -> None:
        """Left to the service: it says it by field, and holds against two people at once."""


class NewSenderForm(SenderForm):
    provider = forms.ChoiceField(label=_("Connects through"), choices=Provider.choices, widget=forms.RadioSelect)
    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        required=False,
        help_text=_("Leave it empty if you do not know it: it is filled in when the number is linked."),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.initial.setdefault("provider", Provider.SIMULATED)
        if len(Provider.choices) == 1:
            self.fields["provider"].widget = forms.HiddenInput()

    def clean_phone_number(self) -> str:
        written = self.cleaned_data["phone_number"].strip()
        if not written:
            return ""
        try:
            return normalise(written, self.organization.default_region)
        except InvalidNumber as error:
            raise forms.ValidationError(str(error)) from error
