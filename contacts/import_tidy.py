"""What imports leave behind, and when it goes: files with the end of the import, everything else after some days."""

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from contacts import imports
from contacts.models import ImportedRow, ListImport

ENDED = (ListImport.Status.DONE, ListImport.Status.FAILED, ListImport.Status.CANCELLED)
A_PORTION = 5_000  # rows deleted at a time
SETTLED_AFTER = timedelta(minutes=5)
LOST_AFTER = timedelta(days=1)

_FORGET = """
DELETE FROM {table} WHERE id IN (
    SELECT old.id FROM {table} AS old JOIN contacts_listimport AS ended ON ended.id = old.list_import_id
    WHERE ended.finished_at < %(before)s {more} LIMIT %(most)s
)
"""


def tidy() -> None:
    """Safe to repeat, and at the same time as imports."""
    _cancel_abandoned()
    _drop_files()
    before = now() - timedelta(days=settings.IMPORT_UNDO_DAYS)
    _forget("contacts_importchange", before, "AND (ended.undo_asked_at IS NULL OR ended.undone_at IS NOT NULL)")
    _forget("contacts_importedrow", before, "")


def _cancel_abandoned() -> None:
    """Nobody said that it shall be imported: the file does not wait for ever."""
    before = now() - timedelta(days=settings.IMPORT_WAITS_DAYS)
    waiting = ListImport.objects.filter(for_contacts=True, status=ListImport.Status.READY, created_at__lt=before)
    for list_import in waiting.filter(Q(read_at=None) | Q(read_at__lt=before)):
        with transaction.atomic():
            still = ListImport.objects.filter(pk=list_import.pk, status=ListImport.Status.READY)
            if still.update(status=ListImport.Status.CANCELLED, finished_at=now(), **imports.NOTHING):
                imports.forget_people(list_import.pk)


def _drop_files() -> None:
    """Files that should have gone with the end of their import, had the process not ended between the two."""
    usable = ImportedRow.objects.filter(list_import=OuterRef("pk"), problem="")
    used_by_others = Q(for_contacts=False, status=ListImport.Status.READY) & ~Exists(usable)
    settled = ListImport.objects.exclude(file="").filter(created_at__lt=now() - SETTLED_AFTER)
    for list_import_id in settled.filter(Q(status__in=ENDED) | used_by_others).values_list("pk", flat=True):
        imports.drop_file(list_import_id)


def _forget(table: str, before: datetime, more: str) -> None:
    statement = _FORGET.format(table=table, more=more)
    with connection.cursor() as cursor:
        while True:
            cursor.execute(statement, {"before": before, "most": A_PORTION})
            if cursor.rowcount < A_PORTION:
                return


def drop_lost_files() -> int:
    """Removes stored sheets that no import knows: their upload ended between the file and its row."""
    dropped = 0
    for folder in _folders(PurePosixPath("imports")):
        _folders_in, names = default_storage.listdir(str(folder))
        paths = {str(folder / name) for name in names}
        known = set(ListImport.objects.filter(file__in=paths).values_list("file", flat=True))
        for path in paths - known:
            if default_storage.get_modified_time(path) < now() - LOST_AFTER:
                default_storage.delete(path)
                dropped += 1
    return dropped


def _folders(top: PurePosixPath) -> list[PurePosixPath]:
    """`imports/<year>/<month>`, as far as they are there."""
    found = [top]
    for _level in ("year", "month"):
        deeper = []
        for folder in found:
            if default_storage.exists(str(folder)) or folder != top:
                deeper += [folder / name for name in default_storage.listdir(str(folder))[0]]
        found = deeper
    return found
