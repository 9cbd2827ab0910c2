"""Joins the two names that WhatsApp has for a person, phone number and LID, to one contact."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from contacts import merges
from contacts.models import Contact, OtherNumber


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
    known = _people_of(organization_id, seen)
    if _make_contacts(organization_id, seen, known):
        known = _people_of(organization_id, seen)
    for identity in sorted(seen, key=lambda each: (each.phone_number, each.lid)):
        if not _is_settled(identity, known):
            with transaction.atomic():
                _settle(organization_id, identity)


def numbers_of(*, organization_id: int, lids: Iterable[str]) -> dict[str, str]:
    """The phone numbers of those LIDs whose number is known."""
    wanted = [lid for lid in lids if lid]
    others = OtherNumber.objects.filter(organization_id=organization_id, lid__in=wanted).select_related("contact")
    numbers = {other.lid: other.phone_number or other.contact.phone_number for other in others}
    found = Contact.objects.filter(organization_id=organization_id, lid__in=wanted)
    numbers |= dict(found.values_list("lid", "phone_number"))
    return {lid: number for lid, number in numbers.items() if number}


def _people_of(organization_id: int, seen: Iterable[Identity]) -> list[Identity]:
    """Everybody who has one of these numbers or LIDs, as their own or as another one of theirs."""
    numbers = {identity.phone_number for identity in seen} - {""}
    lids = {identity.lid for identity in seen} - {""}
    named = Q(phone_number__in=numbers) | Q(lid__in=lids)
    own = Contact.objects.filter(named, organization_id=organization_id).values_list("phone_number", "lid", "name")
    others = OtherNumber.objects.filter(named, organization_id=organization_id)
    return [Identity(*row) for row in (*own, *others.values_list("phone_number", "lid", "contact__name"))]


def _make_contacts(organization_id: int, seen: Iterable[Identity], known: list[Identity]) -> bool:
    """Makes contacts of people of whom neither number nor LID is known, all at once. What two of them have in common
    is left to `_settle`. True if there was anybody."""
    taken = {person.phone_number for person in known} | {person.lid for person in known}
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


def _is_settled(identity: Identity, known: list[Identity]) -> bool:
    """Whether it is all known already, which is nearly always so."""
    return any(
        (not identity.phone_number or person.phone_number == identity.phone_number)
        and (not identity.lid or person.lid == identity.lid)
        and (person.name or not identity.name)
        for person in known
    )


def _settle(organization_id: int, identity: Identity) -> None:
    of_organization = Contact.objects.select_for_update().filter(organization_id=organization_id)
    by_number = of_organization.filter(phone_number=identity.phone_number).first() if identity.phone_number else None
    by_lid = of_organization.filter(lid=identity.lid).first() if identity.lid else None
    others = OtherNumber.objects.select_for_update().filter(organization_id=organization_id)
    if by_number is None and identity.phone_number:
        other = others.filter(phone_number=identity.phone_number).first()
        if other is not None:
            _settle_other(other, by_lid, identity)
            return
    if by_lid is None and identity.lid:
        other = others.filter(lid=identity.lid).first()
        if other is not None and _is_settled_by_lid(other, by_number, identity):
            return
    if by_number is None and by_lid is None:
        if identity.is_new_contact:
            Contact.objects.bulk_create([_contact_of(organization_id, identity)], ignore_conflicts=True)
        return
    if by_number is not None and by_lid is not None and by_number.pk != by_lid.pk:
        by_number = _unite(by_number, by_lid)
    elif by_number is None and by_lid is not None and identity.phone_number and by_lid.phone_number:
        # The LID moved to another number: whoever has that number now is a contact of their own.
        Contact.objects.filter(pk=by_lid.pk).update(lid="")
        _settle(organization_id, identity)
        return
    _complete(by_number or by_lid, identity)


def _settle_other(other: OtherNumber, by_lid: Contact | None, identity: Identity) -> None:
    """The number is another one of a contact: its LID belongs beside it, and not to the contact's own number."""
    contact = other.contact
    if by_lid is not None and by_lid.pk == contact.pk:
        Contact.objects.filter(pk=contact.pk).update(lid="")
    elif by_lid is not None and by_lid.phone_number:
        Contact.objects.filter(pk=by_lid.pk).update(lid="")
    elif by_lid is not None:
        before = contact.lid
        contact = _unite(contact, by_lid)
        Contact.objects.filter(pk=contact.pk).update(lid=before)
    if identity.lid and other.lid != identity.lid:
        same = OtherNumber.objects.filter(organization_id=other.organization_id, lid=identity.lid).exclude(pk=other.pk)
        same.filter(phone_number="").delete()
        same.update(lid="")
        OtherNumber.objects.filter(pk=other.pk).update(lid=identity.lid)
    if identity.name:
        Contact.objects.filter(pk=contact.pk, name="").update(name=identity.name[:200], updated_at=now())


def _is_settled_by_lid(other: OtherNumber, by_number: Contact | None, identity: Identity) -> bool:
    """What a LID that is another one of a contact says by itself; False where the number has more to say."""
    if not identity.phone_number or (by_number is None and not other.phone_number):
        OtherNumber.objects.filter(pk=other.pk).update(phone_number=other.phone_number or identity.phone_number)
        if identity.name:
            Contact.objects.filter(pk=other.contact_id, name="").update(name=identity.name[:200], updated_at=now())
        return True
    # The LID belongs to a number that is somebody's own, or that nobody has yet.
    if other.phone_number:
        OtherNumber.objects.filter(pk=other.pk).update(lid="")
    else:
        other.delete()
    return False


def _complete(contact: Contact | None, identity: Identity) -> None:
    if contact is None:
        return
    contact.phone_number = contact.phone_number or identity.phone_number
    contact.lid = identity.lid or contact.lid
    contact.name = contact.name or identity.name[:200]
    contact.updated_at = now()
    contact.save(update_fields=["phone_number", "lid", "name", "updated_at"])


def _unite(kept: Contact, other: Contact) -> Contact:
    """`kept`, found by number, takes the LID of `other`, and all else of it where that one had no number of its own."""
    if other.phone_number:
        Contact.objects.filter(pk=other.pk).update(lid="")
        return kept
    organization = Organization.objects.get(pk=kept.organization_id)
    merges.merge(organization=organization, kept=kept, other=other, source=_("WhatsApp: one person"))
    return Contact.objects.get(pk=kept.pk)
