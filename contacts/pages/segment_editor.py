"""The rows of the segment builder: from a stored filter to fields of a form, and back.

The builder knows groups of conditions, all or any within a group, and all or any of the groups. A filter that is deeper,
or has a “not”, was written by a program and is changed by one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from accounts.models import Organization
from contacts.segments.fields import OPERATORS, Field, Group, Operator, Takes, fields_of
from contacts.segments.trees import MOST_CONDITIONS

MODES: Final = ("all", "any")


@dataclass
class Row:
    """One condition as it stands in the form; `values` are one or two texts."""

    asked: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)

    def condition(self, known: Mapping[str, Field]) -> dict[str, Any]:
        """Its JSON, with what is missing left empty, for `trees.parse` to complain about."""
        about = known.get(self.asked)
        # The form shows the first operator where the field was changed and none was chosen yet.
        operator = (about.operator(self.operator) or OPERATORS[about.kind][0]) if about else None
        written: dict[str, Any] = {"field": self.asked, "operator": operator.name if operator else self.operator}
        if operator is not None and operator.takes is not Takes.NOTHING:
            is_pair = operator.takes in (Takes.NUMBERS, Takes.DATES)
            values = [*self.values, "", ""]
            written["value"] = values[:2] if is_pair else values[0]
            if operator.takes is Takes.TEXTS:
                written["value"] = [part.strip() for part in values[0].split(",") if part.strip()]
        return written


@dataclass
class Rows:
    """A group of the form."""

    mode: str = "all"
    rows: list[Row] = field(default_factory=list)


@dataclass
class Editor:
    mode: str = "all"
    groups: list[Rows] = field(default_factory=list)

    @classmethod
    def empty(cls) -> "Editor":
        return cls(groups=[Rows(rows=[Row()])])

    @classmethod
    def of_filter(cls, written: Any) -> "Editor | None":
        """The rows of a stored filter; None where it is deeper than the builder."""
        if _is_leaf(written):
            return cls(groups=[Rows(rows=[_row(written)])])
        mode, parts = _group(written)
        if not mode:
            return None
        if all(map(_is_leaf, parts)):
            return cls(groups=[Rows(mode, [_row(part) for part in parts])])
        groups = []
        for part in parts:
            inner_mode, inner = ("all", [part]) if _is_leaf(part) else _group(part)
            if not inner_mode or not all(map(_is_leaf, inner)):
                return None
            groups.append(Rows(inner_mode, [_row(each) for each in inner]))
        return cls(mode, groups)

    @classmethod
    def of_form(cls, sent: QueryDict) -> "Editor":
        """What the form holds, after what its pressed button asks for: add-row:0, remove-row:0:1, add-group."""
        groups = []
        for number in range(MOST_CONDITIONS):
            mode = sent.get(f"mode-{number}")
            if mode is None:
                break
            rows = []
            for index in range(MOST_CONDITIONS):
                name = f"{number}-{index}"
                asked = sent.get(f"field-{name}")
                if asked is None:
                    break
                operator, values = sent.get(f"operator-{name}", ""), sent.getlist(f"value-{name}")
                rows.append(Row(str(asked), str(operator), [str(value) for value in values]))
            groups.append(Rows(_mode(str(mode)), rows))
        made = cls(_mode(str(sent.get("mode", ""))), groups)
        made._press(str(sent.get("do", "")))
        return made

    def _press(self, button: str) -> None:
        action, *numbers = button.split(":")
        where = [int(number) for number in numbers if number.isdecimal() and len(number) < 4]
        if action == "add-row" and len(where) == 1 and where[0] < len(self.groups):
            self.groups[where[0]].rows.append(Row())
        elif action == "add-group":
            self.groups.append(Rows(rows=[Row()]))
        elif action == "remove-row" and len(where) == 2 and where[0] < len(self.groups):
            del self.groups[where[0]].rows[where[1] : where[1] + 1]
        self.groups = [group for group in self.groups if group.rows] or Editor.empty().groups

    def filter(self, known: Mapping[str, Field]) -> dict[str, Any]:
        made = [{group.mode: [row.condition(known) for row in group.rows]} for group in self.groups]
        return made[0] if len(made) == 1 else {self.mode: made}

    def shown(self, organization: Organization, errors: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What the template draws. `errors` are by their path in `filter()`."""
        known = fields_of(organization)
        headings = [(group.label, [each for each in known.values() if each.group == group]) for group in Group]
        groups = []
        for number, group in enumerate(self.groups):
            at = group.mode if len(self.groups) == 1 else f"{self.mode}.{number}.{group.mode}"
            rows = [
                _shown_row(row, f"{number}-{index}", known, organization, (errors or {}).get(f"{at}.{index}", ""))
                for index, row in enumerate(group.rows)
            ]
            groups.append({"number": number, "mode": group.mode, "rows": rows})
        return {
            "mode": self.mode,
            "groups": groups,
            "headings": [(label, fields) for label, fields in headings if fields],
            "has_one_row": sum(len(group.rows) for group in self.groups) == 1,
        }


def _shown_row(
    row: Row, name: str, known: Mapping[str, Field], organization: Organization, error: str
) -> dict[str, Any]:
    about = known.get(row.asked)
    operators: tuple[Operator, ...] = OPERATORS[about.kind] if about else ()
    chosen = next((each for each in operators if each.name == row.operator), operators[0] if operators else None)
    takes = chosen.takes if chosen else Takes.NOTHING
    choices = about.choices(organization) if about and about.choices and takes is Takes.CHOICE else []
    return {
        "name": name,
        "field": row.asked,
        "label": about.label if about else "",
        "operators": operators,
        "operator": chosen.name if chosen else "",
        "takes": takes.value,
        "values": ([*row.values, "", ""])[: 2 if takes in (Takes.NUMBERS, Takes.DATES) else 1],
        "choices": choices,
        "error": error,
    }


def _mode(written: str) -> str:
    return written if written in MODES else "all"


def _is_leaf(written: Any) -> bool:
    return isinstance(written, dict) and "field" in written


def _group(written: Any) -> tuple[str, list[Any]]:
    """Its mode and parts; nothing where it is no group that the builder knows."""
    if isinstance(written, dict) and len(written) == 1:
        ((mode, parts),) = written.items()
        if mode in MODES and isinstance(parts, list):
            return mode, parts
    return "", []


def _row(written: dict[str, Any]) -> Row:
    return Row(str(written.get("field", "")), str(written.get("operator", "")), list(_texts(written)))


def _texts(written: dict[str, Any]) -> Iterator[str]:
    value = written.get("value")
    if isinstance(value, list):
        is_pair = written.get("operator") == "between"
        yield from map(str, value) if is_pair else [", ".join(map(str, value))]
    elif value is not None:
        yield str(value)
