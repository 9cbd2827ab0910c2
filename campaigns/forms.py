"""The form of a new campaign. The service decides what is right; the form reads it and shows what the service said."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from contacts.models import ContactList
from senders.models import Sender

FIELDS_OF_SERVICE = {"min_delay_ms": "min_delay", "max_delay_ms": "max_delay"}


class SendersField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, sender: Sender) -> str:
        return f"{sender.name} · {sender.phone_number or _('no number yet')} · {sender.get_status_display()}"


class NewCampaignForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("For you and your team; the people do not see it."),
        error_messages={"required": _("Give the campaign a name.")},
    )
    file = forms.FileField(
        label=_("Excel list"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".xlsx", "x-on:change": "look"}),
    )
    contact_list = forms.ModelChoiceField(
        label=_("Contact list"),
        queryset=ContactList.objects.none(),
        required=False,
        empty_label=_("None"),
        widget=forms.Select(attrs={"x-on:change": "look"}),
        help_text=_("With a sheet and a list, everybody on either gets one message; the sheet's values win."),
    )
    template = forms.CharField(
        label=_("Message"),
        strip=False,
        error_messages={"required": _("Write the text of the message.")},
        widget=forms.Textarea(attrs={"rows": 7, "x-ref": "text", "x-on:input": "typed", "dir": "auto"}),
    )
    senders = SendersField(
        label=_("Senders"),
        queryset=Sender.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    min_delay = forms.FloatField(
        label=_("Shortest pause (seconds)"),
        required=False,
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
    )
    max_delay = forms.FloatField(
        label=_("Longest pause (seconds)"),
        required=False,
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        senders = Sender.objects.for_organization(organization)
        self.fields["senders"].queryset = senders  # type: ignore[attr-defined]
        self.fields["senders"].initial = list(senders.values_list("pk", flat=True))
        lists = ContactList.objects.for_organization(organization)
        self.fields["contact_list"].queryset = lists  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What `services.create_campaign` takes."""
        given = self.cleaned_data
        file = given["file"]
        return {
            "name": given["name"],
            "template": given["template"],
            "file": file or None,
            "file_name": file.name if file else "",
            "contact_list": given["contact_list"],
            "senders": list(given["senders"]),
            "min_delay_ms": _milliseconds(given["min_delay"]),
            "max_delay_ms": _milliseconds(given["max_delay"]),
        }

    def add_service_errors(self, error: ValidationError) -> None:
        for field, texts in error.message_dict.items():
            self.add_error(FIELDS_OF_SERVICE.get(field, field), texts)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
