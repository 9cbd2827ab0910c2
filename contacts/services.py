"""Changes to contacts and lists."""

from typing import Any

from django.utils.timezone import now

from accounts.models import Organization
from contacts import attributes as attribute_rules
from contacts.blocklist import block as block
from contacts.blocklist import unblock as unblock
from contacts.models import Contact, ContactList
from contacts.phone_numbers import normalise


class NotAllowed(Exception):
    """The request makes no sense in the present state. The message is for the person who asked."""


def create_list(*, organization: Organization, name: str) -> ContactList:
    """Gives the list of that name, and creates it where there is none."""
    found, _created = ContactList.objects.get_or_create(organization=organization, name=name.strip())
    return found


def find_or_create_list(*, organization: Organization, name_or_id: str) -> ContactList | None:
    """The list with that id, else the one of that name, made where there is none; None for nothing."""
    wanted = name_or_id.strip()
    if not wanted:
        return None
    if wanted.isdecimal() and len(wanted) < 18:
        found = ContactList.objects.for_organization(organization).filter(pk=int(wanted)).first()
        if found is not None:
            return found
    return create_list(organization=organization, name=wanted[:120])


def rename_list(*, contact_list: ContactList, name: str) -> None:
    contact_list.name = name.strip()
    contact_list.save(update_fields=["name"])


def save_contact(
    *, organization: Organization, phone_number: str, name: str = "", attributes: dict[str, Any] | None = None
) -> tuple[Contact, bool]:
    """Creates or updates one contact; the second value says whether it is new.

    Raises `InvalidNumber`, and `ValidationError` for `attributes` where a value does not fit its type.
    """
    number = normalise(phone_number, organization.default_region)
    if attributes is not None:
        known = Contact.objects.for_organization(organization).filter(phone_number=number).first()
        attributes = attribute_rules.checked(
            organization=organization, written=attributes, known=known.attributes if known else None
        )
    return Contact.objects.update_or_create(
        organization=organization,
        phone_number=number,
        defaults={"name": name, "updated_at": now(), **({"attributes": attributes} if attributes is not None else {})},
    )
