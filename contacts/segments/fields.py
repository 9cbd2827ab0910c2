"""What a segment can ask about people, and in which ways.

Attributes come from the organization's definitions. Apps above contacts add what they know by `register`: messaging what
was written and sent, campaigns who got which campaign. Such a field is a set of people: SQL that gives phone numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from babel import Locale
from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, to_locale

from accounts.models import Organization
from contacts.models import AttributeDefinition, ContactList

Text = str | Promise
Choices = list[tuple[str, str]]

ATTRIBUTE: Final = "attribute."


class Kind(StrEnum):
    """What sort of thing a field is; it decides which operators there are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"
    MOMENT = "moment"  # a point in time, compared by the organization's days
    TAGS = "tags"
    CHOICE = "choice"  # on it or not: a list, a country
    FACT = "fact"  # true of a person or not
    ACTIVITY = "activity"  # happened in the last days, ever, or never
    CAMPAIGN = "campaign"  # happened with one campaign, or not


class Takes(StrEnum):
    """What stands behind an operator."""

    NOTHING = "nothing"
    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    NUMBERS = "numbers"  # two of them
    DATE = "date"
    DATES = "dates"  # two of them
    DAYS = "days"
    YES_NO = "yes_no"
    CHOICE = "choice"


class Group(TextChoices):
    """Under which heading a field stands in the builder."""

    PERSON = "person", gettext_lazy("Person")
    ATTRIBUTES = "attributes", gettext_lazy("Attributes")
    ACTIVITY = "activity", gettext_lazy("Activity")
    CAMPAIGNS = "campaigns", gettext_lazy("Campaigns")


@dataclass(frozen=True)
class Operator:
    """`label` is for the builder; `sentence` holds %(field)s and %(value)s."""

    name: str
    label: Text
    takes: Takes
    sentence: Text


_SET = (
    Operator("set", gettext_lazy("is known"), Takes.NOTHING, gettext_lazy("%(field)s is known")),
    Operator("not_set", gettext_lazy("is not known"), Takes.NOTHING, gettext_lazy("%(field)s is not known")),
)
OPERATORS: Final[dict[Kind, tuple[Operator, ...]]] = {
    Kind.TEXT: (
        Operator("is", gettext_lazy("is"), Takes.TEXT, gettext_lazy("%(field)s is %(value)s")),
        Operator("is_not", gettext_lazy("is not"), Takes.TEXT, gettext_lazy("%(field)s is not %(value)s")),
        Operator("one_of", gettext_lazy("is one of"), Takes.TEXTS, gettext_lazy("%(field)s is %(value)s")),
        Operator("contains", gettext_lazy("contains"), Takes.TEXT, gettext_lazy("%(field)s contains %(value)s")),
        Operator(
            "not_contains",
            gettext_lazy("does not contain"),
            Takes.TEXT,
            gettext_lazy("%(field)s does not contain %(value)s"),
        ),
        Operator(
            "starts_with", gettext_lazy("begins with"), Takes.TEXT, gettext_lazy("%(field)s begins with %(value)s")
        ),
        *_SET,
    ),
    Kind.NUMBER: (
        Operator("is", gettext_lazy("is"), Takes.NUMBER, gettext_lazy("%(field)s is %(value)s")),
        Operator("is_not", gettext_lazy("is not"), Takes.NUMBER, gettext_lazy("%(field)s is not %(value)s")),
        Operator("less", gettext_lazy("is less than"), Takes.NUMBER, gettext_lazy("%(field)s is less than %(value)s")),
        Operator("at_most", gettext_lazy("is at most"), Takes.NUMBER, gettext_lazy("%(field)s is at most %(value)s")),
        Operator("more", gettext_lazy("is more than"), Takes.NUMBER, gettext_lazy("%(field)s is more than %(value)s")),
        Operator(
            "at_least", gettext_lazy("is at least"), Takes.NUMBER, gettext_lazy("%(field)s is at least %(value)s")
        ),
        Operator("between", gettext_lazy("is between"), Takes.NUMBERS, gettext_lazy("%(field)s is between %(value)s")),
        *_SET,
    ),
    Kind.DATE: (
        Operator("is", gettext_lazy("is"), Takes.DATE, gettext_lazy("%(field)s is %(value)s")),
        Operator("before", gettext_lazy("is before"), Takes.DATE, gettext_lazy("%(field)s is before %(value)s")),
        Operator("after", gettext_lazy("is after"), Takes.DATE, gettext_lazy("%(field)s is after %(value)s")),
        Operator("between", gettext_lazy("is between"), Takes.DATES, gettext_lazy("%(field)s is between %(value)s")),
        Operator(
            "last_days",
            gettext_lazy("was in the last … days"),
            Takes.DAYS,
            gettext_lazy("%(field)s was in the last %(value)s days"),
        ),
        Operator(
            "next_days",
            gettext_lazy("is in the next … days"),
            Takes.DAYS,
            gettext_lazy("%(field)s is in the next %(value)s days"),
        ),
        Operator(
            "anniversary",
            gettext_lazy("has its day and month today"),
            Takes.NOTHING,
            gettext_lazy("%(field)s has its day and month today"),
        ),
        *_SET,
    ),
    Kind.YES_NO: (
        Operator("is", gettext_lazy("is"), Takes.YES_NO, gettext_lazy("%(field)s is %(value)s")),
        *_SET,
    ),
    Kind.MOMENT: (
        Operator(
            "last_days",
            gettext_lazy("in the last … days"),
            Takes.DAYS,
            gettext_lazy("%(field)s in the last %(value)s days"),
        ),
        Operator("before", gettext_lazy("before"), Takes.DATE, gettext_lazy("%(field)s before %(value)s")),
        Operator("after", gettext_lazy("after"), Takes.DATE, gettext_lazy("%(field)s after %(value)s")),
    ),
    Kind.TAGS: (
        Operator("has", gettext_lazy("have one of"), Takes.TEXTS, gettext_lazy("has the tag %(value)s")),
        Operator(
            "has_not", gettext_lazy("have none of"), Takes.TEXTS, gettext_lazy("does not have the tag %(value)s")
        ),
    ),
    Kind.CHOICE: (
        Operator("is", gettext_lazy("is"), Takes.CHOICE, gettext_lazy("%(field)s is %(value)s")),
        Operator("is_not", gettext_lazy("is not"), Takes.CHOICE, gettext_lazy("%(field)s is not %(value)s")),
    ),
    Kind.FACT: (
        Operator("is", gettext_lazy("yes"), Takes.NOTHING, gettext_lazy("%(field)s")),
        Operator("is_not", gettext_lazy("no"), Takes.NOTHING, gettext_lazy("%(field)s")),
    ),
    Kind.ACTIVITY: (
        Operator(
            "last_days",
            gettext_lazy("in the last … days"),
            Takes.DAYS,
            gettext_lazy("%(field)s in the last %(value)s days"),
        ),
        Operator(
            "not_last_days",
            gettext_lazy("not in the last … days"),
            Takes.DAYS,
            gettext_lazy("%(field)s in the last %(value)s days"),
        ),
        Operator("ever", gettext_lazy("at any time"), Takes.NOTHING, gettext_lazy("%(field)s at any time")),
        Operator("never", gettext_lazy("never"), Takes.NOTHING, gettext_lazy("%(field)s at any time")),
    ),
    Kind.CAMPAIGN: (
        Operator("is", gettext_lazy("yes, of"), Takes.CHOICE, gettext_lazy("%(field)s of the campaign %(value)s")),
        Operator("is_not", gettext_lazy("not of"), Takes.CHOICE, gettext_lazy("%(field)s of the campaign %(value)s")),
    ),
}
# What is true of everybody of whom the positive operator is not true.
NEGATIVE: Final = {
    "is_not": "is",
    "not_contains": "contains",
    "not_set": "set",
    "has_not": "has",
    "not_last_days": "last_days",
    "never": "ever",
}


@dataclass(frozen=True)
class Field:
    """`label_not` says the contrary, where `label` is a statement and not a thing. `choices` gives (value, label).

    `people` is the SQL of a set: it gives a column `phone_number` with each number at most once, and may use the parameters %(organization)s,
    %(since)s (a moment, only of activities) and %(choice)s. For "ever" `people` stands with `since` long ago.
    """

    key: str
    label: Text
    kind: Kind
    group: str = Group.PERSON
    label_not: Text = ""
    people: str = ""
    choices: Callable[[Organization], Choices] | None = None

    def operator(self, name: str) -> Operator | None:
        return next((each for each in OPERATORS[self.kind] if each.name == name), None)


_registered: dict[str, Field] = {}


def register(*fields: Field) -> None:
    """Adds fields of an app above contacts; called once, when the apps are ready."""
    for field in fields:
        _registered[field.key] = field


def fields_of(organization: Organization) -> dict[str, Field]:
    """Everything that segments of the organization can ask about, by key, in the order of the builder."""
    definitions = AttributeDefinition.objects.for_organization(organization)
    attributes = [
        Field(f"{ATTRIBUTE}{each.key}", str(each), Kind(each.kind), Group.ATTRIBUTES) for each in definitions
    ]
    return {field.key: field for field in (*_OF_PEOPLE, *attributes, *_registered.values())}


def _lists(organization: Organization) -> Choices:
    found = ContactList.objects.for_organization(organization).values_list("pk", "name")
    return [(str(pk), name) for pk, name in found]


def _countries(organization: Organization) -> Choices:
    """By calling code, because several countries share some; the organization's own comes first."""
    own = str(phonenumbers.country_code_for_region(organization.default_region))
    codes = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
    named = [(code, f"{_region_names(regions)} (+{code})") for code, regions in codes.items() if regions != ("001",)]
    return sorted(named, key=lambda each: (each[0] != own, each[1]))


def _region_names(regions: tuple[str, ...]) -> str:
    """In the reader's language; of a code that several share, the one it mostly belongs to."""
    territories = Locale.parse(to_locale(get_language() or "en")).territories
    name = str(territories.get(regions[0], regions[0]))
    return name if len(regions) == 1 else f"{name} …"


_OF_PEOPLE: Final = (
    Field("name", gettext_lazy("name"), Kind.TEXT),
    Field("phone_number", gettext_lazy("phone number"), Kind.TEXT),
    Field("country", gettext_lazy("country of the number"), Kind.CHOICE, choices=_countries),
    Field("tags", gettext_lazy("tags"), Kind.TAGS),
    Field(
        "list",
        gettext_lazy("is on the list"),
        Kind.CHOICE,
        label_not=gettext_lazy("is not on the list"),
        choices=_lists,
    ),
    Field("created", gettext_lazy("added"), Kind.MOMENT),
    Field(
        "blocked",
        gettext_lazy("is on the blocklist"),
        Kind.FACT,
        label_not=gettext_lazy("is not on the blocklist"),
        people="""SELECT phone_number FROM contacts_blocklistentry
            WHERE organization_id = %(organization)s AND phone_number IS NOT NULL""",
    ),
    Field(
        "opted_out",
        gettext_lazy("asked not to be messaged"),
        Kind.FACT,
        label_not=gettext_lazy("did not ask to be left alone"),
        people="""SELECT phone_number FROM contacts_blocklistentry
            WHERE organization_id = %(organization)s AND reason = 'opted_out' AND phone_number IS NOT NULL""",
    ),
)


def choice_label(field: Field, organization: Organization, value: str) -> str | None:
    """What a value of a choice is called; None where there is no such choice (any more)."""
    return dict(field.choices(organization)).get(value) if field.choices else None
