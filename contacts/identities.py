"""Joins the two names that WhatsApp has for a person, phone number and LID, to one contact."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from contacts.models import Contact, ContactListMember


@dataclass(frozen=True, slots=True)
class Identity:
    """What was seen of one person: a number in E.164, a LID, or both; and their own name, or none.

    Who is seen in passing, such as a member of a group, does not become a contact (`is_new_contact` False).
    """

    phone_number: str = ""
    lid: str = ""
    name: str = ""
    is_new_contact: bool = True


def learn(*, organization_id: int, seen: Collection[Identity]) -> None:
    """Writes what was learned to contacts: the LID of a number, the number of a LID, a name where there was none.

    A person who was known by number and by LID as two contacts becomes one. Repeats change nothing.
    """
    known = _contacts_of(organization_id, seen)
    if _make_contacts(organization_id, seen, known):
        known = _contacts_of(organization_id, seen)
    for identity in sorted(seen, key=lambda each: (each.phone_number, each.lid)):
        if not _is_settled(identity, known):
            with transaction.atomic():
                _settle(organization_id, identity)


def numbers_of(*, organization_id: int, lids: Iterable[str]) -> dict[str, str]:
    """The phone numbers of those LIDs whose number is known."""
    found = Contact.objects.filter(organization_id=organization_id, lid__in=[lid for lid in lids if lid])
    return dict(found.exclude(phone_number="").values_list("lid", "phone_number"))


def _contacts_of(organization_id: int, seen: Iterable[Identity]) -> list[Contact]:
    numbers = {identity.phone_number for identity in seen} - {""}
    lids = {identity.lid for identity in seen} - {""}
    return list(Contact.objects.filter(Q(phone_number__in=numbers) | Q(lid__in=lids), organization_id=organization_id))


def _make_contacts(organization_id: int, seen: Iterable[Identity], known: list[Contact]) -> bool:
    """Makes contacts of people of whom neither number nor LID is known, all at once. What two of them have in common
    is left to `_settle`. True if there was anybody."""
    taken = {contact.phone_number for contact in known} | {contact.lid for contact in known}
    new = []
    for identity in sorted(seen, key=lambda each: (each.phone_number, each.lid)):
        names = {identity.phone_number, identity.lid} - {""}
        if identity.is_new_contact and names and not names & taken:
            taken |= names
            new.append(_contact_of(organization_id, identity))
    Contact.objects.bulk_create(new, ignore_conflicts=True)  # somebody else may learn the same at this moment
    return bool(new)


def _contact_of(organization_id: int, identity: Identity) -> Contact:
    return Contact(
        organization_id=organization_id,
        phone_number=identity.phone_number,
        lid=identity.lid,
        name=identity.name[:200],
    )


def _is_settled(identity: Identity, known: list[Contact]) -> bool:
    """Whether a contact says it all already, which is nearly always so."""
    return any(
        (not identity.phone_number or contact.phone_number == identity.phone_number)
        and (not identity.lid or contact.lid == identity.lid)
        and (contact.name or not identity.name)
        for contact in known
    )


def _settle(organization_id: int, identity: Identity) -> None:
    of_organization = Contact.objects.select_for_update().filter(organization_id=organization_id)
    by_number = of_organization.filter(phone_number=identity.phone_number).first() if identity.phone_number else None
    by_lid = of_organization.filter(lid=identity.lid).first() if identity.lid else None
    if by_number is None and by_lid is None:
        if identity.is_new_contact:
            Contact.objects.bulk_create([_contact_of(organization_id, identity)], ignore_conflicts=True)
        return
    if by_number is not None and by_lid is not None and by_number.pk != by_lid.pk:
        _unite(by_number, by_lid)
    elif by_number is None and by_lid is not None and identity.phone_number and by_lid.phone_number:
        # The LID moved to another number: whoever has that number now is a contact of their own.
        Contact.objects.filter(pk=by_lid.pk).update(lid="")
        _settle(organization_id, identity)
        return
    _complete(by_number or by_lid, identity)


def _complete(contact: Contact | None, identity: Identity) -> None:
    if contact is None:
        return
    contact.phone_number = contact.phone_number or identity.phone_number
    contact.lid = identity.lid or contact.lid
    contact.name = contact.name or identity.name[:200]
    contact.updated_at = now()
    contact.save(update_fields=["phone_number", "lid", "name", "attributes", "tags", "updated_at"])


def _unite(kept: Contact, other: Contact) -> None:
    """`kept`, found by number, takes the LID of `other`, and all else of it where that one had no number of its own."""
    if other.phone_number:
        Contact.objects.filter(pk=other.pk).update(lid="")
        return
    kept.name = kept.name or other.name
    kept.attributes = {**other.attributes, **kept.attributes}
    kept.tags = sorted({*other.tags, *kept.tags})
    lists = ContactListMember.objects.filter(contact=other).values_list("contact_list_id", flat=True)
    ContactListMember.objects.bulk_create(
        [ContactListMember(contact_list_id=list_id, contact=kept) for list_id in lists], ignore_conflicts=True
    )
    other.delete()
