"""The form of a new campaign. The service decides what is right; the form reads it and shows what the service said."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from campaigns.forecast import WhatIf
from contacts.models import ContactList, Segment
from messaging.models import Batch, Purpose
from messaging.windows import parse as parse_windows
from senders.models import Sender

FIELDS_OF_SERVICE = {"min_delay_ms": "min_delay", "max_delay_ms": "max_delay", "windows": "hours_from"}
WINDOW_FIELDS = ("days", "hours_from", "hours_to")
WEEKDAYS = [
    (1, _("Monday")),
    (2, _("Tuesday")),
    (3, _("Wednesday")),
    (4, _("Thursday")),
    (5, _("Friday")),
    (6, _("Saturday")),
    (7, _("Sunday")),
]


class SendersField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, sender: Sender) -> str:
        return f"{sender.name} · {sender.phone_number or _('no number yet')} · {sender.get_status_display()}"


class NewCampaignForm(forms.Form):
    """What must be filled in is the service's to say: so it is said together with whatever else is wrong."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        required=False,
        help_text=_("For you and your team; the people do not see it."),
        widget=forms.TextInput(attrs={"required": True}),
    )
    file = forms.FileField(
        label=_("Excel list"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,.tsv,.txt", "x-on:change": "look"}),
    )
    contact_list = forms.ModelChoiceField(
        label=_("Contact list"),
        queryset=ContactList.objects.none(),
        required=False,
        empty_label=_("None"),
        widget=forms.Select(attrs={"x-on:change": "look"}),
        help_text=_("With a sheet and a list, everybody on either gets one message; the sheet's values win."),
    )
    segment = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=Segment.objects.none(),
        required=False,
        empty_label=_("None"),
        widget=forms.Select(attrs={"x-on:change": "look"}),
        help_text=_("Whoever fits when the audience is fixed, shortly after you press the button, gets the message."),
    )
    excluded_lists = forms.ModelMultipleChoiceField(
        label=_("But nobody on these lists"),
        queryset=ContactList.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    excluded_segments = forms.ModelMultipleChoiceField(
        label=_("But nobody in these segments"),
        queryset=Segment.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    template = forms.CharField(
        label=_("Message"),
        strip=False,
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 7, "x-ref": "text", "x-on:input": "typed", "dir": "auto", "required": True}
        ),
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

    days = forms.TypedMultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    hours_from = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    hours_to = forms.TimeField(
        label=_("To"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("An end before the beginning means on the next day."),
    )
    recipient_time = forms.BooleanField(
        label=_("In each recipient's own time"), required=False, help_text=_("From the region of the number.")
    )
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=Purpose.choices,
        initial=Purpose.MARKETING,
        required=False,
        help_text=_(
            "Service is what a customer expects, such as news of an order. Marketing goes only to people who agreed, "
            "where your organization demands that."
        ),
    )
    typing = forms.BooleanField(
        label=_("Show “typing…” before each message"),
        required=False,
        help_text=_("As long as a person would take to write it, 8 seconds at most."),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        senders = Sender.objects.for_organization(organization)
        self.fields["senders"].queryset = senders  # type: ignore[attr-defined]
        self.fields["senders"].initial = list(senders.values_list("pk", flat=True))
        lists = ContactList.objects.for_organization(organization)
        segments = Segment.objects.for_organization(organization)
        for name, choices in (("contact_list", lists), ("excluded_lists", lists), ("segment", segments)):
            self.fields[name].queryset = choices  # type: ignore[attr-defined]
        self.fields["excluded_segments"].queryset = segments  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        chosen = [bool(given.get("days")), bool(given.get("hours_from")), bool(given.get("hours_to"))]
        if any(chosen) and not (given.get("hours_from") and given.get("hours_to")):
            self.add_error("hours_from", _("Write both ends of the sending hours, or leave the days empty as well."))
        return given

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
            "segment": given["segment"],
            "excluded_lists": list(given["excluded_lists"]),
            "excluded_segments": list(given["excluded_segments"]),
            "senders": list(given["senders"]),
            "min_delay_ms": _milliseconds(given["min_delay"]),
            "max_delay_ms": _milliseconds(given["max_delay"]),
            "windows": windows_of(given),
            "recipient_time": given["recipient_time"],
            "typing": given["typing"],
            "purpose": given["purpose"] or Purpose.MARKETING,
        }

    def add_service_errors(self, error: ValidationError) -> None:
        for field, texts in error.message_dict.items():
            self.add_error(FIELDS_OF_SERVICE.get(field, field), texts)


class WhatIfForm(forms.Form):
    """What a forecast supposes instead of what is. It opens with what is."""

    senders = SendersField(
        label=_("Senders"), queryset=Sender.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    min_delay = forms.FloatField(
        label=_("Shortest pause (seconds)"),
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
    )
    max_delay = forms.FloatField(
        label=_("Longest pause (seconds)"),
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
    )
    days = forms.TypedMultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    hours_from = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    hours_to = forms.TimeField(
        label=_("To"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def __init__(self, *args: Any, batch: Batch, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "what_if_%s", **kwargs})
        self.fields["senders"].queryset = Sender.objects.for_organization(batch.organization)  # type: ignore[attr-defined]
        days, opens, closes = (*parse_windows(batch.windows)[:1], (frozenset(), None, None))[0]
        self.initial = {
            "senders": list(batch.senders.values_list("pk", flat=True)),
            "min_delay": batch.min_delay_ms / 1000,
            "max_delay": batch.max_delay_ms / 1000,
            "days": sorted(days),
            "hours_from": opens,
            "hours_to": closes,
        }

    def what_if(self) -> WhatIf:
        """Windows that are as the form opened with stay as they are, also where the form cannot show all of them."""
        given = self.cleaned_data
        same = all(not self.fields[name].has_changed(self.initial[name], self[name].data) for name in WINDOW_FIELDS)
        return WhatIf(
            senders=tuple(given["senders"]),
            min_delay_ms=_milliseconds(given["min_delay"]),
            max_delay_ms=_milliseconds(given["max_delay"]),
            windows=None if same else windows_of(given),
        )


def windows_of(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The sending hours of a form in their stored form; no day chosen means every day."""
    if not given["hours_from"] or not given["hours_to"]:
        return []
    opens, closes = (given[name].strftime("%H:%M") for name in ("hours_from", "hours_to"))
    return [{"days": given["days"] or [day for day, _name in WEEKDAYS], "from": opens, "to": closes}]


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
