"""When something that repeats comes next.

People mean the clock on the wall. A wall time that a clock change skips happens at the first moment that exists after
it; one that a clock change brings twice happens once, at the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.text import get_text_list
from django.utils.timezone import now
from django.utils.translation import gettext as _

MONDAY, SUNDAY = 1, 7
SHORTEST_MONTH = 28
DAILY, WEEKLY, MONTHLY, CRON = "daily", "weekly", "monthly", "cron"
CRON_FIELDS = 5
SHORTEST_GAP = timedelta(minutes=5)
GAPS_LOOKED_AT = 50


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which clocks in `zone` show `wall`, or the first one after where they never do."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # A skipped hour: read with the offset of before it lies after the change, with that of afterwards before it.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@dataclass(frozen=True)
class Recurrence:
    """Every day; on weekdays (ISO: 1 is Monday); on a day of the month (where a month is shorter, its last day); or
    by a cron expression of five fields, which makes `at` meaningless. `at` is a wall time of whole minutes."""

    zone: ZoneInfo
    at: time = time.min
    weekdays: frozenset[int] = frozenset()
    day_of_month: int = 0
    cron: str = ""

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence after `moment`, in UTC; None where there is none within 50 years."""
        # Whatever a clock shows until now has had its moment, so only later wall times are to be asked.
        now = moment.astimezone(self.zone).replace(tzinfo=None)
        found = (instant(wall, self.zone) for wall in self._walls_after(now))
        return next((occurrence for occurrence in found if occurrence > moment), None)

    def _walls_after(self, now: datetime) -> Iterator[datetime]:
        if self.cron:
            yield from CronSim(self.cron, now)
            return
        for offset in count():
            day = now.date() + timedelta(days=offset)
            wall = datetime.combine(day, self.at)
            if wall > now and self._has(day):
                yield wall

    def _has(self, day: date) -> bool:
        if self.weekdays:
            return day.isoweekday() in self.weekdays
        if self.day_of_month:
            is_last = (day + timedelta(days=1)).day == 1
            return day.day == self.day_of_month or (is_last and day.day < self.day_of_month)
        return True

    def __str__(self) -> str:
        """The rule as a sentence without its end: `Every Monday at 09:00 Asia/Jakarta`."""
        values = {"time": time_format(self.at, "H:i"), "zone": self.zone.key, "day": self.day_of_month}
        if self.cron:
            return _("%(rule)s (cron: %(cron)s), %(zone)s") % {
                **values,
                "rule": CronSim(self.cron, datetime(2000, 1, 1)).explain(),  # noqa: DTZ001  a wall time
                "cron": self.cron,
            }
        if self.weekdays:
            days = [str(WEEKDAYS[day - 1]) for day in sorted(self.weekdays)]
            return _("Every %(days)s at %(time)s %(zone)s") % {**values, "days": get_text_list(days, _("and"))}
        if self.day_of_month > SHORTEST_MONTH:
            return (
                _("On day %(day)d of every month, where it is shorter on its last day, at %(time)s %(zone)s") % values
            )
        if self.day_of_month:
            return _("On day %(day)d of every month at %(time)s %(zone)s") % values
        return _("Every day at %(time)s %(zone)s") % values


def rule_errors(
    repeat: str,
    zone: ZoneInfo,
    *,
    time: time | None,
    weekdays: list[int],
    day_of_month: int | None,
    cron: str,
) -> dict[str, Any]:
    """What is wrong with a rule that somebody wrote, by field; empty where it is right."""
    if repeat != CRON and time is None:
        return {"time": _("Say at what time it starts, such as 09:00.")}
    if repeat == WEEKLY and (not weekdays or any(day not in range(MONDAY, SUNDAY + 1) for day in weekdays)):
        return {"weekdays": _("Choose at least one weekday, from 1 (Monday) to 7 (Sunday).")}
    if repeat == MONTHLY and (day_of_month is None or not 1 <= day_of_month <= 31):
        return {"day_of_month": _("Choose a day from 1 to 31. In a shorter month its last day is taken.")}
    return _cron_errors(cron, zone) if repeat == CRON else {}


def _cron_errors(cron: str, zone: ZoneInfo) -> dict[str, Any]:
    if len(cron.split()) != CRON_FIELDS:
        example = "0 9 * * 1"
        return {
            "cron": _("Write five fields: minute, hour, day, month, weekday, such as “%(example)s”.")
            % {"example": example}
        }
    try:
        upcoming = CronSim(cron, now().astimezone(zone).replace(tzinfo=None))
    except CronSimError as error:
        return {"cron": _("This cron expression cannot be read: %(error)s.") % {"error": error}}
    walls = list(islice(upcoming, GAPS_LOOKED_AT))
    if any(second - first < SHORTEST_GAP for first, second in pairwise(walls)):
        return {"cron": _("It can repeat every five minutes at most.")}
    return {}


def written(moment: datetime, zone: ZoneInfo, *, names_zone: bool = True) -> str:
    """A moment on the clock of `zone`: `Mon 23 Nov 2026, 09:00 Asia/Jakarta`."""
    local = date_format(moment.astimezone(zone), "D j M Y, H:i")
    return f"{local} {zone.key}" if names_zone else local
