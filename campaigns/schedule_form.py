"""The form that gives a campaign a time. The service decides what is right; the form reads it and shows what it said."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import time_format
from django.utils.translation import gettext_lazy as _

from accounts.forms import time_zone_choices
from accounts.models import Organization
from campaigns import schedules
from campaigns.forms import WEEKDAYS
from campaigns.models import Schedule, StopAction
from messaging.message_forms import WALL_FORMAT, WallTimeField

LATER, ONCE, AGAIN = "", "once", "repeat"
FIELDS_OF_SERVICE = {"stop_after_minutes": "stop_after_hours"}


class ScheduleForm(forms.Form):
    """Beside a new campaign (`with_later`) it may stay empty: then somebody starts it by hand."""

    prefix = "schedule"

    when = forms.ChoiceField(
        label=_("When it starts"),
        required=False,
        choices=[(LATER, _("When I say so")), (ONCE, _("At a time")), (AGAIN, _("Again and again"))],
        widget=forms.RadioSelect,
    )
    at = WallTimeField(label=_("Day and time"), required=False)
    kind = forms.ChoiceField(
        label=_("Repeat"),
        required=False,
        choices=[choice for choice in Schedule.Kind.choices if choice[0] != Schedule.Kind.ONCE],
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
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
    time = forms.TimeField(
        label=_("At"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    ends_on = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    max_runs = forms.IntegerField(label=_("Number of runs"), required=False)
    timezone = forms.ChoiceField(label=_("Time zone"), required=False)
    late_hours = forms.IntegerField(
        label=_("If missed, start up to so many hours late"),
        required=False,
        help_text=_("As when the server was off. Later than that it is skipped, and you get a mail."),
    )
    stop_action = forms.ChoiceField(
        label=_("What has not left at the end"),
        required=False,
        choices=[(StopAction.NONE, _("No end: goes on until all is sent")), *StopAction.choices[1:]],
    )
    stop_at = WallTimeField(label=_("End"), required=False)
    stop_after_hours = forms.FloatField(label=_("End, hours after each start"), required=False)

    def __init__(self, *args: Any, organization: Organization, with_later: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["timezone"].choices = time_zone_choices()  # type: ignore[attr-defined]
        self.initial = {
            "when": LATER if with_later else ONCE,
            **_DEFAULTS,
            "timezone": organization.timezone,
            **self.initial,
        }
        if not with_later:
            self.fields["when"].choices = self.fields["when"].choices[1:]  # type: ignore[attr-defined]

    @property
    def is_set(self) -> bool:
        return bool(self.cleaned_data.get("when"))

    @property
    def repeats(self) -> bool:
        return self.cleaned_data.get("when") == AGAIN

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.is_set and not self.errors:
            try:
                schedules.checked(organization=self.organization, **self.asked())
            except ValidationError as error:
                self.add_service_errors(error)
        return given

    def asked(self) -> dict[str, Any]:
        """What `schedules.schedule_campaign` takes."""
        given = self.cleaned_data
        hours = given["stop_after_hours"]
        names = (
            "weekdays",
            "day_of_month",
            "cron",
            "time",
            "ends_on",
            "max_runs",
            "timezone",
            "stop_action",
            "stop_at",
        )
        return {
            **{name: given[name] for name in names},
            "kind": given["kind"] if self.repeats else Schedule.Kind.ONCE.value,
            "at": given["at"],
            "late_hours": _DEFAULTS["late_hours"] if given["late_hours"] is None else given["late_hours"],
            "stop_after_minutes": None if hours is None else round(hours * 60),
        }

    def add_service_errors(self, error: ValidationError) -> None:
        for field, texts in error.message_dict.items():
            name = FIELDS_OF_SERVICE.get(field, field)
            self.add_error(name if name in self.fields else "when", texts)


_DEFAULTS: dict[str, Any] = {"kind": Schedule.Kind.WEEKLY, "time": "09:00", "weekdays": [1], "late_hours": 6}


def initial_of(schedule: Schedule) -> dict[str, Any]:
    """A schedule as the form shows it."""
    local = schedule.next_at.astimezone(schedule.zone) if schedule.next_at else None
    end = schedule.stop_at.astimezone(schedule.zone) if schedule.stop_at else None
    minutes = schedule.stop_after_minutes
    return {
        "when": AGAIN if schedule.repeats else ONCE,
        "at": local.strftime(WALL_FORMAT) if local and not schedule.repeats else "",
        "kind": schedule.kind if schedule.repeats else _DEFAULTS["kind"],
        "weekdays": schedule.weekdays or _DEFAULTS["weekdays"],
        "day_of_month": schedule.day_of_month,
        "cron": schedule.cron,
        "time": time_format(schedule.time, "H:i") if schedule.time else _DEFAULTS["time"],
        "ends_on": schedule.ends_on,
        "max_runs": schedule.max_runs,
        "timezone": schedule.timezone,
        "late_hours": schedule.late_hours,
        "stop_action": schedule.stop_action,
        "stop_at": end.strftime(WALL_FORMAT) if end else "",
        "stop_after_hours": f"{minutes / 60:g}" if minutes else None,
    }
