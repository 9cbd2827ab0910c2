"""How shares and differences of variants are written."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """`12.5 %`."""
    return f"{number_format(share * 100, 1)} %"


@register.filter
def points(difference: float) -> str:
    """`+2.1 points`, of percent."""
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return f"{sign}{number_format(abs(difference) * 100, 1)}"


@register.filter
def p_value(value: float) -> str:
    """`p = 0.012`; never a zero that it is not: `p < 0.001`."""
    return f"p < {number_format(0.001, 3)}" if value < 0.001 else f"p = {number_format(value, 3)}"


@register.filter
def css_percent(share: float) -> str:
    return f"{share * 100:.2f}%"


@register.filter
def css_rest(share: float) -> str:
    return f"{(1 - share) * 100:.2f}%"
