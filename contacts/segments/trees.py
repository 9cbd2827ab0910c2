"""A filter as it is stored, in JSON, and what it means.

    {"all": [filter, …]}     every one of them is true of a person
    {"any": [filter, …]}     at least one is
    {"not": filter}          it is not
    {"field": "attribute.city", "operator": "is", "value": "Bandung"}

What `field` and `operator` can be, and what `value` they take, `contacts.segments.fields` says. A negative operator is true
of everybody of whom the positive one is not: "city is not Bandung" holds for people without a city.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import Organization
from contacts import tags, values
from contacts.models import AttributeKind
from contacts.segments.fields import Field, Operator, Takes, choice_label, fields_of

MOST_CONDITIONS: Final = 50
DEEPEST: Final = 6  # groups within groups
MOST_VALUES: Final = 100  # behind one operator
LONGEST_TEXT: Final = 500
MOST_DAYS: Final = 3650


@dataclass(frozen=True)
class Condition:
    """One leaf. `value` is None, a text, a list of texts, or a number of days, as the operator takes it."""

    field: Field
    operator: Operator
    value: Any
    label: str = ""  # of a choice: what it is called


@dataclass(frozen=True)
class Every:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Some:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    part: "Node"


Node = Condition | Every | Some | Not


class InvalidFilter(ValidationError):
    """A filter that makes no sense. `by_path` gives what is wrong by the place in the tree, such as `all.1.any.0`."""

    def __init__(self, by_path: dict[str, str]) -> None:
        self.by_path = by_path
        super().__init__({"filter": list(by_path.values())})


def parse(written: Any, organization: Organization) -> Node:
    """The filter that `written`, as JSON gives it, means. Raises `InvalidFilter` with everything that is wrong."""
    reader = _Reader(organization, fields_of(organization))
    node = reader.read(written, "", 0)
    if reader.conditions > MOST_CONDITIONS:
        reader.errors[""] = _("A segment may have %(most)s conditions.") % {"most": MOST_CONDITIONS}
    if reader.errors or node is None:
        raise InvalidFilter(reader.errors)
    return node


def conditions(node: Node) -> Iterator[Condition]:
    """Every leaf, in the order of the filter."""
    if isinstance(node, Condition):
        yield node
    elif isinstance(node, Not):
        yield from conditions(node.part)
    else:
        for part in node.parts:
            yield from conditions(part)


def leaves(written: Any) -> Iterator[dict[str, Any]]:
    """The leaves of a stored filter, unread: also of one that is no longer valid."""
    if not isinstance(written, dict):
        return
    if "field" in written:
        yield written
    for key in ("all", "any"):
        for part in written.get(key) or []:
            yield from leaves(part)
    yield from leaves(written.get("not"))


class _Wrong(Exception):
    pass


@dataclass
class _Reader:
    organization: Organization
    fields: dict[str, Field]
    errors: dict[str, str] = field(default_factory=dict)
    conditions: int = 0

    def read(self, written: Any, path: str, depth: int) -> Node | None:
        """The node at `path`; None where it is wrong, with the reason in `errors`."""
        if depth > DEEPEST:
            self.errors[path] = _("Groups may stand %(most)s deep in each other.") % {"most": DEEPEST}
            return None
        if not isinstance(written, dict):
            self.errors[path] = _("Write a condition, or a group with “all”, “any” or “not”.")
            return None
        if "field" in written or "operator" in written:
            return self._condition(written, path)
        if len(written) != 1 or not (set(written) <= {"all", "any", "not"}):
            self.errors[path] = _("A group has one of “all”, “any” and “not”, and nothing else.")
            return None
        ((mode, inner),) = written.items()
        if mode == "not":
            part = self.read(inner, _at(path, "not"), depth + 1)
            return None if part is None else Not(part)
        return self._group(mode, inner, path, depth)

    def _group(self, mode: str, inner: Any, path: str, depth: int) -> Node | None:
        if not isinstance(inner, list) or not inner:
            self.errors[path] = _("Add at least one condition.")
            return None
        if len(inner) > MOST_CONDITIONS:
            self.errors[path] = _("A segment may have %(most)s conditions.") % {"most": MOST_CONDITIONS}
            return None
        parts = [self.read(part, _at(path, f"{mode}.{index}"), depth + 1) for index, part in enumerate(inner)]
        known = tuple(part for part in parts if part is not None)
        if len(known) < len(parts):
            return None
        return Every(known) if mode == "all" else Some(known)

    def _condition(self, written: dict[str, Any], path: str) -> Condition | None:
        self.conditions += 1
        number = self.conditions
        name = written.get("field")
        found = self.fields.get(name) if isinstance(name, str) else None
        try:
            if not name:
                raise _Wrong(_("choose what to ask."))
            if found is None:
                raise _Wrong(_("there is no field “%(name)s”.") % {"name": _echo(name)})
            if unknown := set(written) - {"field", "operator", "value"}:
                raise _Wrong(_("“%(name)s” means nothing here.") % {"name": _echo(min(unknown, key=str))})
            wanted = written.get("operator")
            operator = found.operator(wanted) if isinstance(wanted, str) else None
            if operator is None:
                raise _Wrong(_("“%(name)s” cannot be asked of it.") % {"name": _echo(wanted)})
            return self._with_value(found, operator, written.get("value"))
        except (_Wrong, values.DoesNotFit) as error:
            words = {"number": number, "field": found.label if found else "", "problem": str(error)}
            named, unnamed = _("Condition %(number)s (%(field)s): %(problem)s"), _("Condition %(number)s: %(problem)s")
            self.errors[path] = (named if found else unnamed) % words
            return None

    def _with_value(self, found: Field, operator: Operator, value: Any) -> Condition:
        if operator.takes is Takes.CHOICE:
            wanted = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
            label = choice_label(found, self.organization, wanted)
            if label is None:
                raise _Wrong(
                    _("choose one.") if not wanted else _("“%(value)s” is no longer there.") % {"value": _echo(wanted)}
                )
            return Condition(found, operator, wanted, label)
        return Condition(found, operator, self._value(found, operator.takes, value))

    def _value(self, found: Field, takes: Takes, value: Any) -> Any:
        region = self.organization.default_region
        match takes:
            case Takes.NOTHING:
                if value not in (None, ""):
                    raise _Wrong(_("it takes no value."))
                return None
            case Takes.TEXT:
                return _text(value)
            case Takes.TEXTS:
                return _texts(value, are_tags=found.kind == "tags")
            case Takes.NUMBER:
                return _number(value, region)
            case Takes.NUMBERS:
                return [_number(each, region) for each in _two(value)]
            case Takes.DATE:
                return _date(value, region)
            case Takes.DATES:
                return [_date(each, region) for each in _two(value)]
            case Takes.DAYS:
                return _days(value)
            case _:
                return _filled(values.canonical(AttributeKind.YES_NO, value, region=region))


def _echo(written: Any) -> str:
    """What somebody wrote, for a complaint about it: short, and fit to be sent back."""
    return str(written)[:60].encode("utf-8", "replace").decode()


def _at(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _filled(text: str) -> str:
    if not text:
        raise _Wrong(_("fill in the value."))
    return text


def _text(value: Any) -> str:
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if len(text) > LONGEST_TEXT:
        raise _Wrong(_("the value may have %(most)s signs.") % {"most": LONGEST_TEXT})
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise _Wrong(_("the value holds a sign that no text has."))
    return _filled(text)


def _texts(value: Any, *, are_tags: bool) -> list[str]:
    parts = value.replace("\n", ",").split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise _Wrong(_("write a list of values."))
    texts = list(dict.fromkeys(_text(part) for part in parts if not isinstance(part, str) or part.strip()))
    if are_tags:
        texts = list(dict.fromkeys(filter(None, map(tags.tag_name, texts))))
    if not texts:
        raise _Wrong(_("fill in at least one value."))
    if len(texts) > MOST_VALUES:
        raise _Wrong(_("there may be %(most)s values.") % {"most": MOST_VALUES})
    return texts


def _two(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise _Wrong(_("write two values."))
    return value


def _number(value: Any, region: str) -> str:
    if not isinstance(value, str | int | float):
        raise _Wrong(_("write a number."))
    return _filled(values.canonical(AttributeKind.NUMBER, value, region=region))


def _date(value: Any, region: str) -> str:
    if not isinstance(value, str | date):
        raise _Wrong(_("write a date."))
    return _filled(values.canonical(AttributeKind.DATE, value, region=region))


def _days(value: Any) -> int:
    written = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not (written.isascii() and written.isdecimal() and len(written) < 6 and 1 <= int(written) <= MOST_DAYS):
        raise _Wrong(_("write a number of days from 1 to %(most)s.") % {"most": MOST_DAYS})
    return int(written)
