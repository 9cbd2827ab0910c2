"""Forms of broadcasts, bulk sends and reminders. Services decide; forms read what people wrote."""

import re
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from accounts.forms import time_zone_choices
from accounts.models import Organization
from broadcasts import members
from broadcasts.models import BroadcastList, BulkSend, Reminder
from contacts.models import ContactList, Segment
from messaging import message_forms
from messaging.message_forms import AttachedField, MessageTextField
from messaging.models import LibraryFile, Purpose
from senders.forms import SendersField
from senders.models import Sender

LONGEST_PASTE = 2_500_000  # signs: 100,000 numbers
CAREFUL, NO_PACE = "careful", "none"
CAREFUL_MS = (3000, 8000)


class NumbersField(forms.CharField):
    """Numbers as people write or paste them: one a line, or with commas or semicolons between. Cleans to a list."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "inputmode": "tel"})
        given = {"label": _("Phone numbers"), "required": False, "max_length": LONGEST_PASTE, "widget": widget}
        super().__init__(**{**given, "help_text": _("One a line, as people write them."), **kwargs})

    def clean(self, value: Any) -> list[str]:
        written = super().clean(value)
        return [each.strip() for each in re.split(r"[\n\r,;]+", written) if each.strip()]


class OrganizationForm(forms.Form):
    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        self.organization = organization
        super().__init__(*args, **kwargs)


class PeopleForm(OrganizationForm):
    """Whom to put on a list, or to send to."""

    numbers = NumbersField()
    contact_list = forms.ModelChoiceField(
        label=_("Everybody on the list"), queryset=ContactList.objects.none(), required=False
    )
    segment = forms.ModelChoiceField(
        label=_("Everybody in the segment"), queryset=Segment.objects.none(), required=False
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        models: dict[str, type[Any]] = {"contact_list": ContactList, "segment": Segment}
        for name, model in models.items():
            found = model.objects.for_organization(organization).order_by("name")
            self.fields[name].queryset = found  # type: ignore[attr-defined]
            if not found.exists():
                del self.fields[name]

    def people(self) -> tuple[list[str], list[str]]:
        """The numbers of everybody who is named, and what is no mobile number. Raises `InvalidFilter`."""
        given = self.cleaned_data
        numbers, problems = members.read(given["numbers"], self.organization)
        others = members.of_sources(
            self.organization,
            lists=[each for each in [given.get("contact_list")] if each],
            in_segments=[each for each in [given.get("segment")] if each],
        )
        return list(dict.fromkeys([*numbers, *others])), problems


class ListForm(PeopleForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    sender = forms.ModelChoiceField(
        label=_("Sender"), queryset=Sender.objects.none(), required=False, empty_label=_("All senders share the work")
    )
    gap_seconds = forms.IntegerField(
        label=_("Pause between groups (seconds)"),
        min_value=0,
        max_value=24 * 3600,
        initial=10,
        help_text=_("People are sent to in groups of 256, one group after the other."),
    )

    def __init__(self, *args: Any, organization: Organization, with_people: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        self.fields["sender"].queryset = senders_of(organization)  # type: ignore[attr-defined]
        if not with_people:
            for name in ("numbers", "contact_list", "segment"):
                self.fields.pop(name, None)

    @classmethod
    def of(cls, broadcast_list: BroadcastList, *args: Any) -> "ListForm":
        initial = {
            "name": broadcast_list.name,
            "sender": broadcast_list.sender_id,
            "gap_seconds": broadcast_list.gap_seconds,
        }
        return cls(*args, organization=broadcast_list.organization, with_people=False, initial=initial)


def senders_of(organization: Organization) -> Any:
    return Sender.objects.for_organization(organization).order_by("name", "pk")


class ContentForm(OrganizationForm):
    """A text, perhaps with a file, and why it is sent."""

    text = MessageTextField()
    attached = AttachedField()
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=Purpose.choices,
        help_text=_("Where consent is demanded, marketing goes only to people who gave it."),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        self.fields["attached"].organization = organization  # type: ignore[attr-defined]

    @property
    def shown_file(self) -> str:
        """For the editor's script."""
        return message_forms.shown(self.organization, self["attached"].value() or "")

    def content(self) -> dict[str, Any]:
        """What `messaging.sends.SendPlan` takes."""
        attached = self.cleaned_data["attached"]
        return {
            "text": self.cleaned_data["text"],
            "media": attached.media,
            "kind": attached.kind,
            "template_version": attached.version,
            "purpose": self.cleaned_data["purpose"],
        }


class BulkForm(ContentForm, PeopleForm):
    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    senders = SendersField(label=_("Senders"), queryset=Sender.objects.none(), widget=forms.CheckboxSelectMultiple)
    way = forms.ChoiceField(
        label=_("With several senders"),
        choices=BulkSend.Way.choices,
        initial=BulkSend.Way.SHARED,
        widget=forms.RadioSelect,
    )
    pace = forms.ChoiceField(
        label=_("Pace"),
        choices=[
            (CAREFUL, _("Careful: 3 to 8 seconds between two messages of a sender")),
            (NO_PACE, _("No pace: as fast as the quotas of the senders allow")),
        ],
        initial=CAREFUL,
        widget=forms.RadioSelect,
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=60)  # a second press of the button sends nothing again

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        self.fields["senders"].queryset = senders_of(organization)  # type: ignore[attr-defined]

    def delays(self) -> tuple[int, int]:
        """The shortest and the longest pause of a sender, in milliseconds."""
        return CAREFUL_MS if self.cleaned_data["pace"] == CAREFUL else (0, 0)


class ReminderForm(OrganizationForm):
    to = forms.CharField(
        label=_("To"), max_length=60, widget=forms.TextInput(attrs={"inputmode": "tel", "placeholder": "+62812…"})
    )
    name = forms.CharField(label=_("Name"), max_length=120, required=False, help_text=_("For your team only."))
    text = forms.CharField(label=_("Message"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4}))
    file = forms.ModelChoiceField(
        label=_("File of the media library"), queryset=LibraryFile.objects.none(), required=False
    )
    sender = forms.ModelChoiceField(
        label=_("Sender"), queryset=Sender.objects.none(), required=False, empty_label=_("Any connected sender")
    )
    repeat = forms.ChoiceField(label=_("Repeat"), choices=Reminder.Repeat.choices)
    time = forms.TimeField(
        label=_("At"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial="09:00"
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"),
        choices=[(day + 1, name) for day, name in WEEKDAYS.items()],
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=[1],
    )
    day_of_month = forms.IntegerField(
        label=_("Day of the month"),
        required=False,
        help_text=_("1 to 31. A month that is shorter has it on its last day."),
    )
    cron = forms.CharField(
        label=_("Cron expression"),
        required=False,
        max_length=100,
        help_text=_("Minute, hour, day, month, weekday: 0 9 * * 1-5 is every working day at 09:00."),
    )
    ends_on = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    timezone = forms.ChoiceField(label=_("Time zone"))

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        self.fields["sender"].queryset = senders_of(organization)  # type: ignore[attr-defined]
        files = LibraryFile.objects.for_organization(organization)
        self.fields["file"].queryset = files  # type: ignore[attr-defined]
        if not files.exists():
            del self.fields["file"]
        self.fields["timezone"].choices = time_zone_choices()  # type: ignore[attr-defined]
        self.initial.setdefault("timezone", organization.timezone)
