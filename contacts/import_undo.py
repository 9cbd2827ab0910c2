"""Takes back what an import did, as far as nobody has built on it since.

Whom it created goes, unless somebody used them since. What it changed gets its former value back, unless that was
changed since. Whom it put on its list comes off it. Consent that it brought was never given. A person who was named by a later import keeps everything.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from contacts import consent, uses
from contacts.models import ListImport

EDITED, ON_A_LIST, IMPORTED_AGAIN, CHANGED, STILL_BLOCKED = "edited", "listed", "imported", "changed", "blocked"
_OUR_TABLES = frozenset({"contacts_contactlistmember", "contacts_importchange"})


@dataclass(frozen=True, slots=True)
class Undone:
    """Numbers of people; `kept` by reason. `removed` from contacts or from the blocklist, `unlisted` from the list;
    `consents` are those whose consent is as it was before."""

    removed: int = 0
    restored: int = 0
    unlisted: int = 0
    consents: int = 0
    kept: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def reason_words(reason: str) -> str:
    """Why people were kept, to finish “12 people stay: …”."""
    words = {
        EDITED: _("somebody changed them since"),
        ON_A_LIST: _("they are on another list"),
        IMPORTED_AGAIN: _("a later import names them as well"),
        CHANGED: _("their values were changed since"),
        STILL_BLOCKED: _("somebody else blocked them as well, or they asked for it themselves"),
    }
    words.update({use.name: use.words() for use in uses.registered()})
    return words.get(reason, reason)


def undo(list_import: ListImport) -> Undone:
    """Call it in a transaction, once. Forgets what the import changed."""
    is_blocklist = list_import.purpose == ListImport.Purpose.BLOCKLIST
    done = _undo_blocklist(list_import) if is_blocklist else _undo_people(list_import)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts_importchange WHERE list_import_id = %s", [list_import.pk])
    return done


_LATER = """
EXISTS (
    SELECT FROM contacts_importchange AS later JOIN contacts_listimport AS again ON again.id = later.list_import_id
    WHERE later.contact_id = change.contact_id AND again.undone_at IS NULL AND again.finished_at > %(finished_at)s
        {more}
)
"""
# The contacts are locked first: nobody writes to them, or begins to use them, between the look and the deed.
_LOCK = """
SELECT count(*) FROM (
    SELECT contact.id FROM contacts_contact AS contact JOIN contacts_importchange AS change
        ON change.contact_id = contact.id
    WHERE change.list_import_id = %(import)s AND (change.kind <> 'unchanged' OR change.is_listed)
    ORDER BY contact.phone_number FOR UPDATE OF contact
) AS locked
"""
_UNLIST = f"""
DELETE FROM contacts_contactlistmember AS member USING contacts_importchange AS change
WHERE change.list_import_id = %(import)s AND change.is_listed AND member.contact_id = change.contact_id
    AND member.contact_list_id = %(list)s AND NOT {_LATER.format(more="AND again.contact_list_id = %(list)s")}
"""
_DECIDE = f"""
CREATE TEMPORARY TABLE undoing ON COMMIT DROP AS
SELECT change.id AS change_id, change.contact_id, change.kind, CASE
    WHEN change.kind = 'unchanged' THEN ''
    WHEN {_LATER.format(more="")} THEN '{IMPORTED_AGAIN}'
    WHEN change.kind = 'updated' THEN ''
    {{uses}}
    WHEN contact.updated_at <> contact.created_at {{points}} THEN '{EDITED}'
    WHEN EXISTS (
        SELECT FROM contacts_contactlistmember AS member WHERE member.contact_id = contact.id
    ) THEN '{ON_A_LIST}'
    ELSE '' END AS kept
FROM contacts_importchange AS change JOIN contacts_contact AS contact ON contact.id = change.contact_id
WHERE change.list_import_id = %(import)s
"""
# Attributes that have the import's value still: their former values, and those that were not there before.
_RESTORE = """
UPDATE contacts_contact AS contact SET
    name = CASE WHEN change.before ? 'name' AND contact.name = change.after ->> 'name'
        THEN change.before ->> 'name' ELSE contact.name END,
    attributes = (contact.attributes - keys.gone) || keys.former,
    tags = ARRAY(SELECT tag FROM unnest(contact.tags) AS tag WHERE tag <> ALL(COALESCE(change.tags, '{}'))),
    updated_at = now()
FROM contacts_importchange AS change JOIN undoing ON undoing.change_id = change.id
CROSS JOIN LATERAL (
    SELECT COALESCE(array_agg(each.key) FILTER (WHERE each.value = 'null'), '{}') AS gone,
        COALESCE(jsonb_object_agg(each.key, each.value) FILTER (WHERE each.value <> 'null'), '{}') AS former,
        count(*) AS number
    FROM jsonb_each(change.before -> 'attributes') AS each, contacts_contact AS present
    WHERE present.id = change.contact_id
        AND present.attributes -> each.key = change.after -> 'attributes' -> each.key
) AS keys
WHERE undoing.kind = 'updated' AND undoing.kept = '' AND contact.id = change.contact_id AND (
    keys.number > 0 OR contact.tags && COALESCE(change.tags, '{}')
    OR (change.before ? 'name' AND contact.name = change.after ->> 'name')
)
"""
_FORGET = """
DELETE FROM contacts_importchange USING undoing WHERE contacts_importchange.contact_id = undoing.contact_id
    AND undoing.kind = 'created' AND undoing.kept = ''
"""
_REMOVE = """
DELETE FROM contacts_contact AS contact USING undoing
WHERE contact.id = undoing.contact_id AND undoing.kind = 'created' AND undoing.kept = ''
"""


def _undo_people(list_import: ListImport) -> Undone:
    values = {
        "import": list_import.pk,
        "list": list_import.contact_list_id,
        "finished_at": list_import.finished_at,
    }
    pointing = uses.pointing_at_contacts(besides=_OUR_TABLES)
    decide = _DECIDE.format(
        uses="".join(f" WHEN {use.condition} THEN '{use.name}'" for use in uses.registered()),
        points="".join(f" OR {condition}" for condition in pointing),
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(_LOCK, values)
        cursor.execute(_UNLIST, values)
        unlisted = cursor.rowcount
        cursor.execute("DROP TABLE IF EXISTS pg_temp.undoing")
        cursor.execute(decide, values)
        cursor.execute("ANALYZE undoing")
        cursor.execute(_RESTORE)
        restored = cursor.rowcount
        cursor.execute("SELECT kept, count(*) FROM undoing WHERE kept <> '' GROUP BY kept ORDER BY kept")
        kept = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM undoing WHERE kind = 'updated' AND kept = ''")
        if untouched := cursor.fetchone()[0] - restored:
            kept[CHANGED] = untouched
        cursor.execute(_FORGET)
        cursor.execute(_REMOVE)
        removed = cursor.rowcount
    consents = consent.take_back_import(list_import)
    return Undone(removed, restored, unlisted, consents, kept)


_ADDED_TO_BLOCKLIST = """
SELECT entry.id, change.kind = 'created' AND entry.reason = %(reason)s AND entry.asked_by = 'import'
    AND NOT entry.blocked_by_staff AND NOT EXISTS (
        SELECT FROM contacts_optoutevent AS said WHERE said.organization_id = entry.organization_id
            AND said.phone_number = entry.phone_number AND said.kind = 'opted_out' AND said.asked_by <> 'import'
    ) AS is_ours
FROM contacts_importchange AS change JOIN contacts_blocklistentry AS entry ON entry.id = change.blocklist_entry_id
WHERE change.list_import_id = %(import)s ORDER BY entry.id FOR UPDATE OF entry
"""


def _undo_blocklist(list_import: ListImport) -> Undone:
    """Takes off the blocklist whom the import put there, unless they asked for it themselves, or staff did."""
    with connection.cursor() as cursor:
        cursor.execute(_ADDED_TO_BLOCKLIST, {"import": list_import.pk, "reason": list_import.block_as})
        found = cursor.fetchall()
        entries = [entry for entry, is_ours in found if is_ours]
        cursor.execute("DELETE FROM contacts_importchange WHERE blocklist_entry_id = ANY(%s)", [entries])
        cursor.execute("DELETE FROM contacts_blocklistentry WHERE id = ANY(%s)", [entries])
    kept = len(found) - len(entries)
    return Undone(removed=len(entries), kept={STILL_BLOCKED: kept} if kept else {})
