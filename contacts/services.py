"""Changes to contacts and lists, and the start of imports."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files import File
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from accounts.services import Actor, record
from contacts import attributes as attribute_rules
from contacts import imports
from contacts.blocklist import block as block
from contacts.blocklist import unblock as unblock
from contacts.models import Contact, ContactList, ListImport
from contacts.phone_numbers import normalise
from contacts.sheets import Peek, peek


class NotAllowed(Exception):
    """The request makes no sense in the present state. The message is for the person who asked."""


@contextmanager
def stored_sheet(
    *, organization: Organization, file: "File[bytes]", file_name: str, seen: Peek | None, by: Actor = None
) -> Iterator[ListImport]:
    """Stores a sheet that `sheets.peek` has looked at (`seen`), and gives the unsaved import.

    Save it inside: where anything in the block fails, the stored file is removed.
    """
    list_import = ListImport(
        organization=organization,
        file_name=file_name[-255:],
        columns=[column.as_json() for column in seen.columns] if seen else [],
        created_by=by if isinstance(by, User) else None,
    )
    file.seek(0)
    list_import.file.save(f"{uuid.uuid4()}.xlsx", file, save=False)
    try:
        yield list_import
    except BaseException:
        list_import.file.delete(save=False)
        raise


def start_import(
    *,
    organization: Organization,
    file: "File[bytes]",
    file_name: str,
    list_name: str = "",
    commit: bool = True,
    by: Actor = None,
) -> ListImport:
    """Takes in a sheet of contacts; a task then reads it. Without `commit` it waits as `ready` after that.

    `list_name` is the name or the id of the list that the people come on; a new one is made where there is none.
    Raises `SheetError`; then nothing is stored or made.
    """
    seen = peek(file, file_name, organization.default_region)
    storing = stored_sheet(organization=organization, file=file, file_name=file_name, seen=seen, by=by)
    with storing as list_import, transaction.atomic():
        list_import.contact_list = find_or_create_list(organization=organization, name_or_id=list_name)
        list_import.for_contacts = True
        list_import.commit_when_read = commit
        list_import.save()
        record(organization=organization, by=by, action="contacts.import_started", target=file_name)
    return list_import


def commit_import(*, list_import: ListImport) -> None:
    """Asks for the people of a read import to be written to contacts; a task does it."""
    ready = ListImport.objects.filter(pk=list_import.pk, status=ListImport.Status.READY, for_contacts=True)
    changed = ready.update(status=ListImport.Status.IMPORTING, commit_when_read=True)
    if not changed:
        raise NotAllowed(_("Only a file that is read and not yet imported can be imported."))


def cancel_import(*, list_import: ListImport) -> None:
    """Drops an import that has not changed any contact yet."""
    waiting = [ListImport.Status.READING, ListImport.Status.READY]
    with transaction.atomic():
        changed = ListImport.objects.filter(pk=list_import.pk, status__in=waiting).update(
            status=ListImport.Status.CANCELLED, finished_at=now()
        )
        if not changed:
            raise NotAllowed(_("This import has already ended, or is writing contacts right now."))
        imports.forget_people(list_import.pk)


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
