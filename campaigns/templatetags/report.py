"""Shares as a report writes them."""

from django import template
from django.utils.formats import number_format

from campaigns.error_words import words_for
from campaigns.people import STATUSES
from campaigns.report import share as share_in_percent
from messaging.models import MessageStatus

register = template.Library()
NOBODY = "–"


@register.simple_tag
def share(percent: float | None) -> str:
    """`66.7 %`, and a dash where there is nobody to have a share of."""
    if percent is None:
        return NOBODY
    return f"{number_format(percent, decimal_pos=0 if percent in (0, 100) else 1)} %"


@register.simple_tag
def share_of(number: int, base: int) -> str:
    return share(share_in_percent(number, base))


@register.simple_tag
def share_width(percent: float | None) -> str:
    """For a style: always with a point, whatever the language."""
    return f"{percent or 0:.1f}%"


@register.simple_tag
def error_words(status: str, code: str) -> str:
    """Why messages of this status ended so, in plain words."""
    return str(words_for(STATUSES.get(status, MessageStatus.FAILED), code).what)


@register.simple_tag
def share_width_of(number: int, base: int) -> str:
    return share_width(share_in_percent(number, base))
