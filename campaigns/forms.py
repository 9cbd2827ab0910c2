"""What several forms of campaigns share, and the form that tries another way of sending."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.forecast import WhatIf
from messaging.models import Batch
from messaging.windows import parse as parse_windows
from senders.forms import SendersField
from senders.models import Sender

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
            min_delay_ms=milliseconds(given["min_delay"]),
            max_delay_ms=milliseconds(given["max_delay"]),
            windows=None if same else windows_of(given),
        )


def windows_of(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The sending hours of a form in their stored form; no day chosen means every day."""
    if not given["hours_from"] or not given["hours_to"]:
        return []
    opens, closes = (given[name].strftime("%H:%M") for name in ("hours_from", "hours_to"))
    return [{"days": given["days"] or [day for day, _name in WEEKDAYS], "from": opens, "to": closes}]


def milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
