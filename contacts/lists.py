"""Lists: named sets of contacts, filled and emptied by hand, by pasted numbers, or by what a search finds."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError, QuerySet
from django.db.models.deletion import PROTECT, RESTRICT
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import events
from contacts.models import Contact, ContactEvent, ContactList, OtherNumber
from contacts.phone_numbers import find_mobile
from contacts.segments.services import what_asks_for_list
from contacts.services import NotAllowed

LONGEST_NAME = 120
MOST_PASTED = 10_000
NAMES_SHOWN = 5

Kind = ContactEvent.Kind


@dataclass(frozen=True)
class Use:
    """What depends on a list: how many of which kind, some of their names, and whether that keeps the list."""

    what: str
    number: int
    names: list[str]
    keeps_it: bool


@dataclass
class Pasted:
    """What became of pasted numbers. `problems` are those that are no mobile numbers, as written."""

    added: int = 0
    already: int = 0
    created: int = 0
    problems: list[str] = field(default_factory=list)


def create(*, organization: Organization, name: str, by: Actor = None) -> ContactList:
    """A new list. Raises `ValidationError` for `name`."""
    with transaction.atomic():
        made = ContactList(organization=organization, name=_name(name))
        _save(made)
        record(organization=organization, by=by, action="contacts.list_created", target=made.name)
    return made


def rename(*, contact_list: ContactList, name: str, by: Actor = None) -> None:
    """Raises `ValidationError` for `name`."""
    before, contact_list.name = contact_list.name, _name(name)
    if before == contact_list.name:
        return
    with transaction.atomic():
        _save(contact_list, update_fields=["name"])
        organization = contact_list.organization
        record(
            organization=organization, by=by, action="contacts.list_renamed", target=contact_list.name, before=before
        )


def _name(written: str) -> str:
    name = " ".join(written.replace("\x00", "").split())
    if not name:
        raise ValidationError({"name": _("Give the list a name.")})
    if len(name) > LONGEST_NAME:
        raise ValidationError({"name": _("A name may have %(most)s characters.") % {"most": LONGEST_NAME}})
    return name


def _save(contact_list: ContactList, **options: Any) -> None:
    try:
        with transaction.atomic():
            contact_list.save(**options)
    except IntegrityError as error:
        raise ValidationError({"name": _("Another list has this name.")}) from error


def uses_of(contact_list: ContactList) -> list[Use]:
    """What points at a list besides its people, in whichever app."""
    uses = []
    for relation in ContactList._meta.related_objects:
        model = relation.related_model
        if not isinstance(model, type) or relation.many_to_many or model is ContactList.contacts.through:
            continue
        rows = model._base_manager.filter(**{relation.field.name: contact_list}).order_by("-pk")
        if number := rows.count():
            keeps = relation.on_delete in (PROTECT, RESTRICT)
            names = [str(row) for row in rows[:NAMES_SHOWN]]
            what = model._meta.verbose_name if number == 1 else model._meta.verbose_name_plural
            uses.append(Use(str(what), number, names, keeps))
    if names := what_asks_for_list(contact_list):
        uses.append(Use(_("segments and exclusions"), len(names), names[:NAMES_SHOWN], keeps_it=True))
    return sorted(uses, key=lambda use: not use.keeps_it)


def delete(*, contact_list: ContactList, by: Actor = None) -> None:
    """Removes a list; its people stay contacts, and their timelines do not tell of it. Raises `NotAllowed`."""
    organization, name = contact_list.organization, contact_list.name
    if names := what_asks_for_list(contact_list):  # without it they would mean other people
        text = _("“%(list)s” is still needed by %(keeping)s. Rename it instead.")
        raise NotAllowed(text % {"list": name, "keeping": ", ".join(names)})
    try:
        with transaction.atomic():
            contact_list.delete()
            record(organization=organization, by=by, action="contacts.list_deleted", target=name)
    except ProtectedError as error:
        keeping = "; ".join(f"{use.what}: {', '.join(use.names)}" for use in uses_of(contact_list) if use.keeps_it)
        text = _("“%(list)s” is still needed by %(keeping)s. Rename it instead.")
        raise NotAllowed(text % {"list": name, "keeping": keeping}) from error


# -- Its people --

# Rows are written in the order of the contacts, so that two writers do not wait for each other in a circle.
_ADD_SQL = """
WITH listed AS (
    INSERT INTO contacts_contactlistmember (contact_list_id, contact_id)
    SELECT %(list)s, found.id FROM ({found}) AS found (id) ORDER BY found.id
    ON CONFLICT DO NOTHING RETURNING contact_id
), noted AS (
    INSERT INTO contacts_contactevent (contact_id, kind, source, detail, at)
    SELECT contact_id, 'list_added', %(source)s, jsonb_build_object('list', %(list)s, 'name', %(name)s::text), %(at)s
    FROM listed
)
SELECT count(*) FROM listed
"""
_REMOVE_SQL = """
WITH gone AS (
    DELETE FROM contacts_contactlistmember WHERE contact_list_id = %(list)s AND contact_id IN ({found})
    RETURNING contact_id
), noted AS (
    INSERT INTO contacts_contactevent (contact_id, kind, source, detail, at)
    SELECT contact_id, 'list_removed', %(source)s, jsonb_build_object('list', %(list)s, 'name', %(name)s::text), %(at)s
    FROM gone
)
SELECT count(*) FROM gone
"""


def add(*, contact_list: ContactList, contacts: QuerySet[Contact] | Collection[int], by: Actor = None) -> int:
    """Puts people on a list, found by a query or named by id, in one statement; gives how many are new on it."""
    return _change(_ADD_SQL, "contacts.list_people_added", contact_list, contacts, by)


def remove(*, contact_list: ContactList, contacts: QuerySet[Contact] | Collection[int], by: Actor = None) -> int:
    """Takes people off a list in one statement; gives how many were on it."""
    return _change(_REMOVE_SQL, "contacts.list_people_removed", contact_list, contacts, by)


def _change(
    statement: str,
    action: str,
    contact_list: ContactList,
    contacts: QuerySet[Contact] | Collection[int],
    by: Actor,
) -> int:
    """Contacts of another organization are passed over."""
    if not isinstance(contacts, QuerySet):
        contacts = Contact.objects.filter(pk__in=list(contacts))
    chosen = contacts.filter(organization=contact_list.organization_id).order_by().values("pk")
    try:
        found, parameters = _named(*chosen.query.sql_with_params())
    except EmptyResultSet:
        return 0
    values = {
        "list": contact_list.pk,
        "name": contact_list.name,
        "source": events.name_of(by),
        "at": now(),
        **parameters,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(found=found), values)
        number = cursor.fetchone()[0]
        if number:
            organization = contact_list.organization
            record(organization=organization, by=by, action=action, target=contact_list.name, people=number)
    return number


def _named(statement: str, parameters: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """A statement of Django's with its parameters under names, so that it can stand inside one of ours."""
    first, *rest = statement.split("%s")
    named = first + "".join(f"%(found_{place})s{piece}" for place, piece in enumerate(rest))
    return named, {f"found_{place}": value for place, value in enumerate(parameters)}


def add_numbers(*, contact_list: ContactList, written: str, by: Actor = None) -> Pasted:
    """Puts the owners of pasted numbers, one a line or separated by commas or semicolons, on a list.

    Who is no contact yet becomes one. Raises `ValidationError` for `numbers` where there are too many.
    """
    organization = contact_list.organization
    parts = [part.strip() for part in re.split(r"[\n\r,;\t]+", written) if part.strip()]
    if not parts:
        raise ValidationError({"numbers": _("Paste at least one number.")})
    if len(parts) > MOST_PASTED:
        text = _("These are more than %(most)s numbers. Import them as a sheet instead.")
        raise ValidationError({"numbers": text % {"most": MOST_PASTED}})
    read = {part: find_mobile(part, organization.default_region) for part in parts}
    pasted = Pasted(problems=[part for part, number in read.items() if number is None])
    numbers = sorted({number for number in read.values() if number is not None})
    with transaction.atomic():
        pasted.created = _make_contacts(organization, numbers, by)
        ids = ids_of_numbers(organization, numbers)
        pasted.added = add(contact_list=contact_list, contacts=ids, by=by)
        pasted.already = len(ids) - pasted.added
    return pasted


def ids_of_numbers(organization: Organization, phone_numbers: Iterable[str]) -> set[int]:
    """The contacts that have these numbers (E.164), as their own or as another one of theirs."""
    numbers = list(phone_numbers)
    own = Contact.objects.for_organization(organization).filter(phone_number__in=numbers).exclude(phone_number="")
    others = OtherNumber.objects.for_organization(organization).filter(phone_number__in=numbers)
    found = dict(others.exclude(phone_number="").values_list("phone_number", "contact_id"))
    return set((found | dict(own.values_list("phone_number", "pk"))).values())


def _make_contacts(organization: Organization, numbers: list[str], by: Actor) -> int:
    others = OtherNumber.objects.for_organization(organization).filter(phone_number__in=numbers)
    known = set(others.values_list("phone_number", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_contact (organization_id, phone_number, name, attributes, created_at, updated_at)
            SELECT %s, number, '', '{}', now(), now() FROM unnest(%s::text[]) AS number ORDER BY number
            ON CONFLICT DO NOTHING RETURNING id
            """,
            [organization.pk, [number for number in numbers if number not in known]],
        )
        ids = [row[0] for row in cursor.fetchall()]
    events.record(organization_id=organization.pk, contact_ids=ids, kind=Kind.CREATED, by=by)
    return len(ids)
