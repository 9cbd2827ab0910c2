"""From a stored sheet to rows, and from rows to contacts. Called by tasks; each step is safe to repeat.

One import is worked on by one process at a time (an advisory lock that ends with the transaction), and each step is
one transaction: a killed worker leaves nothing behind, and whoever takes the import up again starts afresh.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from types import ModuleType
from typing import IO, Any

from django.core.cache import cache
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts import live
from accounts.locks import Lock
from contacts import attributes, consent, import_blocklist, import_people, import_rows, import_undo, unreachable
from contacts import columns as column_rules
from contacts.columns import PLAIN, Column
from contacts.import_people import ContactsMoved, Outcome
from contacts.models import ImportedRow, ListImport
from contacts.sheet_errors import SheetError
from contacts.sheets import open_sheet
from contacts.uploads import check_upload

logger = logging.getLogger(__name__)

EVENTS_A_SECOND = 4
MOST_ATTEMPTS = 5
PROGRESS_KEPT_FOR = 3600  # seconds

Status = ListImport.Status
NOTHING = {"created": 0, "updated": 0, "unchanged": 0, "listed": 0}  # what an import that failed or was cancelled did


FIGURES_OF_READING = ("rows", "rows_read", "blank_rows", "invalid")


class Cancelled(Exception):
    """Somebody cancelled the import while it was worked on."""


def topic(list_import_id: int) -> str:
    return f"import.{list_import_id}"


def run(*, list_import_id: int) -> None:
    """Takes an import as far as it is meant to go: read, written to contacts, undone."""
    list_import = read(list_import_id=list_import_id)
    if list_import.commit_when_read and list_import.status in (Status.READY, Status.IMPORTING):
        write_contacts(list_import_id=list_import_id)
    if list_import.undo_asked_at is not None and list_import.undone_at is None:
        undo(list_import_id=list_import_id)


def read(*, list_import_id: int, accept: Callable[[list[Column]], None] | None = None) -> ListImport:
    """Reads the stored sheet into `ImportedRow`. A file that cannot be used makes the import `failed`, with the reason;
    where only its columns cannot, and somebody can be asked about them, it waits as `ready` with the reason.

    `accept` may refuse the columns with a `SheetError` before any row is read. Returns the import as it is afterwards; still `reading` while another process is at it.
    """
    try:
        with transaction.atomic(), _only_one(list_import_id) as list_import:
            if list_import is not None and list_import.status == Status.READING:
                _count_attempt(list_import, list_import.status)
                _read_file(list_import, accept)
                _forget_attempts(list_import, Status.READING)
    except SheetError as error:
        if not _ask_again(list_import_id, str(error)):
            _fail(list_import_id, Status.READING, str(error))
    except Cancelled:
        logger.info("import %s was cancelled while it was read", list_import_id)
    return _tell(list_import_id)


def write_contacts(*, list_import_id: int) -> ListImport:
    """Writes the people of a read import to contacts and to its list, or its numbers to the blocklist."""
    ListImport.objects.filter(pk=list_import_id, status=Status.READY).update(status=Status.IMPORTING)
    _tell(list_import_id)
    try:
        _write(list_import_id)
    except SheetError as error:
        _fail(list_import_id, Status.IMPORTING, str(error))
    except Cancelled:
        logger.info("import %s was cancelled while it was written", list_import_id)
    return _tell(list_import_id)


def _write(list_import_id: int) -> None:
    for _time in range(MOST_ATTEMPTS):
        with suppress(ContactsMoved), transaction.atomic(), _only_one(list_import_id) as list_import:
            if list_import is not None and list_import.status == Status.IMPORTING:
                _count_attempt(list_import, list_import.status)
                _define_attributes(list_import)
                outcome = _meaning(list_import).write(list_import, _Progress(list_import, Status.IMPORTING).note)
                if list_import.purpose == ListImport.Purpose.CONTACTS:
                    consent.write_import(list_import=list_import)
                _finish(list_import, Status.DONE, **asdict(outcome))
                forget_people(list_import_id)
            return


def undo(*, list_import_id: int) -> ListImport:
    """Takes back what an import did, as somebody asked for."""
    try:
        with transaction.atomic(), _only_one(list_import_id) as list_import:
            if list_import is not None and list_import.undo_asked_at is not None and list_import.undone_at is None:
                _count_attempt(list_import, "undoing")
                done = import_undo.undo(list_import)
                ListImport.objects.filter(pk=list_import_id).update(undone_at=now(), undo_result=done.as_json())
    except SheetError as error:
        ListImport.objects.filter(pk=list_import_id).update(undo_asked_at=None, undo_result={"error": str(error)})
    return _tell(list_import_id)


def forget_people(list_import_id: int) -> None:
    """Deletes the rows that were used; those with a problem stay, to be shown. The stored file goes with the commit."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts_importedrow WHERE list_import_id = %s AND problem = ''", [list_import_id])
    transaction.on_commit(partial(drop_file, list_import_id), robust=True)


def drop_file(list_import_id: int) -> None:
    """Removes the stored file of an import that needs it no more. Safe to repeat."""
    list_import = ListImport.objects.filter(pk=list_import_id).exclude(file="").first()
    if list_import is not None:
        name = str(list_import.file.name)
        list_import.file.storage.delete(name)
        ListImport.objects.filter(pk=list_import_id, file=name).update(file="", sample={})


def unfinished() -> list[int]:
    """Imports that nobody works on although they are not done: their task was lost with its worker."""
    moving = Q(status__in=[Status.READING, Status.IMPORTING])
    undoing = Q(undo_asked_at__isnull=False, undone_at=None)
    waiting = ListImport.objects.filter(moving | undoing, for_contacts=True).values_list("pk", flat=True)
    return [list_import_id for list_import_id in waiting if not is_worked_on(list_import_id)]


def _define_attributes(list_import: ListImport) -> None:
    """Columns that nobody knew before become attributes, named as their headers."""
    if list_import.purpose == ListImport.Purpose.CONTACTS:
        plain = [column for column in column_rules.from_json(list_import.columns) if column.role == PLAIN]
        attributes.ensure(
            organization_id=list_import.organization_id,
            labels={column.key: column.header for column in plain},
            kinds=import_rows.wanted_kinds(list_import),
        )


def _preview(list_import: ListImport) -> Outcome:
    """What would become of the rows; of a campaign's, only how many are merged and blocked is anybody's business.

    Whoever was erased, and must not be messaged, is on the blocklist again from here on.
    """
    numbers = ImportedRow.objects.filter(list_import=list_import).exclude(phone_number="")
    unreachable.recognise(
        organization_id=list_import.organization_id,
        people=(
            (number, "") for number in numbers.values_list("phone_number", flat=True).iterator(unreachable.AT_ONCE)
        ),
    )
    if list_import.for_contacts:
        return _meaning(list_import).preview(list_import)
    return import_people.count(list_import)


def _meaning(list_import: ListImport) -> ModuleType:
    """What the rows mean: people for contacts, or numbers for the blocklist."""
    return import_blocklist if list_import.purpose == ListImport.Purpose.BLOCKLIST else import_people


@contextmanager
def _only_one(list_import_id: int) -> Iterator[ListImport | None]:
    """The import, locked until the transaction ends; None where another process has it, or it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [Lock.IMPORT, list_import_id % 2**31])
        is_ours = cursor.fetchone()[0]
    found = ListImport.objects.select_related("organization").filter(pk=list_import_id) if is_ours else None
    yield found.first() if found is not None else None


def is_worked_on(list_import_id: int) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [Lock.IMPORT, list_import_id % 2**31])
        return not cursor.fetchone()[0]


def _attempts_key(list_import: ListImport, doing: str) -> str:
    return f"import:attempts:{list_import.pk}:{doing}"


def _forget_attempts(list_import: ListImport, doing: str) -> None:
    cache.delete(_attempts_key(list_import, doing))


def _count_attempt(list_import: ListImport, doing: str) -> None:
    """Raises `SheetError` for an import that ended several workers: the next one would end too."""
    key = _attempts_key(list_import, doing)
    cache.add(key, 0, PROGRESS_KEPT_FOR)
    if cache.incr(key) > MOST_ATTEMPTS:
        raise SheetError(
            _(
                "“%(name)s” could not be worked on in %(times)s attempts, for a reason on our side. "
                "Try again later, or split the list into smaller files."
            )
            % {"name": list_import.file_name, "times": MOST_ATTEMPTS}
        )


def _read_file(list_import: ListImport, accept: Callable[[list[Column]], None] | None) -> None:
    name, region = list_import.file_name, list_import.organization.default_region
    ImportedRow.objects.filter(list_import=list_import).delete()  # of a former reading, with other columns
    with _local_copy(list_import) as file:
        check_upload(file, name)
        sheet = open_sheet(
            file,
            name,
            region,
            sheet=list_import.sheet,
            mapping=list_import.mapping,
            phone_required=not list_import.is_asked_about,
        )
        list_import.columns = [column.as_json() for column in sheet.columns]
        list_import.sample = {"sheet": sheet.name, "sheets": sheet.sheets, "rows": sheet.sample()}
        if not sheet.has_phones:
            _ask_for_phones(list_import)
            return
        if accept is not None:
            accept(sheet.columns)
        progress = _Progress(list_import, Status.READING)
        written = import_rows.copy_rows(list_import, sheet, lambda done: progress.note(done, sheet.rows))
    list_import.sample["misfits"] = {"values": written.misfits, "examples": written.examples}
    goes_on = list_import.for_contacts and list_import.commit_when_read
    _finish(
        list_import,
        Status.IMPORTING if goes_on else Status.READY,  # in one step: nobody takes up what is ready
        columns=list_import.columns,
        sample=list_import.sample,
        rows=sheet.rows,
        rows_read=sheet.rows,
        blank_rows=written.blank,
        invalid=written.invalid,
        read_at=now(),
        error="",
        **asdict(_preview(list_import)),
    )


def _ask_for_phones(list_import: ListImport) -> None:
    """Somebody who is there shall say which column holds the phone numbers."""
    _finish(
        list_import,
        Status.READY,
        columns=list_import.columns,
        sample=list_import.sample,
        error=_("No column with phone numbers was found. Choose the right one below."),
        **dict.fromkeys(FIGURES_OF_READING, 0),
        **asdict(Outcome()),
    )


def _ask_again(list_import_id: int, error: str) -> bool:
    """A file that was read once, and cannot be read as somebody chose since, waits for another choice."""
    chosen = Q(is_asked_about=True, status=Status.READING) & ~Q(sheet="", mapping=None) & ~Q(sample={})
    with transaction.atomic():
        asked = ListImport.objects.filter(chosen, pk=list_import_id).update(
            status=Status.READY, error=error, **dict.fromkeys(FIGURES_OF_READING, 0), **NOTHING
        )
        if asked:
            ImportedRow.objects.filter(list_import=list_import_id).delete()
    return bool(asked)


@contextmanager
def _local_copy(list_import: ListImport) -> Iterator[IO[bytes]]:
    """The stored file, to be read back and forth; one on S3 is fetched once, instead of in many small pieces."""
    try:
        stored = list_import.file.open("rb")
    except OSError as error:
        text = _("“%(name)s” is no longer stored. Upload it again.") % {"name": list_import.file_name}
        raise SheetError(text) from error
    with stored:
        if isinstance(list_import.file.storage, FileSystemStorage):
            yield stored.file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(stored, copy)
            copy.seek(0)
            yield copy


class _Progress:
    """Tells watchers how far the work is, a few times a second, and ends it when somebody cancels."""

    def __init__(self, list_import: ListImport, status: ListImport.Status) -> None:
        self.list_import_id = list_import.pk
        self.status = status.value
        self.of = "rows" if status == Status.READING else "people"
        self.done = "rows_read" if status == Status.READING else "people_written"
        self.told_at = 0.0

    def note(self, done: int, of: int) -> None:
        """Raises `Cancelled`."""
        if time.monotonic() - self.told_at < 1 / EVENTS_A_SECOND:
            return
        self.told_at = time.monotonic()
        if cache.get(_cancelled_key(self.list_import_id)):
            raise Cancelled
        # The row itself changes only at the end: until then its transaction hides it from everybody else.
        cache.set(_progress_key(self.list_import_id), (self.status, done, of), PROGRESS_KEPT_FOR)
        state = {"status": self.status, self.done: done, self.of: of}
        live.publish(topic(self.list_import_id), {"type": "progress", "at": now().isoformat(), **state})


def _progress_key(list_import_id: int) -> str:
    return f"import:progress:{list_import_id}"


def _cancelled_key(list_import_id: int) -> str:
    return f"import:cancelled:{list_import_id}"


def stop_work(list_import_id: int) -> None:
    """Whoever works on a cancelled import shall not go on to the end in vain."""
    cache.set(_cancelled_key(list_import_id), True, PROGRESS_KEPT_FOR)


def how_far(list_import: ListImport) -> tuple[int, int]:
    """How many rows were read, of how many, or how many people were written; zeros before that began."""
    status, done, of = cache.get(_progress_key(list_import.pk)) or ("", 0, 0)
    return (done, of) if status == list_import.status else (0, 0)


def _finish(list_import: ListImport, status: ListImport.Status, **fields: Any) -> None:
    """Moves on from the status that the work began with; somebody who cancelled meanwhile was first."""
    finished_at = now() if status == Status.DONE else None
    changed = ListImport.objects.filter(pk=list_import.pk, status=list_import.status).update(
        status=status, finished_at=finished_at, **fields
    )
    if not changed:
        raise Cancelled


def _fail(list_import_id: int, status: ListImport.Status, error: str) -> None:
    with transaction.atomic():
        failed = ListImport.objects.filter(pk=list_import_id, status=status).update(
            status=Status.FAILED, error=error, finished_at=now(), **NOTHING
        )
        if failed:
            forget_people(list_import_id)


def _tell(list_import_id: int) -> ListImport:
    """Publishes where the import stands now."""
    list_import = ListImport.objects.get(pk=list_import_id)
    state = {"status": list_import.status, "rows_read": list_import.rows_read, "rows": list_import.rows}
    if list_import.status != Status.READING:
        is_undone = list_import.undone_at is not None
        live.publish(
            topic(list_import_id), {"type": "progress", "at": now().isoformat(), "undone": is_undone, **state}
        )
    return list_import
