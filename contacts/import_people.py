"""What the rows of an import mean for contacts: counted before anything is written, and written.

Both use the same statements to tell who is meant and what would change, so that the preview is what happens. A row
means the contact whose number it is, else the contact who has it as a further number, else somebody new. Of several
rows for one person the last one counts. Its values win over the contact's, empty ones leave them; tags are only added.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from contacts import columns as column_rules
from contacts import tags
from contacts.columns import CONSENT, CONSENT_AT, CONSENT_SOURCE, NAME, PHONE, TAGS
from contacts.models import ImportedRow, ListImport

NOT_ATTRIBUTES = frozenset({NAME, PHONE, TAGS, CONSENT, CONSENT_AT, CONSENT_SOURCE})  # roles whose values go elsewhere
A_PORTION = 20_000  # people written between two looks at whether somebody cancelled


@dataclass(frozen=True, slots=True)
class Outcome:
    """Numbers of people, `merged` of rows. `blocked` people are among the others; `listed` are new on the list."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    blocked: int = 0
    listed: int = 0

    @property
    def people(self) -> int:
        return self.created + self.updated + self.unchanged


class ContactsMoved(Exception):
    """Contacts were deleted or made one while the import was written: it has to be written again."""


_PEOPLE = """
known AS MATERIALIZED (
    SELECT given.id, given.phone_number, given.row_number, COALESCE(own.id, other.contact_id) AS contact_id
    FROM contacts_importedrow AS given
    LEFT JOIN contacts_contact AS own ON own.organization_id = %(organization)s
        AND own.phone_number = given.phone_number AND own.phone_number <> ''
    LEFT JOIN contacts_othernumber AS other ON own.id IS NULL AND other.organization_id = %(organization)s
        AND other.phone_number = given.phone_number AND other.phone_number <> ''
    WHERE given.list_import_id = %(import)s AND given.phone_number <> ''
), last_rows AS (
    SELECT DISTINCT ON (COALESCE(contact_id::text, phone_number)) id, contact_id FROM known
    ORDER BY COALESCE(contact_id::text, phone_number), row_number DESC
), people AS (
    SELECT last_rows.contact_id, given.phone_number, left(COALESCE(given.values ->> %(name)s, ''), 200) AS name,
        given.values - %(not_attributes)s::text[] AS attributes,
        ARRAY(
            SELECT DISTINCT tag COLLATE "C" FROM unnest(COALESCE(given.tags, '{}') || %(tags)s::varchar[]) AS tag
            ORDER BY 1
        )::varchar[] AS tags
    FROM last_rows JOIN contacts_importedrow AS given ON given.id = last_rows.id
)
"""
_NEW_NAME = "COALESCE(NULLIF(person.name, ''), contact.name)"
_NEW_ATTRIBUTES = "(contact.attributes || person.attributes)"
_ALL_TAGS = """ARRAY(SELECT DISTINCT tag COLLATE "C" FROM unnest(contact.tags || person.tags) AS tag ORDER BY 1)"""
# Whoever has as many tags as one may have keeps those.
_NEW_TAGS = f"""(CASE WHEN contact.tags @> person.tags OR cardinality({_ALL_TAGS}) > {tags.MOST} THEN contact.tags
    ELSE {_ALL_TAGS} END)"""
_IS_CHANGED = f"""({_NEW_NAME} <> contact.name OR {_NEW_ATTRIBUTES} <> contact.attributes
    OR {_NEW_TAGS} <> contact.tags)"""

_PREVIEW = f"""
WITH {_PEOPLE}
SELECT (SELECT count(*) FROM known) - count(*),
    count(*) FILTER (WHERE contact.id IS NULL),
    count(*) FILTER (WHERE contact.id IS NOT NULL AND {_IS_CHANGED}),
    count(*) FILTER (WHERE contact.id IS NOT NULL AND NOT {_IS_CHANGED}),
    count(blocked.id),
    count(*) FILTER (WHERE %(list)s::bigint IS NOT NULL AND member.id IS NULL)
FROM people AS person
LEFT JOIN contacts_contact AS contact ON contact.id = person.contact_id
LEFT JOIN contacts_blocklistentry AS blocked ON blocked.organization_id = %(organization)s
    AND blocked.phone_number = COALESCE(NULLIF(contact.phone_number, ''), person.phone_number)
LEFT JOIN contacts_contactlistmember AS member ON member.contact_list_id = %(list)s
    AND member.contact_id = person.contact_id
"""

_STAGE = f"""
CREATE TEMPORARY TABLE import_person ON COMMIT DROP AS
WITH {_PEOPLE}
SELECT row_number() OVER (ORDER BY phone_number) AS place, FALSE AS is_new, people.* FROM people
"""
_INDEX = "CREATE UNIQUE INDEX ON import_person (place)"

_CREATE = """
WITH fresh AS (
    INSERT INTO contacts_contact (organization_id, phone_number, name, attributes, tags, created_at, updated_at)
    SELECT %(organization)s, phone_number, name, attributes, tags, now(), now() FROM import_person
    WHERE place > %(after)s AND place <= %(until)s AND contact_id IS NULL ORDER BY place
    ON CONFLICT (organization_id, phone_number) WHERE phone_number <> '' DO NOTHING
    RETURNING id, phone_number
), listed AS (
    INSERT INTO contacts_contactlistmember (contact_list_id, contact_id)
    SELECT %(list)s, id FROM fresh WHERE %(list)s::bigint IS NOT NULL
), noted AS (
    INSERT INTO contacts_importchange (list_import_id, contact_id, kind, is_listed)
    SELECT %(import)s, id, 'created', %(list)s::bigint IS NOT NULL FROM fresh
)
UPDATE import_person AS person SET contact_id = fresh.id, is_new = TRUE FROM fresh
WHERE person.phone_number = fresh.phone_number AND place > %(after)s AND place <= %(until)s
"""
# Somebody else made them since the import began to be written.
_FIND_THE_REST = """
UPDATE import_person AS person SET contact_id = contact.id FROM contacts_contact AS contact
WHERE person.contact_id IS NULL AND place > %(after)s AND place <= %(until)s
    AND contact.organization_id = %(organization)s AND contact.phone_number = person.phone_number
"""

# A changed contact is locked as it is noted, so that what is noted as its former values is what the update replaces.
_NOTE_CHANGES = f"""
WITH listed AS (
    INSERT INTO contacts_contactlistmember (contact_list_id, contact_id)
    SELECT %(list)s, contact_id FROM import_person
    WHERE %(list)s::bigint IS NOT NULL AND NOT is_new AND contact_id IS NOT NULL
        AND place > %(after)s AND place <= %(until)s
    ORDER BY place ON CONFLICT DO NOTHING RETURNING contact_id
), changed AS (
    SELECT contact.id, contact.name, contact.attributes, contact.tags, {_NEW_NAME} AS new_name,
        person.attributes AS given, {_NEW_TAGS} AS new_tags
    FROM import_person AS person JOIN contacts_contact AS contact ON contact.id = person.contact_id
    WHERE NOT person.is_new AND person.place > %(after)s AND person.place <= %(until)s AND {_IS_CHANGED}
    ORDER BY person.place FOR UPDATE OF contact
)
INSERT INTO contacts_importchange (list_import_id, contact_id, kind, is_listed, before, after, tags)
SELECT %(import)s, id, 'updated', id IN (SELECT contact_id FROM listed),
    jsonb_strip_nulls(jsonb_build_object('name', CASE WHEN new_name <> name THEN name END))
        || jsonb_build_object('attributes', keys.before),
    jsonb_strip_nulls(jsonb_build_object('name', CASE WHEN new_name <> name THEN new_name END))
        || jsonb_build_object('attributes', keys.after),
    ARRAY(SELECT unnest(new_tags) EXCEPT SELECT unnest(changed.tags))
FROM changed CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_object_agg(each.key, COALESCE(changed.attributes -> each.key, 'null')), '{{}}') AS before,
        COALESCE(jsonb_object_agg(each.key, each.value), '{{}}') AS after
    FROM jsonb_each(changed.given) AS each WHERE changed.attributes -> each.key IS DISTINCT FROM each.value
) AS keys
UNION ALL
SELECT %(import)s, contact.id, 'unchanged', contact.id IN (SELECT contact_id FROM listed), NULL, NULL, NULL
FROM import_person AS person JOIN contacts_contact AS contact ON contact.id = person.contact_id
WHERE NOT person.is_new AND person.place > %(after)s AND person.place <= %(until)s
    AND contact.id NOT IN (SELECT id FROM changed)
"""
_UPDATE = f"""
UPDATE contacts_contact AS contact
SET name = {_NEW_NAME}, attributes = {_NEW_ATTRIBUTES}, tags = {_NEW_TAGS}, updated_at = now()
FROM import_person AS person JOIN contacts_importchange AS change
    ON change.contact_id = person.contact_id AND change.list_import_id = %(import)s AND change.kind = 'updated'
WHERE contact.id = person.contact_id AND NOT person.is_new AND person.place > %(after)s AND person.place <= %(until)s
"""
_COUNT = """
SELECT count(*) FILTER (WHERE kind = 'created'), count(*) FILTER (WHERE kind = 'updated'),
    count(*) FILTER (WHERE kind = 'unchanged'), count(*) FILTER (WHERE is_listed)
FROM contacts_importchange WHERE list_import_id = %(import)s
"""
_COUNT_STAGED = """
SELECT count(*), (SELECT count(*) FROM contacts_blocklistentry AS blocked WHERE organization_id = %(organization)s
    AND phone_number IN (
        SELECT COALESCE(NULLIF(contact.phone_number, ''), person.phone_number)
        FROM import_person AS person LEFT JOIN contacts_contact AS contact ON contact.id = person.contact_id
    )) FROM import_person
"""


def _parameters(list_import: ListImport) -> dict[str, Any]:
    columns = column_rules.from_json(list_import.columns)
    roles = {column.role: column.key for column in columns if column.role in NOT_ATTRIBUTES}
    plain_keys = {column.key for column in columns if column.role not in NOT_ATTRIBUTES}
    return {
        "import": list_import.pk,
        "organization": list_import.organization_id,
        "list": list_import.contact_list_id,
        "tags": list_import.tags,
        "name": roles.get(NAME, ""),
        "not_attributes": list({*roles.values(), *({NAME, PHONE} - plain_keys)}),
    }


def count(list_import: ListImport) -> Outcome:
    """How many rows gave way to a later one with the same number, and how many people are on the blocklist."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH people AS (
                SELECT phone_number, count(*) AS rows FROM contacts_importedrow
                WHERE list_import_id = %(import)s AND phone_number <> '' GROUP BY phone_number
            )
            SELECT COALESCE(sum(rows - 1), 0), count(blocked.id) FROM people LEFT JOIN contacts_blocklistentry AS blocked
                ON blocked.organization_id = %(organization)s AND blocked.phone_number = people.phone_number
            """,
            {"import": list_import.pk, "organization": list_import.organization_id},
        )
        merged, blocked = cursor.fetchone()
        return Outcome(merged=int(merged), blocked=blocked)


def preview(list_import: ListImport) -> Outcome:
    """What writing the rows of a read import would do now."""
    with connection.cursor() as cursor:
        cursor.execute(_PREVIEW, _parameters(list_import))
        merged, created, updated, unchanged, blocked, listed = cursor.fetchone()
    return Outcome(created, updated, unchanged, merged, blocked, listed)


def write(list_import: ListImport, note: Callable[[int, int], None]) -> Outcome:
    """Writes the people to contacts and onto the list, and what changed to `ImportChange`. Call it in a transaction.

    `note` is told how many people of how many are written, and may raise to end it. Raises `ContactsMoved`.
    """
    values = _parameters(list_import)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_person")
        for statement in (_STAGE, _INDEX, "ANALYZE import_person"):
            cursor.execute(statement, values if statement is _STAGE else None)
        cursor.execute(_COUNT_STAGED, values)
        people, blocked = cursor.fetchone()
        for after in range(0, people, A_PORTION):
            note(after, people)
            portion = {**values, "after": after, "until": after + A_PORTION}
            for statement in (_CREATE, _FIND_THE_REST, _NOTE_CHANGES, _UPDATE):
                cursor.execute(statement, portion)
        cursor.execute(_COUNT, values)
        created, updated, unchanged, listed = cursor.fetchone()
    if created + updated + unchanged != people:
        raise ContactsMoved
    rows = ImportedRow.objects.filter(list_import=list_import, problem="").count()
    return Outcome(created, updated, unchanged, rows - people, blocked, listed)
