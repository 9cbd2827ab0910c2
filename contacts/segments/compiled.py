"""One SQL query of a filter, whatever its depth.

Conditions on a contact's own row are plain expressions. What is a set of people (a list, an activity, the blocklist)
becomes a LEFT JOIN with a subquery that gives each person once, and the condition is whether it found the person:
PostgreSQL makes a semi or an anti join of it where it can, and hashes it also under "any", where an EXISTS would be
asked a million times. Values of attributes are compared as what they are only where they read so: no text, however
odd, makes a query fail.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts.models import Organization
from contacts.segments.fields import ATTRIBUTE, NEGATIVE, Field, Kind
from contacts.segments.trees import Condition, Every, Node, Not, Some
from contacts.values import LONGEST_NUMBER

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARED: Final = {"is": "=", "less": "<", "at_most": "<=", "more": ">", "at_least": ">="}
# A person may have written from another number that is theirs since a merge.
_WITH_OTHER_NUMBERS: Final = """
SELECT DISTINCT COALESCE(other.now, found.phone_number) AS phone_number FROM ({people}) AS found LEFT JOIN (
    SELECT known.phone_number, owner.phone_number AS now FROM contacts_othernumber AS known
    JOIN contacts_contact AS owner ON owner.id = known.contact_id
    WHERE known.organization_id = %(organization)s AND known.phone_number <> ''
) AS other ON other.phone_number = found.phone_number"""


@dataclass(frozen=True)
class Query:
    """`sql` gives the contacts' `id`; put it in parentheses behind FROM or IN. Use it with `parameters`."""

    sql: str
    parameters: dict[str, Any]


def query(node: Node, organization: Organization, *, at: datetime, prefix: str = "segment", select: str = "") -> Query:
    """The people of the organization, with a number, of whom the filter is true at that moment.

    `prefix` begins every parameter's name, so that a statement may hold several. `select` replaces `contact.id`.
    """
    making = _Making(organization, at, prefix)
    condition = making.condition(node)
    sql = f"""SELECT {select or "contact.id"} FROM contacts_contact AS contact {" ".join(making.joins)}
WHERE contact.organization_id = %({prefix}_organization)s AND contact.phone_number <> '' AND {condition}"""
    return Query(sql, making.parameters | {f"{prefix}_organization": organization.pk})


@dataclass
class _Making:
    organization: Organization
    at: datetime
    prefix: str
    joins: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    def condition(self, node: Node) -> str:
        match node:
            case Every(parts):
                return f"({' AND '.join(self.condition(part) for part in parts)})"
            case Some(parts):
                return f"({' OR '.join(self.condition(part) for part in parts)})"
            case Not(part):
                return f"({self.condition(part)}) IS NOT TRUE"
            case Condition():
                positive = NEGATIVE.get(node.operator.name)
                if positive is None:
                    return f"({self._positive(node, node.operator.name)})"
                return f"({self._positive(node, positive)}) IS NOT TRUE"

    def value(self, value: Any) -> str:
        """The placeholder of a value."""
        name = f"{self.prefix}_{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"

    def _positive(self, leaf: Condition, operator: str) -> str:
        about = leaf.field
        match about.kind:
            case Kind.TEXT:
                return self._text(self._column(about), operator, leaf.value)
            case Kind.NUMBER:
                return self._number(self._column(about), operator, leaf.value)
            case Kind.DATE:
                return self._date(self._column(about), operator, leaf.value)
            case Kind.YES_NO:
                column = self._column(about)
                return self._is_set(column) if operator == "set" else f"{column} = {self.value(leaf.value)}"
            case Kind.MOMENT:
                return self._moment(operator, leaf.value)
            case Kind.TAGS:
                return f"contact.tags && {self.value(leaf.value)}::varchar[]"
            case Kind.CHOICE:
                return self._choice(about, leaf.value)
            case _:
                return self._in_set(about, leaf)

    def _column(self, about: Field) -> str:
        if about.key.startswith(ATTRIBUTE):
            return f"(contact.attributes ->> {self.value(about.key.removeprefix(ATTRIBUTE))}::text)"
        return f"contact.{about.key}"

    def _is_set(self, column: str) -> str:
        return f"btrim({column}) <> ''"

    def _text(self, column: str, operator: str, value: Any) -> str:
        """Without regard to capitals, and to spaces at the ends."""
        known = f"lower(btrim({column}))"
        match operator:
            case "is":
                return f"{known} = lower({self.value(value)})"
            case "one_of":
                return f"{known} IN ({', '.join(f'lower({self.value(each)})' for each in value)})"
            case "contains":
                return f"strpos({known}, lower({self.value(value)})) > 0"
            case "starts_with":
                return f"starts_with({known}, lower({self.value(value)}))"
            case _:
                return self._is_set(column)

    def _number(self, column: str, operator: str, value: Any) -> str:
        if operator == "set":
            return self._is_set(column)
        number = f"{column}::numeric"
        if operator == "between":
            low, high = sorted(value, key=Decimal)
            compared = f"{number} BETWEEN {self.value(low)}::numeric AND {self.value(high)}::numeric"
        else:
            compared = f"{number} {_COMPARED[operator]} {self.value(value)}::numeric"
        # CASE, because it alone promises that nothing is cast that does not read as a number.
        reads_as_number = f"{column} ~ '^-?[0-9]+(\\.[0-9]+)?$' AND octet_length({column}) <= {LONGEST_NUMBER}"
        return f"CASE WHEN {reads_as_number} THEN {compared} ELSE FALSE END"

    def _date(self, column: str, operator: str, value: Any) -> str:
        """ISO dates are in the order of their signs: nothing is cast."""
        if operator == "set":
            return self._is_set(column)
        reads_as_date = f"{column} LIKE '____-__-__' AND translate({column}, '0123456789', '') = '--'"
        today = self._today()
        if operator == "anniversary":
            days = [today.strftime("-%m-%d")]
            if days == ["-02-28"] and (today + timedelta(days=1)).day == 1:
                days.append("-02-29")  # who was born on a leap day
            return f"substr({column}, 5) = ANY({self.value(days)}::text[]) AND {reads_as_date}"
        low, high = _span(operator, value, today)
        bounds = [
            f'{column} COLLATE "C" {sign} {self.value(bound)}' for sign, bound in ((">=", low), ("<=", high)) if bound
        ]
        return " AND ".join([*bounds, reads_as_date])

    def _moment(self, operator: str, value: Any) -> str:
        if operator == "last_days":
            return f"contact.created_at >= {self.value(self.at - timedelta(days=value))}"
        day = date.fromisoformat(value)
        if operator == "before":
            return f"contact.created_at < {self.value(self._beginning(day))}"
        # In the calendar's last year there is no day after: nothing is later.
        return (
            f"contact.created_at >= {self.value(self._beginning(day + timedelta(days=1)) if day < date.max else day)}"
        )

    def _today(self) -> date:
        return self.at.astimezone(ZoneInfo(self.organization.timezone)).date()

    def _beginning(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=ZoneInfo(self.organization.timezone))

    def _choice(self, about: Field, value: str) -> str:
        if about.key == "country":
            return f"starts_with(contact.phone_number, {self.value('+' + value)})"
        name = f"{self.prefix}_set_{len(self.joins)}"
        self.joins.append(
            f"LEFT JOIN contacts_contactlistmember AS {name}"
            f" ON {name}.contact_id = contact.id AND {name}.contact_list_id = {self.value(int(value))}"
        )
        return f"{name}.contact_id IS NOT NULL"

    def _in_set(self, about: Field, leaf: Condition) -> str:
        name = f"{self.prefix}_set_{len(self.joins)}"
        since = self.at - timedelta(days=leaf.value) if isinstance(leaf.value, int) else LONG_AGO
        given = {
            "organization": self.value(self.organization.pk),
            "since": self.value(since),
            "choice": self.value(leaf.value if isinstance(leaf.value, str) else None),
        }
        people = about.people if about.kind is Kind.FACT else _WITH_OTHER_NUMBERS.format(people=about.people)
        self.joins.append(f"LEFT JOIN ({people % given}) AS {name} ON {name}.phone_number = contact.phone_number")
        return f"{name}.phone_number IS NOT NULL"


def _span(operator: str, value: Any, today: date) -> tuple[str, str]:
    """The first and the last day, as ISO 8601; empty where there is no bound."""
    match operator:
        case "is":
            return value, value
        case "before":
            return "", _days_from(date.fromisoformat(value), -1)
        case "after":
            return _days_from(date.fromisoformat(value), 1), ""
        case "between":
            return min(value), max(value)
        case "last_days":
            return _days_from(today, -value), today.isoformat()
        case _:
            return today.isoformat(), _days_from(today, value)


def _days_from(day: date, days: int) -> str:
    """Stops at the ends of the calendar."""
    try:
        return (day + timedelta(days=days)).isoformat()
    except OverflowError:
        return "0000-00-00" if days < 0 else "9999-99-99"


def union(queries: Iterable[Query]) -> Query:
    """Everybody whom at least one of them gives, each once."""
    made = list(queries)
    parameters: dict[str, Any] = {}
    for each in made:
        parameters |= each.parameters
    return Query(" UNION ".join(each.sql for each in made), parameters)
