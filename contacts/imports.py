"""From a stored sheet to rows, and from rows to contacts. Called by tasks; each step is safe to repeat.

One import is worked on by one process at a time (an advisory lock that ends with the transaction), and each step is
one transaction: a killed worker leaves nothing behind, and whoever takes the import up again starts afresh.
"""

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.core.cache import cache
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts import live
from contacts import attributes
from contacts import columns as column_rules
from contacts.cells import cell_text, is_blank
from contacts.columns import NAME, PHONE, Column
from contacts.models import ListImport
from contacts.sheet_errors import SheetError
from contacts.sheets import Sheet, open_sheet, row_values
from contacts.uploads import check_upload

logger = logging.getLogger(__name__)

ADVISORY_LOCK = 7_302  # the first half of this module's advisory locks; the second is the import
EVENTS_A_SECOND = 4
LOOK_AT_THE_CLOCK_EVERY = 500  # rows
MOST_ATTEMPTS = 5
PROGRESS_KEPT_FOR = 3600  # seconds

Status = ListImport.Status
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Cancelled(Exception):
    """Somebody cancelled the import while it was worked on."""


def topic(list_import_id: int) -> str:
    return f"import.{list_import_id}"


def run(*, list_import_id: int) -> None:
    """Takes an import as far as it is meant to go: read, and written to contacts if that was asked for."""
    list_import = read(list_import_id=list_import_id)
    if list_import.commit_when_read and list_import.status in (Status.READY, Status.IMPORTING):
        write_contacts(list_import_id=list_import_id)


def read(*, list_import_id: int, accept: Callable[[list[Column]], None] | None = None) -> ListImport:
    """Reads the stored sheet into `ImportedRow`. A file that cannot be used makes the import `failed`, with the reason.

    `accept` may refuse the columns with a `SheetError` before any row is read. Returns the import as it is afterwards; still `reading` while another process is at it.
    """
    try:
        with transaction.atomic(), _only_one(list_import_id) as list_import:
            if list_import is not None and list_import.status == Status.READING:
                _count_attempt(list_import)
                _read_file(list_import, accept)
    except SheetError as error:
        _fail(list_import_id, Status.READING, str(error))
    except Cancelled:
        logger.info("import %s was cancelled while it was read", list_import_id)
    return _tell(list_import_id)


def write_contacts(*, list_import_id: int) -> ListImport:
    """Writes the people of a read import to contacts and to its list. Of rows with one number the last one counts.

    New values win over those a contact has; empty ones leave them.
    """
    ListImport.objects.filter(pk=list_import_id, status=Status.READY).update(status=Status.IMPORTING)
    _tell(list_import_id)
    try:
        with transaction.atomic(), _only_one(list_import_id) as list_import:
            if list_import is not None and list_import.status == Status.IMPORTING:
                _count_attempt(list_import)
                _define_attributes(list_import)
                created, updated = _upsert(list_import)
                _finish(list_import, Status.DONE, created=created, updated=updated)
                forget_people(list_import_id)
    except SheetError as error:
        _fail(list_import_id, Status.IMPORTING, str(error))
    return _tell(list_import_id)


def forget_people(list_import_id: int) -> None:
    """Deletes the rows that were used; those with a problem stay, to be shown."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts_importedrow WHERE list_import_id = %s AND problem = ''", [list_import_id])


def unfinished() -> list[int]:
    """Imports that nobody works on although they are not done: their task was lost with its worker."""
    waiting = ListImport.objects.filter(for_contacts=True, status__in=[Status.READING, Status.IMPORTING]).values_list(
        "pk", flat=True
    )
    return [list_import_id for list_import_id in waiting if not is_worked_on(list_import_id)]


@contextmanager
def _only_one(list_import_id: int) -> Iterator[ListImport | None]:
    """The import, locked until the transaction ends; None where another process has it, or it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [ADVISORY_LOCK, list_import_id % 2**31])
        is_ours = cursor.fetchone()[0]
    found = ListImport.objects.select_related("organization").filter(pk=list_import_id) if is_ours else None
    yield found.first() if found is not None else None


def is_worked_on(list_import_id: int) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [ADVISORY_LOCK, list_import_id % 2**31])
        return not cursor.fetchone()[0]


def _count_attempt(list_import: ListImport) -> None:
    """Raises `SheetError` for an import that ended several workers: the next one would end too."""
    key = f"import:attempts:{list_import.pk}:{list_import.status}"
    cache.add(key, 0, PROGRESS_KEPT_FOR)
    if cache.incr(key) > MOST_ATTEMPTS:
        raise SheetError(
            _(
                "“%(name)s” could not be read in %(times)s attempts, for a reason on our side. "
                "Try again later, or split the list into smaller files."
            )
            % {"name": list_import.file_name, "times": MOST_ATTEMPTS}
        )


def _read_file(list_import: ListImport, accept: Callable[[list[Column]], None] | None) -> None:
    name, region = list_import.file_name, list_import.organization.default_region
    with _local_copy(list_import) as file:
        check_upload(file, name)
        sheet = open_sheet(file, name, region)
        if accept is not None:
            accept(sheet.columns)
        progress = _Progress(list_import.pk, sheet.rows)
        blank, invalid = _copy_rows(list_import.pk, sheet, progress.note)
    merged, blocked = _count_people(list_import)
    _finish(
        list_import,
        Status.READY,
        columns=[column.as_json() for column in sheet.columns],
        rows=sheet.rows,
        rows_read=sheet.rows,
        blank_rows=blank,
        invalid=invalid,
        merged=merged,
        blocked=blocked,
    )


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


def _copy_rows(list_import_id: int, sheet: Sheet, note: Callable[[int], None]) -> tuple[int, int]:
    """Writes every row that is not blank; gives the numbers of blank rows and of rows without a usable number."""
    blank = invalid = 0
    phone_index = sheet.phone_index
    with connection.cursor() as cursor:
        copying = cursor.copy(
            "COPY contacts_importedrow (list_import_id, row_number, phone_number, phone_as_written, values, problem)"
            " FROM STDIN"
        )
        with copying as copy:
            for done, (number, cells) in enumerate(sheet.iter_rows()):
                if done % LOOK_AT_THE_CLOCK_EVERY == 0:
                    note(done)
                if is_blank(cells):
                    blank += 1
                    continue
                reading = sheet.read_number(cells)
                values = _encode(row_values(sheet.columns, cells, reading.number))
                if reading.number:
                    copy.write_row((list_import_id, number, reading.number, "", values, ""))
                    continue
                invalid += 1
                written = cell_text(cells[phone_index]).strip()
                copy.write_row((list_import_id, number, "", written[:100], values, reading.problem))
    return blank, invalid


class _Progress:
    """Tells watchers how far the reading is, a few times a second."""

    def __init__(self, list_import_id: int, rows: int) -> None:
        self.list_import_id = list_import_id
        self.rows = rows
        self.told_at = 0.0

    def note(self, rows_read: int) -> None:
        if time.monotonic() - self.told_at < 1 / EVENTS_A_SECOND:
            return
        self.told_at = time.monotonic()
        # The row itself changes only at the end: until then its transaction hides it from everybody else.
        cache.set(_progress_key(self.list_import_id), (rows_read, self.rows), PROGRESS_KEPT_FOR)
        state = {"status": Status.READING.value, "rows_read": rows_read, "rows": self.rows}
        live.publish(topic(self.list_import_id), {"type": "progress", "at": now().isoformat(), **state})


def _progress_key(list_import_id: int) -> str:
    return f"import:progress:{list_import_id}"


def rows_read(list_import: ListImport) -> tuple[int, int]:
    """How many rows were read, of how many; zeros before the file was opened."""
    if list_import.status != Status.READING:
        return list_import.rows_read, list_import.rows
    return cache.get(_progress_key(list_import.pk)) or (0, 0)


def _count_people(list_import: ListImport) -> tuple[int, int]:
    """How many rows gave way to a later one with the same number, and how many people are on the blocklist."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH people AS (
                SELECT phone_number, count(*) AS rows FROM contacts_importedrow
                WHERE list_import_id = %s AND phone_number <> '' GROUP BY phone_number
            )
            SELECT COALESCE(sum(rows - 1), 0), count(blocked.id) FROM people LEFT JOIN contacts_blocklistentry AS blocked
                ON blocked.organization_id = %s AND blocked.phone_number = people.phone_number
            """,
            [list_import.pk, list_import.organization_id],
        )
        merged, blocked = cursor.fetchone()
        return int(merged), blocked


def _define_attributes(list_import: ListImport) -> None:
    """Columns that nobody knew before become attributes, named as their headers."""
    plain = [column for column in column_rules.from_json(list_import.columns) if not column.role]
    attributes.ensure(
        organization_id=list_import.organization_id, labels={column.key: column.header for column in plain}
    )


def _upsert(list_import: ListImport) -> tuple[int, int]:
    """Gives the numbers of new and of changed contacts. People are written in the order of their numbers, so that
    two imports at a time do not wait for each other in a circle."""
    columns = column_rules.from_json(list_import.columns)
    roles = {column.role: column.key for column in columns if column.role in (NAME, PHONE)}
    plain_keys = {column.key for column in columns if column.role not in (NAME, PHONE)}
    not_attributes = {*roles.values(), *({NAME, PHONE} - plain_keys)}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH people AS (
                SELECT DISTINCT ON (phone_number) phone_number, values FROM contacts_importedrow
                WHERE list_import_id = %(import)s AND phone_number <> '' ORDER BY phone_number, row_number DESC
            ), written AS (
                INSERT INTO contacts_contact AS known
                    (organization_id, phone_number, name, attributes, created_at, updated_at)
                SELECT %(organization)s, phone_number, left(COALESCE(values ->> %(name)s, ''), 200),
                    values - %(not_attributes)s::text[], now(), now()
                FROM people
                ON CONFLICT (organization_id, phone_number) WHERE phone_number <> '' DO UPDATE SET
                    name = COALESCE(NULLIF(excluded.name, ''), known.name),
                    attributes = known.attributes || excluded.attributes,
                    updated_at = now()
                RETURNING id, xmax = 0 AS is_new
            ), listed AS (
                INSERT INTO contacts_contactlistmember (contact_list_id, contact_id)
                SELECT %(list)s, id FROM written WHERE %(list)s::bigint IS NOT NULL
                ON CONFLICT DO NOTHING
            )
            SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
            """,
            {
                "import": list_import.pk,
                "organization": list_import.organization_id,
                "name": roles.get(NAME, ""),
                "not_attributes": list(not_attributes),
                "list": list_import.contact_list_id,
            },
        )
        created, updated = cursor.fetchone()
        return created, updated


def _finish(list_import: ListImport, status: ListImport.Status, **fields: Any) -> None:
    """Moves on from the status that the work began with; somebody who cancelled meanwhile was first."""
    finished_at = now() if status == Status.DONE else None
    changed = ListImport.objects.filter(pk=list_import.pk, status=list_import.status).update(
        status=status, finished_at=finished_at, **fields
    )
    if not changed:
        raise Cancelled


def _fail(list_import_id: int, status: ListImport.Status, error: str) -> None:
    ListImport.objects.filter(pk=list_import_id, status=status).update(
        status=Status.FAILED, error=error, finished_at=now()
    )


def _tell(list_import_id: int) -> ListImport:
    """Publishes where the import stands now."""
    list_import = ListImport.objects.get(pk=list_import_id)
    state = {"status": list_import.status, "rows_read": list_import.rows_read, "rows": list_import.rows}
    if list_import.status != Status.READING:
        live.publish(topic(list_import_id), {"type": "progress", "at": now().isoformat(), **state})
    return list_import
