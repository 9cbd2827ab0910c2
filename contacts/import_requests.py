"""What people ask for about imports: take in a sheet, read it otherwise, import it, cancel, undo. Tasks do the work."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from accounts.services import Actor, record
from contacts import imports, tags
from contacts.mapping import MappingError
from contacts.models import BlocklistEntry, ListImport
from contacts.services import NotAllowed, find_or_create_list
from contacts.sheet_errors import SheetError
from contacts.sheets import Peek, peek

Purpose, Status = ListImport.Purpose, ListImport.Status


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
    tag_names: Iterable[str] = (),
    purpose: str = Purpose.CONTACTS,
    block_as: str = BlocklistEntry.Reason.BLOCKED,
    consent_source: str = "",
    sheet: str = "",
    mapping: Any = None,
    commit: bool = True,
    is_asked_about: bool = False,
    by: Actor = None,
) -> ListImport:
    """Takes in a sheet of people, or of numbers for the blocklist; a task then reads it.

    Without `commit` it waits as `ready` after that. `list_name` is the name or the id of the list that the people
    come on; a new one is made where there is none. Everybody agreed to be messaged at `consent_source`. `mapping` is what `contacts.mapping` takes. Where somebody
    `is_asked_about` the columns, phones that are not found are no error yet.
    Raises `SheetError`, and `ValidationError` for a tag; then nothing is stored or made.
    """
    names = tags.tag_names(tag_names)
    region = organization.default_region
    seen = peek(file, file_name, region, sheet=sheet, mapping=mapping, phone_required=not is_asked_about)
    storing = stored_sheet(organization=organization, file=file, file_name=file_name, seen=seen, by=by)
    with storing as list_import, transaction.atomic():
        if purpose == Purpose.CONTACTS:
            list_import.contact_list = find_or_create_list(organization=organization, name_or_id=list_name)
            list_import.tags = names
            list_import.consent_source = consent_source.strip()[:200]
        list_import.for_contacts = True
        list_import.purpose = purpose
        list_import.block_as = block_as
        list_import.sheet, list_import.mapping = sheet, mapping
        list_import.commit_when_read = commit
        list_import.is_asked_about = is_asked_about
        list_import.save()
        record(
            organization=organization, by=by, action="contacts.import_started", target=file_name, purpose=str(purpose)
        )
    return list_import


def field_of(error: SheetError) -> str:
    """Which of what was asked for is wrong: `file` or `mapping`."""
    return "mapping" if isinstance(error.__cause__, MappingError) else "file"


def choose_columns(*, list_import: ListImport, sheet: str = "", mapping: Any = None, by: Actor = None) -> None:
    """Has a file that waits read once more, another worksheet of it or with other columns; a task does it."""
    waiting = ListImport.objects.filter(pk=list_import.pk, status=Status.READY, for_contacts=True)
    changed = waiting.exclude(file="").update(
        status=Status.READING, sheet=sheet, mapping=mapping, error="", rows_read=0, read_at=None
    )
    if not changed:
        raise NotAllowed(_("Only a file that is read and not yet imported can be read otherwise."))


def commit_import(*, list_import: ListImport, by: Actor = None) -> None:
    """Asks for the people of a read import to be written to contacts; a task does it."""
    ready = ListImport.objects.filter(pk=list_import.pk, status=Status.READY, for_contacts=True)
    if ready.exclude(error="").exists():
        raise NotAllowed(_("Choose the column with the phone numbers first."))
    if not ready.update(status=Status.IMPORTING, commit_when_read=True):
        raise NotAllowed(_("Only a file that is read and not yet imported can be imported."))
    record(
        organization=list_import.organization, by=by, action="contacts.import_confirmed", target=list_import.file_name
    )


def cancel_import(*, list_import: ListImport, by: Actor = None) -> None:
    """Drops an import that has not ended. What it has written by then is taken back with its transaction."""
    moving = [Status.READING, Status.READY, Status.IMPORTING]
    with transaction.atomic():
        changed = ListImport.objects.filter(pk=list_import.pk, status__in=moving).update(
            status=Status.CANCELLED, finished_at=now(), **imports.NOTHING
        )
        if not changed:
            raise NotAllowed(_("This import has already ended."))
        imports.forget_people(list_import.pk)
        if list_import.for_contacts:
            record(
                organization=list_import.organization,
                by=by,
                action="contacts.import_cancelled",
                target=list_import.file_name,
            )
        transaction.on_commit(partial(imports.stop_work, list_import.pk), robust=True)


def can_be_undone(list_import: ListImport) -> bool:
    """As long as it is known what the import changed."""
    return (
        list_import.status == Status.DONE
        and list_import.undo_asked_at is None
        and undo_ends_at(list_import) > now()
        and list_import.changes.exists()
    )


def undo_ends_at(list_import: ListImport) -> Any:
    """Until when an import that is done can be undone."""
    return (list_import.finished_at or list_import.created_at) + timedelta(days=settings.IMPORT_UNDO_DAYS)


def undo_import(*, list_import: ListImport, by: Actor = None) -> None:
    """Asks for what an import did to be taken back; a task does it."""
    if not can_be_undone(list_import):
        raise NotAllowed(
            _("Only an import that is done, and not longer ago than %(days)s days, can be undone.")
            % {"days": settings.IMPORT_UNDO_DAYS}
        )
    done = ListImport.objects.filter(pk=list_import.pk, status=Status.DONE, undo_asked_at=None)
    if not done.update(undo_asked_at=now(), undo_result={}):
        raise NotAllowed(_("This import is being undone already."))
    record(organization=list_import.organization, by=by, action="contacts.import_undone", target=list_import.file_name)
