"""Sending windows: at which hours of which weekdays a batch may send. Pure functions.

Stored as a list of `{"days": [1, …, 7], "from": "09:00", "to": "17:00"}`: ISO weekdays (1 is Monday) on which the
window opens, local wall-clock times. A window whose `to` is not after its `from` closes on the next day. An empty list
means at any time. Where a clock change skips or repeats an hour, the wall clock decides.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

Window = tuple[frozenset[int], time, time]


def parse(value: Any) -> list[Window]:
    """Checks and reads the stored form. Raises `ValidationError` that names the window."""
    if not isinstance(value, list):
        raise ValidationError(_("Sending windows must be a list."))
    return [_parse_one(item, number) for number, item in enumerate(value, start=1)]


def _parse_one(item: Any, number: int) -> Window:
    try:
        days = frozenset(item["days"])
        opens, closes = (time.fromisoformat(item[key]) for key in ("from", "to"))
    except (TypeError, KeyError, ValueError):
        raise ValidationError(
            _("Window %(number)s must look like %(example)s.")
            % {"number": number, "example": '{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:00"}'}
        ) from None
    if not days or not days <= set(range(1, 8)):
        raise ValidationError(_("Window %(number)s needs weekdays from 1 (Monday) to 7.") % {"number": number})
    if opens.tzinfo or closes.tzinfo:
        raise ValidationError(_("Window %(number)s needs times without a time zone.") % {"number": number})
    return days, opens, closes


class Windows:
    """The windows of one batch in one time zone. Remembers the interval it found last: questions come in order."""

    def __init__(self, windows: Sequence[Window], zone: ZoneInfo) -> None:
        self._windows = windows
        self._zone = zone
        self._open: tuple[datetime, datetime] | None = None

    def next_open(self, moment: datetime) -> datetime:
        """`moment` if a window is open then, else when the next one opens."""
        if not self._windows:
            return moment
        if self._open is None or not self._open[0] <= moment < self._open[1]:
            self._open = self._interval(moment)
        return max(moment, self._open[0])

    def closes_at(self, moment: datetime) -> datetime | None:
        """When the window closes that is open at `moment`, or opens next; None where sending is allowed at any time."""
        self.next_open(moment)
        return self._open[1] if self._open is not None else None

    def _interval(self, moment: datetime) -> tuple[datetime, datetime]:
        """The first interval that ends after `moment`."""
        today = moment.astimezone(self._zone).date()
        intervals = (
            self._on(day, opens, closes)
            for offset in range(-1, 9)
            for day in [today + timedelta(days=offset)]
            for days, opens, closes in self._windows
            if day.isoweekday() in days
        )
        return min((opens, closes) for opens, closes in intervals if closes > moment and closes > opens)

    def _on(self, day: date, opens: time, closes: time) -> tuple[datetime, datetime]:
        last_day = day if closes > opens else day + timedelta(days=1)
        return self._instant(day, opens), self._instant(last_day, closes)

    def _instant(self, day: date, wall: time) -> datetime:
        return datetime.combine(day, wall, self._zone).astimezone(UTC)
