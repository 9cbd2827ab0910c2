"""What the rows of an import mean for the blocklist: counted before anything is written, and written."""

from collections.abc import Callable
from typing import Any

from django.db import connection

from contacts import blocklist
from contacts.import_people import Outcome
from contacts.models import AskedBy, ImportChange, ListImport

Kind = ImportChange.Kind

A_PORTION = 20_000  # numbers written between two looks at whether somebody cancelled

_NUMBERS = """
numbers AS (
    SELECT phone_number, count(*) AS rows FROM contacts_importedrow
    WHERE list_import_id = %(import)s AND phone_number <> '' GROUP BY phone_number
)
"""
# What `contacts.blocklist.block_many` changes of numbers that are there.
_IS_CHANGED = "(entry.reason <> %(reason)s AND (%(reason)s = 'opted_out' OR NOT entry.blocked_by_staff))"
_PREVIEW = f"""
WITH {_NUMBERS}
SELECT COALESCE(sum(rows - 1), 0), count(*) FILTER (WHERE entry.id IS NULL), count(*) FILTER (WHERE {_IS_CHANGED}),
    count(entry.id)
FROM numbers LEFT JOIN contacts_blocklistentry AS entry
    ON entry.organization_id = %(organization)s AND entry.phone_number = numbers.phone_number
"""
_NOTE_CHANGES = """
INSERT INTO contacts_importchange (list_import_id, blocklist_entry_id, kind, is_listed)
SELECT %(import)s, entry.id, %(kind)s, FALSE FROM contacts_blocklistentry AS entry
WHERE entry.organization_id = %(organization)s AND entry.phone_number = ANY(%(numbers)s::text[])
"""


def preview(list_import: ListImport) -> Outcome:
    """What writing the numbers of a read import would do now; `blocked` are on the blocklist already."""
    with connection.cursor() as cursor:
        cursor.execute(_PREVIEW, _parameters(list_import))
        merged, created, updated, blocked = cursor.fetchone()
    return Outcome(created, updated, blocked - updated, int(merged), blocked)


def write(list_import: ListImport, note: Callable[[int, int], None]) -> Outcome:
    """Puts the numbers on the blocklist. Call it in a transaction; `note` as in `import_people.write`."""
    values = _parameters(list_import)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {_NUMBERS} SELECT phone_number, rows FROM numbers ORDER BY phone_number", values)
        found = cursor.fetchall()
        created = updated = 0
        for after in range(0, len(found), A_PORTION):
            note(after, len(found))
            blocked = blocklist.block_many(
                organization=list_import.organization,
                phone_numbers=[number for number, _rows in found[after : after + A_PORTION]],
                reason=list_import.block_as,
                source=list_import.file_name[:200],
                asked_by=AskedBy.IMPORT,
                by=list_import.created_by,
            )
            for kind, numbers in ((Kind.CREATED, blocked.new), (Kind.UPDATED, blocked.changed)):
                cursor.execute(_NOTE_CHANGES, {**values, "kind": kind.value, "numbers": list(numbers)})
            created += len(blocked.new)
            updated += len(blocked.changed)
    merged = sum(rows - 1 for _number, rows in found)
    return Outcome(created, updated, len(found) - created - updated, merged, len(found) - created)


def _parameters(list_import: ListImport) -> dict[str, Any]:
    return {
        "import": list_import.pk,
        "organization": list_import.organization_id,
        "reason": list_import.block_as,
    }
