"""Keeps segments, counts them, and gives the people in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.utils import OperationalError
from django.utils.timezone import now
from django.utils.translation import gettext as _
from psycopg import errors

from accounts.models import Organization, User
from accounts.services import Actor, record
from contacts.models import Contact, ContactList, Segment
from contacts.segments import compiled, trees
from contacts.segments.fields import ATTRIBUTE
from contacts.segments.sentences import sentence

SECONDS_TO_COUNT: Final = 20
WORK_MEMORY: Final = "64MB"  # for the hash tables of lists and activities
SAMPLE: Final = 10

# Who uses a segment and would be harmed if it went: each gives the names of such uses. Apps above contacts add theirs.
uses: list[Callable[[Segment], list[str]]] = []
# The same of lists, besides rows that point at them and keep them by themselves.
uses_of_lists: list[Callable[[ContactList], list[str]]] = []


class NotAllowed(Exception):
    """The request makes no sense in the present state. The message is for the person who asked."""


class TooSlow(Exception):
    """Counting was given up. The message is for the person who asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many people there were at a moment, and some of them."""

    people: int
    at: datetime
    sample: list[Contact]


def create_segment(*, organization: Organization, name: str, conditions: Any, by: Actor = None) -> Segment:
    """Raises `ValidationError` for `name`, or `trees.InvalidFilter`; then nothing is stored."""
    trees.parse(conditions, organization)
    segment = Segment(
        organization=organization,
        name=_checked_name(name),
        filter=conditions,
        created_by=by if isinstance(by, User) else None,
    )
    _save(segment)
    record(organization=organization, by=by, action="contacts.segment_created", target=segment.name)
    return segment


def change_segment(*, segment: Segment, name: str | None = None, conditions: Any = None, by: Actor = None) -> None:
    """Gives it another name or filter. What was frozen into campaigns stays. Raises as `create_segment`."""
    if conditions is not None:
        trees.parse(conditions, segment.organization)
        if conditions != segment.filter:
            segment.filter, segment.people, segment.counted_at = conditions, None, None
    if name is not None:
        segment.name = _checked_name(name)
    segment.updated_at = now()
    _save(segment)
    record(organization=segment.organization, by=by, action="contacts.segment_changed", target=segment.name)


def delete_segment(*, segment: Segment, by: Actor = None) -> None:
    """Raises `NotAllowed` while something still needs it."""
    if names := [name for of_app in uses for name in of_app(segment)]:
        raise NotAllowed(
            _("“%(segment)s” is still needed by: %(names)s. Remove it there first.")
            % {"segment": segment.name, "names": ", ".join(names)}
        )
    with transaction.atomic():
        record(organization=segment.organization, by=by, action="contacts.segment_deleted", target=segment.name)
        segment.delete()


def described(segment: Segment) -> tuple[str, str]:
    """The filter in words, and what is wrong with it now, such as a list that was deleted; one of the two is empty."""
    try:
        return sentence(trees.parse(segment.filter, segment.organization)), ""
    except trees.InvalidFilter as error:
        return "", " ".join(error.messages)


def find(organization: Organization, written: Any, *, with_sample: bool = False) -> Found:
    """Counts the people of a filter, exactly. Raises `trees.InvalidFilter`, and `TooSlow` after `SECONDS_TO_COUNT`."""
    node = trees.parse(written, organization)
    at = now()
    counting = compiled.query(node, organization, at=at, select="count(*)")
    sampling = compiled.query(node, organization, at=at)
    with measured() as cursor:
        cursor.execute(counting.sql, counting.parameters)
        people = cursor.fetchone()[0]
        sample: list[Contact] = []
        if with_sample and people:
            cursor.execute(f"{sampling.sql} LIMIT {SAMPLE}", sampling.parameters)
            sample = list(Contact.objects.filter(pk__in=[pk for (pk,) in cursor.fetchall()]))
    return Found(people, at, sample)


def count(segment: Segment, *, with_sample: bool = False) -> Found:
    """Counts a segment and remembers the figure with its moment. Raises as `find`."""
    found = find(segment.organization, segment.filter, with_sample=with_sample)
    same = Segment.objects.filter(pk=segment.pk, filter=segment.filter)  # somebody may have changed it meanwhile
    same.update(people=found.people, counted_at=found.at)
    segment.people, segment.counted_at = found.people, found.at
    return found


def query_of(segment: Segment, *, at: datetime, prefix: str = "segment") -> compiled.Query:
    """SQL that gives the ids of the people in it, to be put into another statement. Raises `trees.InvalidFilter`."""
    return compiled.query(
        trees.parse(segment.filter, segment.organization), segment.organization, at=at, prefix=prefix
    )


def segments_that_ask(organization: Organization, *, field: str, value: Any = None) -> list[Segment]:
    """The segments with a condition on that field, and on that value of it if one is given, such as a list's id."""

    def asks(leaf: dict[str, Any]) -> bool:
        return leaf.get("field") == field and (value is None or str(leaf.get("value")) == str(value))

    found = Segment.objects.for_organization(organization)
    return [segment for segment in found if any(asks(leaf) for leaf in trees.leaves(segment.filter))]


def what_asks_for_list(contact_list: ContactList) -> list[str]:
    """The names of segments that ask for a list, and of what else would mean other people without it."""
    asking = segments_that_ask(contact_list.organization, field="list", value=contact_list.pk)
    return [segment.name for segment in asking] + [name for of_app in uses_of_lists for name in of_app(contact_list)]


def segments_with_attribute(organization: Organization, key: str) -> list[Segment]:
    return segments_that_ask(organization, field=f"{ATTRIBUTE}{key}")


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"name": _("Give the segment a name.")})
    if len(name) > 120:
        raise ValidationError({"name": _("The name may have 120 characters.")})
    return name


def _save(segment: Segment) -> None:
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError as error:
        raise ValidationError({"name": _("There is a segment with this name already.")}) from error


@contextmanager
def measured() -> Iterator[Any]:
    """A cursor whose statements have memory for hash tables and a limit of time; afterwards all is as before."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('work_mem')")
            before = cursor.fetchone()
            settings = "SELECT set_config('statement_timeout', %s, TRUE), set_config('work_mem', %s, TRUE)"
            cursor.execute(settings, [f"{SECONDS_TO_COUNT}s", WORK_MEMORY])
            yield cursor
            cursor.execute(settings, before)
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.QueryCanceled):
            raise
        raise TooSlow(
            _(
                "Counting took more than %(seconds)s seconds and was given up. Ask for less at a time, or try again later."
            )
            % {"seconds": SECONDS_TO_COUNT}
        ) from error
