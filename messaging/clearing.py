"""Takes out of messages what was said, and if wanted who it was: the rows stay, so that every count stays true."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from contacts.person import Release
from messaging import sql
from messaging.media import KEPT_WITHOUT_A_MESSAGE
from messaging.models import Batch, LibraryFile, Media, Message, TemplateVersion, Variant

# What can be tried again would leave without its text: it cannot be any more.
_CLEAR_SQL = """
WITH cleared AS (
    SELECT id, media_id FROM messaging_message WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR UPDATE
), written AS (
    UPDATE messaging_message AS message SET text = '', content = '{{}}', variables = '{{}}', media_id = NULL, error = '',
        exhausted = FALSE, cleared_at = COALESCE(cleared_at, now()) {person}
    FROM cleared WHERE message.id = cleared.id
)
SELECT count(*), array_agg(DISTINCT media_id) FILTER (WHERE media_id IS NOT NULL) FROM cleared
"""
_PERSON_SQL = ", phone_number = '', lid = '', idempotency_key = NULL"


def clear(message_ids: Sequence[int], *, with_person: bool = False) -> tuple[int, list[str]]:
    """Clears these messages, none of which may be open. Returns how many, and the names of their files in the storage:
    `release` says which of them nothing else has."""
    if not message_ids:
        return 0, []
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR_SQL.format(person=_PERSON_SQL if with_person else ""), {"ids": sql.numbers(message_ids)})
        number, media_ids = cursor.fetchone()
    media = Media.objects.filter(pk__in=media_ids or [])
    return number, sorted(set(media.values_list("name", flat=True)))


def release(organization_id: int, names: Sequence[str]) -> dict[str, Release]:
    """What may become of stored files whose messages were cleared. Deletes the rows of those that may go.

    A file lies there once for all messages that have the same content. One that was stored a moment ago may belong to a
    message that is about to be written.
    """
    rows = Media.objects.filter(organization_id=organization_id, name__in=names)
    has_it = {"media": OuterRef("pk")}
    used_by = (Message, Batch, TemplateVersion, Variant, LibraryFile)
    used = [Exists(model.objects.filter(**has_it)) for model in used_by]
    unused = ~Q(*used, Exists(LibraryFile.objects.filter(thumbnail=OuterRef("pk"))), _connector=Q.OR)
    rows.filter(unused, created_at__lt=now() - KEPT_WITHOUT_A_MESSAGE).delete()
    waiting = set(rows.filter(unused).values_list("name", flat=True))
    kept = set(rows.exclude(name__in=waiting).values_list("name", flat=True))
    released = {}
    for name in names:
        released[name] = Release.LATER if name in waiting else Release.KEEP if name in kept else Release.REMOVE
        if released[name] is Release.REMOVE:  # here; on other machines copies go after a day
            (Path(settings.DATA_DIR) / "media_copies" / Path(name).name).unlink(missing_ok=True)
    return released
