"""How campaigns' pages write pauses and sending hours."""

from django import template
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from messaging.models import Batch
from messaging.windows import parse

register = template.Library()


@register.filter
def milliseconds(number: int) -> str:
    """Milliseconds as seconds, without needless zeros: `0.2`, `3`."""
    return f"{number / 1000:g}"


@register.filter
def sending_hours(batch: Batch) -> str:
    """The windows of a batch in words: `Mon, Tue 09:00–17:00; Sat 10:00–12:00`, `every day 08:00–20:00`."""
    windows = parse(batch.windows)
    return "; ".join(f"{_days(days)} {opens:%H:%M}–{closes:%H:%M}" for days, opens, closes in windows)


def _days(days: frozenset[int]) -> str:
    if len(days) == len(WEEKDAYS_ABBR):
        return _("every day")
    return ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in sorted(days))
