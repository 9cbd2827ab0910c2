"""Adds, changes and deletes contacts one at a time, as people and programs ask for it.

Every change leaves an event on the contact's timeline; what the values were before stands there.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import attributes as attribute_rules
from contacts import events, tags, values
from contacts.columns import variable_key
from contacts.models import Contact, ContactEvent, OtherNumber
from contacts.phone_numbers import InvalidNumber, masked, normalise

LONGEST_NAME = 200
LONGEST_KEY = 200
LONGEST_VALUE = 5_000
MOST_ATTRIBUTES = 500

Kind = ContactEvent.Kind


def find(organization: Organization, phone_number: str) -> Contact | None:
    """Whoever has this number (E.164), as their own or as another one of theirs."""
    own = Contact.objects.for_organization(organization).filter(phone_number=phone_number).exclude(phone_number="")
    if (contact := own.first()) is not None:
        return contact
    others = OtherNumber.objects.for_organization(organization).filter(phone_number=phone_number)
    other = others.exclude(phone_number="").select_related("contact").first()
    return other.contact if other is not None else None


def numbers_of(contact: Contact) -> list[str]:
    """All numbers of a contact, the one that messages go to first."""
    others = contact.other_numbers.exclude(phone_number="").values_list("phone_number", flat=True)
    return [number for number in (contact.phone_number, *others) if number]


def create(
    *,
    organization: Organization,
    phone_number: str,
    name: str = "",
    attributes: Mapping[str, Any] | None = None,
    tag_names: Iterable[str] = (),
    by: Actor = None,
) -> Contact:
    """Adds a person. Raises `ValidationError` by field, also where somebody has the number already."""
    number = _number(organization, phone_number)
    if (known := find(organization, number)) is not None:
        raise ValidationError({"phone_number": _taken(known)})
    contact = Contact(
        organization=organization,
        phone_number=number,
        name=clean_name(name),
        attributes=merged_attributes({}, clean_attributes(organization, attributes or {})),
        tags=_tags(tag_names),
    )
    try:
        with transaction.atomic():
            contact.save()
            _define(organization, contact.attributes)
            _note(contact, Kind.CREATED, by)
            record(organization=organization, by=by, action="contacts.created", target=masked(number))
    except IntegrityError as error:  # somebody else added them at this moment
        known = find(organization, number)
        raise ValidationError({"phone_number": _taken(known) if known else str(error)}) from error
    return contact


def change(
    *,
    contact: Contact,
    name: str | None = None,
    phone_number: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    tag_names: Iterable[str] | None = None,
    keep_number: bool = False,
    by: Actor = None,
) -> Contact:
    """Changes what is given and leaves the rest; an attribute that is None goes. Returns the contact as it is now.

    With `keep_number`, a number that is replaced stays with the contact as another one. Raises `ValidationError` by
    field, and `Contact.DoesNotExist` where the contact is gone.
    """
    organization = contact.organization
    cleaned = None if attributes is None else clean_attributes(organization, attributes, known=contact.attributes)
    with transaction.atomic():
        contact = Contact.objects.select_for_update().get(pk=contact.pk)
        changes: dict[str, Any] = {}
        if name is not None:
            _set(contact, "name", clean_name(name), changes)
        if phone_number is not None:
            _change_number(organization, contact, phone_number, keep_number, changes)
        if cleaned is not None:
            _set_attributes(contact, merged_attributes(contact.attributes, cleaned), changes)
        added, removed = _set_tags(contact, tag_names)
        if changes or added or removed:
            contact.updated_at = now()
            contact.save(update_fields=["name", "phone_number", "lid", "attributes", "tags", "updated_at"])
            _define(organization, cleaned or {})
            _note_changes(contact, changes, added, removed, by)
            what = sorted({*changes, *(["tags"] if added or removed else [])})
            target = masked(contact.phone_number) if contact.phone_number else "LID"
            record(organization=organization, by=by, action="contacts.changed", target=target, fields=what)
    return contact


def remove_other_number(*, contact: Contact, other_id: int, by: Actor = None) -> bool:
    """Whoever writes from that number is a contact of their own from now on. False where it is gone already."""
    with transaction.atomic():
        other = contact.other_numbers.select_for_update().filter(pk=other_id).first()
        if other is None:
            return False
        other.delete()
        _note(contact, Kind.EDITED, by, changes={"other_number": {"from": str(other), "to": ""}})
        record(organization=contact.organization, by=by, action="contacts.changed", fields=["other_number"])
    return True


def delete(*, organization: Organization, contact_ids: Collection[int], by: Actor = None) -> int:
    """Removes contacts with their lists and history; gives how many. Their messages and the blocklist stay."""
    with transaction.atomic():
        found = Contact.objects.for_organization(organization).filter(pk__in=list(contact_ids))
        numbers = list(found.values_list("phone_number", flat=True))
        found.delete()
        if numbers:
            target = masked(numbers[0]) if len(numbers) == 1 else ""
            record(organization=organization, by=by, action="contacts.deleted", target=target, people=len(numbers))
    return len(numbers)


# -- Values as they are stored --


def clean_attributes(
    organization: Organization,
    written: Mapping[str, Any],
    known: Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> dict[str, str | None]:
    """Attributes by their variable's name, in the stored form of their type; None removes one.

    `kinds` are the types, where the caller has read them. Raises `ValidationError` for `attributes`.
    """
    cleaned: dict[str, str | None] = {}
    problems = []
    for name, value in written.items():
        key = variable_key(name)
        text = None if value is None else _plain(value)
        if not key or len(key) > LONGEST_KEY:
            problems.append(_("“%(name)s” cannot be the name of an attribute.") % {"name": name[:50]})
        elif isinstance(value, dict | list):
            problems.append(_("“%(name)s” holds more than one value. Give one text.") % {"name": name[:50]})
        elif text is not None and len(text) > LONGEST_VALUE:
            limit = {"name": name[:50], "most": LONGEST_VALUE}
            problems.append(_("“%(name)s” is longer than %(most)s characters.") % limit)
        else:
            cleaned[key] = text
    given = {key: text for key, text in cleaned.items() if text is not None}
    kinds = attribute_rules.kinds_of(organization.pk) if kinds is None else kinds
    stored, misfits = values.fitting(kinds, given, region=organization.default_region, known=known)
    problems += [f"{key}: {reason}" for key, reason in misfits.items()]
    if problems:
        raise ValidationError({"attributes": problems})
    return {**cleaned, **stored}


def merged_attributes(known: Mapping[str, Any], new: Mapping[str, str | None]) -> dict[str, Any]:
    """The known ones with the new ones over them, without those that are None. Raises `ValidationError`."""
    united = {**known, **new}
    united = {key: value for key, value in united.items() if key not in new or value is not None}
    if len(united) > MOST_ATTRIBUTES:
        raise ValidationError({"attributes": _("A contact may have %(most)s attributes.") % {"most": MOST_ATTRIBUTES}})
    return united


def _define(organization: Organization, attributes: Mapping[str, Any]) -> None:
    """Keys that are new become attributes of the organization."""
    attribute_rules.ensure(organization_id=organization.pk, labels=dict.fromkeys(attributes, ""))


def _plain(value: Any) -> str:
    """A JSON value as text; what PostgreSQL cannot hold is left out."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode().strip()


def _number(organization: Organization, written: str) -> str:
    try:
        return normalise(written, organization.default_region)
    except InvalidNumber as error:
        raise ValidationError({"phone_number": str(error)}) from error


def clean_name(written: str) -> str:
    """On one line. Raises `ValidationError` for `name`."""
    name = " ".join(_plain(written).split())
    if len(name) > LONGEST_NAME:
        raise ValidationError({"name": _("A name may have %(most)s characters.") % {"most": LONGEST_NAME}})
    return name


def _tags(written: Iterable[str]) -> list[str]:
    try:
        return tags.tag_names(written)
    except ValidationError as error:
        raise ValidationError({"tags": error.messages}) from error


def _taken(known: Contact) -> str:
    return _("%(person)s has this number already.") % {"person": known.name or _("Another contact")}


# -- What changed --


def _set(contact: Contact, field: str, value: str, changes: dict[str, Any]) -> None:
    before = getattr(contact, field)
    if before != value:
        changes[field] = {"from": before, "to": value}
        setattr(contact, field, value)


def _change_number(
    organization: Organization, contact: Contact, written: str, keep: bool, changes: dict[str, Any]
) -> None:
    number = _number(organization, written)
    if number == contact.phone_number:
        return
    known = find(organization, number)
    if known is not None and known.pk != contact.pk:
        text = _("%(problem)s Merge the two, if they are one person.") % {"problem": _taken(known)}
        raise ValidationError({"phone_number": text})
    former, former_lid = contact.phone_number, contact.lid
    same = contact.other_numbers.filter(phone_number=number).first()
    contact.lid = same.lid if same is not None else (contact.lid if not former else "")
    if same is not None:
        same.delete()
    if keep and former:
        OtherNumber.objects.create(organization=organization, contact=contact, phone_number=former, lid=former_lid)
    _set(contact, "phone_number", number, changes)


def changed_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`{key: {"from", "to"}}` of those that differ, as events tell it."""
    return {
        f"attributes.{key}": {"from": before.get(key), "to": after.get(key)}
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def _set_attributes(contact: Contact, attributes: dict[str, Any], changes: dict[str, Any]) -> None:
    changes.update(changed_attributes(contact.attributes, attributes))
    contact.attributes = attributes


def _set_tags(contact: Contact, written: Iterable[str] | None) -> tuple[list[str], list[str]]:
    """Gives the tags that are new and those that are gone."""
    if written is None:
        return [], []
    before, after = set(contact.tags), _tags(written)
    contact.tags = after
    return sorted(set(after) - before), sorted(before - set(after))


def _note(contact: Contact, kind: Kind, by: Actor, **detail: Any) -> None:
    events.record(organization_id=contact.organization_id, contact_ids=[contact.pk], kind=kind, by=by, **detail)


def _note_changes(contact: Contact, changes: dict[str, Any], added: list[str], removed: list[str], by: Actor) -> None:
    if changes:
        _note(contact, Kind.EDITED, by, changes=changes)
    if added:
        _note(contact, Kind.TAGS_ADDED, by, tags=added)
    if removed:
        _note(contact, Kind.TAGS_REMOVED, by, tags=removed)
