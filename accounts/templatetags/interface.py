"""Template tags of every page: icons, statuses, form fields, moments in time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts.statuses import look_of

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "", **attributes: str) -> SafeString:
    """An icon of the sprite. Without a label it is decoration, which screen readers pass over."""
    classes = f"icon {attributes.get('class', '')}".strip()
    href = f"{static('dist/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>', classes, label, href
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"></use></svg>', classes, href)


@register.simple_tag
def status_badge(status: Any, word: str = "") -> SafeString:
    """A status as word, colour and icon. `word` replaces the usual word."""
    if status in (None, ""):
        return SafeString("")
    look = look_of(str(status))
    return format_html(
        '<span class="state tone-{}{}">{}<span>{}</span></span>',
        look.tone,
        " state-working" if look.working else "",
        icon(look.icon),
        word or look.word,
    )


@register.inclusion_tag("components/field.html")
def field(bound_field: BoundField, optional: bool = True) -> dict[str, Any]:
    """One form field with label, help and error, wired together for screen readers.

    Fields that may stay empty say so, unless `optional=False`.
    """
    widget = bound_field.field.widget
    described_by = [f"{bound_field.auto_id}_{part}" for part in ("help", "error") if _has(bound_field, part)]
    attributes: dict[str, Any] = {"class": _control_class(widget, invalid=bool(bound_field.errors))}
    if described_by:
        attributes["aria-describedby"] = " ".join(described_by)
    if bound_field.errors:
        attributes["aria-invalid"] = "true"
    is_group = isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple)
    return {
        "field": bound_field,
        "control": "" if is_group else bound_field.as_widget(attrs=attributes),
        "choices": [_choice(option, getattr(widget, "hints", {})) for option in bound_field] if is_group else [],
        "described_by": attributes.get("aria-describedby", ""),
        "is_group": is_group,
        "is_checkbox": isinstance(widget, forms.CheckboxInput),
        "is_password": isinstance(widget, forms.PasswordInput),
        "is_optional": optional and not bound_field.field.required and not isinstance(widget, forms.CheckboxInput),
    }


def _has(bound_field: BoundField, part: str) -> bool:
    return bool(bound_field.help_text if part == "help" else bound_field.errors)


def _control_class(widget: forms.Widget, *, invalid: bool) -> str:
    if isinstance(widget, forms.CheckboxInput):
        own = "form-check-input"
    elif isinstance(widget, forms.Select):
        own = "form-select"
    else:
        own = "form-control"
    # Django's `attrs` argument replaces the widget's own class: keep what the form asked for.
    return " ".join(filter(None, [own, str(widget.attrs.get("class", "")), "is-invalid" if invalid else ""]))


def _choice(option: Any, hints: Mapping[str, Any]) -> dict[str, Any]:
    """`hints` say of some values what choosing them means."""
    attributes = option.data["attrs"]
    attributes["class"] = "form-check-input"
    hint = hints.get(option.data["value"], "")
    hint_id = f"{option.id_for_label}_hint"
    if hint:
        attributes["aria-describedby"] = hint_id
    return {
        "control": option.tag(),
        "label": option.choice_label,
        "id": option.id_for_label,
        "hint": hint,
        "hint_id": hint_id,
    }


@register.simple_tag
def moment(value: datetime | None, style: str = "") -> SafeString:
    """A moment in the organization's time zone, with the zone named.

    Styles: "" gives `21 Nov 2025, 14:03 WIB`, "time" `14:03:22 WIB`, "ago" `3 minutes ago`.
    """
    if value is None:
        return SafeString("–")
    local = timezone.localtime(value)
    full = f"{date_format(local, 'j M Y, H:i')} {zone_name(local)}"
    if style == "time":
        text = f"{local:%H:%M:%S} {zone_name(local)}"
    elif style == "ago":
        text = _ago(value)
    else:
        text = full
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), full, text)


def _ago(value: datetime) -> str:
    if abs((timezone.now() - value).total_seconds()) < 60:
        return _("just now")
    if value > timezone.now():
        return _("in %(time)s") % {"time": timesince(timezone.now(), value, depth=1)}
    return _("%(time)s ago") % {"time": timesince(value, depth=1)}


def zone_name(local: datetime) -> str:
    """`WIB` where the zone has letters of its own, else its distance from UTC: `UTC+3`, `UTC-3:30`."""
    name = local.tzname() or "UTC"
    if name[0] not in "+-":
        return name
    hours, minutes = name[1:3], name[3:5]
    return f"UTC{name[0]}{int(hours)}" + (f":{minutes}" if minutes not in ("", "00") else "")


@register.simple_tag
def current_zone_name() -> str:
    return zone_name(timezone.localtime())


@register.filter
def percent(value: int, whole: int) -> int:
    """A whole number of percent, rounded down: 100 means that all of it is done."""
    return 100 * value // whole if whole else 0


@register.inclusion_tag("components/nav_item.html", takes_context=True)
def nav_item(context: Context, *, url: str, icon: str, label: str, capability: str = "") -> dict[str, Any]:
    """An entry of the sidebar, left out when the person may not see the page."""
    organization = context.get("organization")
    allowed = not capability or capability in (context.get("capabilities") or ())
    try:
        address = reverse(url, args=[organization.slug]) if organization and allowed else ""
    except NoReverseMatch:
        address = ""
    match = getattr(context.get("request"), "resolver_match", None)
    area = url.partition(":")[0]
    is_current = match is not None and (match.namespace.split(":")[0] == area or match.view_name == url)
    return {"address": address, "icon": icon, "label": label, "is_current": is_current}
