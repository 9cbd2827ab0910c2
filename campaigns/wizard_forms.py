"""The forms of a campaign's steps. A draft keeps whatever fits a field's type; the service decides what is right."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import time_zone_choices
from campaigns.checks import LONGEST_NAME
from campaigns.forms import WEEKDAYS, milliseconds, windows_of
from campaigns.models import Campaign
from contacts.models import ContactList, Segment
from messaging import message_forms
from messaging.message_files import Attached
from messaging.message_forms import AttachedField, MessageTextField
from messaging.models import Purpose
from messaging.windows import parse as parse_windows
from senders.forms import SendersField
from senders.models import Sender


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("For you and your team; the people do not see it."),
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )


class StepForm(forms.Form):
    """One step of `campaign`. `kept` names the fields as the service does."""

    of_service: ClassVar[dict[str, str]] = {}  # the service's name of a field → the form's

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": self.initial_of(campaign), "auto_id": "step_%s", **kwargs})
        self.campaign = campaign

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        raise NotImplementedError

    def kept(self) -> dict[str, Any]:
        """What `drafts.save_draft` and `edits.edit_campaign` take: every field that was filled in rightly."""
        raise NotImplementedError

    def add_service_errors(self, error: ValidationError) -> list[str]:
        """Puts what the service said beside the fields; what concerns another step is given back."""
        elsewhere = []
        for field, texts in error.message_dict.items():
            name = self.of_service.get(field, field)
            if name in self.fields:
                self.add_error(name, texts)
            else:
                elsewhere += texts
        return elsewhere

    def _given(self, *names: str) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


class AudienceForm(StepForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        required=False,
        help_text=_("For you and your team; the people do not see it."),
        widget=forms.TextInput(attrs={"required": True, "autocomplete": "off"}),
    )
    file = forms.FileField(
        label=_("Excel list"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,.tsv,.txt"}),
    )
    without_file = forms.BooleanField(label=_("Do not use the uploaded sheet"), required=False)
    contact_list = forms.ModelChoiceField(
        label=_("Contact list"),
        queryset=ContactList.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("With a sheet and a list, everybody on either gets one message; the sheet's values win."),
    )
    segment = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=Segment.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("Whoever fits when the audience is fixed gets the message."),
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
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        required=False,
        choices=Purpose.choices,
        help_text=_(
            "Service is what a customer expects, such as news of an order. Marketing goes only to people who agreed, "
            "where your organization demands that."
        ),
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, campaign=campaign, **kwargs)
        lists = ContactList.objects.for_organization(campaign.organization)
        segments = Segment.objects.for_organization(campaign.organization)
        for name, choices in (
            *(("contact_list", lists), ("excluded_lists", lists)),
            *(("segment", segments), ("excluded_segments", segments)),
        ):
            self.fields[name].queryset = choices  # type: ignore[attr-defined]

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "name": campaign.name,
            "contact_list": campaign.contact_list_id,
            "segment": campaign.segment_id,
            "excluded_lists": list(campaign.excluded_lists.values_list("pk", flat=True)),
            "excluded_segments": list(campaign.excluded_segments.values_list("pk", flat=True)),
            "purpose": campaign.batch.purpose,
        }

    def kept(self) -> dict[str, Any]:
        given = self._given("name", "contact_list", "segment", "excluded_lists", "excluded_segments")
        if purpose := self.cleaned_data.get("purpose"):
            given["purpose"] = purpose
        if file := self.cleaned_data.get("file"):
            return {**given, "file": file, "file_name": str(file.name)}
        return {**given, "without_file": True} if self.cleaned_data.get("without_file") else given


class MessageForm(StepForm):
    of_service: ClassVar[dict[str, str]] = {"media": "attached", "kind": "attached"}
    template = MessageTextField()
    attached = AttachedField()

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, campaign=campaign, **kwargs)
        self.fields["attached"].organization = campaign.organization  # type: ignore[attr-defined]

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        batch = campaign.batch
        return {
            "template": batch.text,
            "attached": Attached(batch.media, batch.kind, batch.template_version).token,
        }

    @property
    def shown_file(self) -> str:
        """For the editor's script."""
        return message_forms.shown(self.campaign.organization, self["attached"].value() or "")

    def kept(self) -> dict[str, Any]:
        given = self._given("template")
        attached = self.cleaned_data.get("attached")
        if attached is not None and "attached" in self.data:  # what is not sent at all stays as it is
            given |= {"media": attached.media, "kind": attached.kind, "template_version": attached.version}
        return given


class SendingForm(StepForm):
    of_service: ClassVar[dict[str, str]] = {
        "min_delay_ms": "min_delay",
        "max_delay_ms": "max_delay",
        "windows": "hours_from",
    }

    senders = SendersField(
        label=_("Senders"),
        queryset=Sender.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    min_delay = forms.FloatField(
        label=_("Shortest pause (seconds)"),
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
    )
    max_delay = forms.FloatField(
        label=_("Longest pause (seconds)"),
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
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
    days = forms.TypedMultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    timezone = forms.ChoiceField(label=_("Time zone"), required=False)
    recipient_time = forms.BooleanField(
        label=_("In each recipient's own time"), required=False, help_text=_("From the region of the number.")
    )
    typing = forms.BooleanField(
        label=_("Show “typing…” before each message"),
        required=False,
        help_text=_("As long as a person would take to write it, 8 seconds at most."),
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, campaign=campaign, **kwargs)
        senders = Sender.objects.for_organization(campaign.organization)
        self.fields["senders"].queryset = senders  # type: ignore[attr-defined]
        own = _("The organization's: %(zone)s") % {"zone": campaign.organization.timezone}
        self.fields["timezone"].choices = [("", own), *time_zone_choices()]  # type: ignore[attr-defined]

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        batch = campaign.batch
        days, opens, closes = (*parse_windows(batch.windows)[:1], (frozenset(), None, None))[0]
        return {
            "senders": list(batch.senders.values_list("pk", flat=True)),
            "min_delay": batch.min_delay_ms / 1000,
            "max_delay": batch.max_delay_ms / 1000,
            "hours_from": opens,
            "hours_to": closes,
            "days": sorted(days),
            "timezone": batch.timezone,
            "recipient_time": batch.recipient_time,
            "typing": batch.typing,
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        chosen = [bool(given.get("days")), bool(given.get("hours_from")), bool(given.get("hours_to"))]
        if any(chosen) and not (given.get("hours_from") and given.get("hours_to")):
            self.add_error("hours_from", _("Write both ends of the sending hours, or leave the days empty as well."))
        return given

    def kept(self) -> dict[str, Any]:
        given = self._given("senders", "timezone", "recipient_time", "typing")
        for name in ("min_delay", "max_delay"):
            if self.cleaned_data.get(name) is not None:
                given[f"{name}_ms"] = milliseconds(self.cleaned_data[name])
        window_fields = ("hours_from", "hours_to", "days")
        has_changed = any(self.fields[name].has_changed(self.initial[name], self[name].data) for name in window_fields)
        # The form shows the first of several windows: they stay unless somebody changes it.
        if has_changed and not any(name in self.errors for name in window_fields):
            given["windows"] = windows_of(self.cleaned_data)
        return given


FORMS: dict[str, type[StepForm]] = {"audience": AudienceForm, "message": MessageForm, "sending": SendingForm}
STEPS = tuple(FORMS)
