"""Forms of senders. Services decide; forms read what people wrote and show what the services said."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from contacts.phone_numbers import InvalidNumber, normalise
from senders import guidance
from senders.models import Provider, Sender
from senders.services import LIMITS


class SendersField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, sender: Sender) -> str:
        return f"{sender.name} · {sender.phone_number or _('no number yet')} · {sender.get_status_display()}"


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


class ProviderChoice(forms.RadioSelect):
    """Each choice with what it means."""

    hints = guidance.PROVIDERS


class PhoneField(forms.CharField):
    """A number as people write it; `read` makes it E.164."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"})
        super().__init__(max_length=40, widget=widget, **kwargs)

    @staticmethod
    def read(written: str, organization: Organization) -> str:
        if not written.strip():
            return ""
        try:
            return normalise(written.strip(), organization.default_region, allow_fixed_line=True)
        except InvalidNumber as error:
            raise forms.ValidationError(str(error)) from error


class PairingForm(forms.Form):
    pairing_number = PhoneField(
        label=_("Phone number"), help_text=_("The number of the WhatsApp account on the phone that you have at hand.")
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization

    def clean_pairing_number(self) -> str:
        return PhoneField.read(self.cleaned_data["pairing_number"], self.organization)


class NewSenderForm(SenderForm):
    provider = forms.ChoiceField(label=_("Connects through"), choices=Provider.choices, widget=ProviderChoice)
    phone_number = PhoneField(
        label=_("Phone number"),
        required=False,
        help_text=_("Leave it empty if you do not know it: it is filled in when the number is linked."),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.initial.setdefault("provider", Provider.SIMULATED)

    def clean_phone_number(self) -> str:
        return PhoneField.read(self.cleaned_data["phone_number"], self.organization)
