"""How campaigns' pages write durations."""

from django import template
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from messaging.models import Batch
from messaging.windows import parse

register = template.Library()


@register.filter
def duration(seconds: float | None) -> str:
    """`45 s`, `4 min 10 s`, `2 h 5 min`, `3 days`; a dash where it is not known.

    static/src/components/campaign_live.js writes the same.
    """
    if seconds is None:
        return "–"
    whole = max(1, round(seconds)) if seconds else 0
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        days = round(hours / 24)
        return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%(seconds)d s") % {"seconds": rest}


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
