"""A filter in words: “city is Bandung and wrote in the last 30 days”."""

from django.utils.translation import gettext as _

from contacts import values
from contacts.segments.fields import NEGATIVE, Kind, Takes
from contacts.segments.trees import Condition, Every, Node, Not


def sentence(node: Node) -> str:
    """The whole filter; groups within groups stand in parentheses."""
    if isinstance(node, Condition):
        return _of_condition(node)
    if isinstance(node, Not):
        return _("not (%(condition)s)") % {"condition": sentence(node.part)}
    joined = _(" and ") if isinstance(node, Every) else _(" or ")
    return joined.join(_within(part) if len(node.parts) > 1 else sentence(part) for part in node.parts)


def _within(part: Node) -> str:
    is_group = not isinstance(part, Condition | Not) and len(part.parts) > 1
    return f"({sentence(part)})" if is_group else sentence(part)


def _of_condition(leaf: Condition) -> str:
    is_statement = bool(leaf.field.label_not)
    is_negative = leaf.operator.name in NEGATIVE
    name = str(leaf.field.label_not if is_statement and is_negative else leaf.field.label)
    if is_statement and leaf.field.kind is Kind.CHOICE:
        return f"{name} {leaf.label}"
    return str(leaf.operator.sentence) % {"field": name, "value": _value(leaf)}


def _value(leaf: Condition) -> str:
    kind = leaf.field.kind.value
    match leaf.operator.takes:
        case Takes.NOTHING:
            return ""
        case Takes.CHOICE:
            return leaf.label
        case Takes.TEXTS:
            return _(" or ").join(leaf.value)
        case Takes.NUMBERS | Takes.DATES:
            shown = [values.shown(kind, each) for each in leaf.value]
            return _("%(first)s and %(second)s") % {"first": shown[0], "second": shown[1]}
        case Takes.NUMBER | Takes.YES_NO:
            return values.shown(kind, leaf.value).lower()
        case Takes.DATE:
            return values.shown(Kind.DATE.value, leaf.value)
        case _:
            return str(leaf.value)
