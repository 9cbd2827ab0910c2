"""What messaging holds of one person: their messages with files, and where others' messages and groups mention them.

The rows of messages stay, because batches are counted by them; they lose the person and what was said.
"""

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from contacts.person import Erased, Part, Person, Release, StoredFile, Table
from contacts.scrubbing import Scrubber, scrub
from messaging import clearing, progress
from messaging.counts import Changes
from messaging.media import STORED_UNDER
from messaging.models import Click, Group, Message, MessageStatus

EXPORTED = (
    *("id", "direction", "phone_number", "lid", "kind", "text", "content", "variables", "media_id", "batch_id"),
    *("sender__name", "sender__phone_number", "group__subject", "whatsapp_id", "status", "skip_reason", "error"),
    *("created_at", "sent_at", "delivered_at", "read_at", "ended_at", "edited_at", "deleted_at"),
)

EXPORTED_CLICKS = ("message_id", "link__url", "is_bot", "reason", "number", "first_at", "last_at")


def messages_of(person: Person) -> QuerySet[Message]:
    """A LID that moved on to another number is not this person any more."""
    by_lid = Q(lid__in=person.lids, phone_number="")
    return Message.objects.filter(
        Q(phone_number__in=person.phone_numbers) | by_lid, organization_id=person.organization_id
    )


def names(person: Person) -> tuple[set[str], set[str]]:
    found = messages_of(person).exclude(lid="").values_list("lid", flat=True)
    return set(), set(found.distinct().order_by())


# What was never leased is `cancelled`. Of a repeat it is known or not whether an earlier try left, as when a batch ends.
_STOP_SQL = """
WITH open AS (
    SELECT id, status AS was FROM messaging_message
    WHERE organization_id = %(organization)s AND stage IN (%(pending)s, %(queued)s)
        AND (phone_number = ANY(%(numbers)s::text[]) OR (phone_number = '' AND lid = ANY(%(lids)s::text[])))
    ORDER BY id FOR UPDATE
)
UPDATE messaging_message AS message SET ended_at = now(), exhausted = FALSE,
    status = CASE WHEN attempts = 0 THEN %(cancelled)s WHEN error_code = '' THEN %(unknown)s ELSE %(failed)s END
FROM open WHERE message.id = open.id RETURNING message.batch_id, open.was, message.status
"""


def stop(person: Person) -> str:
    """Ends what waits to be sent. What is leaving at this moment is not known to have left or not: it must settle."""
    changes = Changes()
    with connection.cursor() as cursor:
        cursor.execute(
            _STOP_SQL,
            {
                "organization": person.organization_id,
                "numbers": sorted(person.phone_numbers),
                "lids": sorted(person.lids),
                "pending": MessageStatus.PENDING,
                "queued": MessageStatus.QUEUED,
                "cancelled": MessageStatus.CANCELLED,
                "unknown": MessageStatus.UNKNOWN,
                "failed": MessageStatus.FAILED,
            },
        )
        for batch_id, was, status in cursor.fetchall():
            changes.move(batch_id, was, status)
    changes.save()
    progress.publish(changes.batch_ids)
    leaving = messages_of(person).filter(stage=MessageStatus.SENDING).exists()
    return _("A message to this person is leaving at this moment.") if leaving else ""


def erase(person: Person) -> Erased:
    erased = Erased()
    ids = list(messages_of(person).values_list("pk", flat=True))
    clicked, _each = Click.objects.filter(message_id__in=ids).delete()
    erased.rows, erased.files = clearing.clear(ids, with_person=True)
    erased.rows += clicked
    erased.rows += _erase_mentions(person)
    return erased


def _erase_mentions(person: Person) -> int:
    """Quotes, contact cards, members of groups, and texts in which others wrote the number."""
    scrubber = Scrubber(person)
    return scrub(Message, ["content", "variables", "text"], scrubber) + scrub(Group, ["members"], scrubber)


def tables(person: Person) -> Iterable[Table]:
    rows = messages_of(person).order_by("pk").values(*EXPORTED).iterator(500)
    yield Table("messages", _("Messages"), ({**row, "status": MessageStatus(row["status"]).label} for row in rows))
    clicked = Click.objects.filter(message__in=messages_of(person)).order_by("pk")
    yield Table("clicks", _("Clicks"), clicked.values(*EXPORTED_CLICKS).iterator(500))


def files(person: Person) -> Iterable[StoredFile]:
    with_files = messages_of(person).filter(media__isnull=False).select_related("media").order_by("pk")
    for message in with_files.iterator(500):
        media = message.media
        if media is not None:
            name = media.file_name.replace("/", "_") or media.name.rsplit("/", 1)[-1]
            yield StoredFile(stored_as=media.name, file_name=f"{message.pk}-{name}")


def release(person: Person, names: Sequence[str]) -> dict[str, Release]:
    stored = [name for name in names if name.startswith(STORED_UNDER)]
    return clearing.release(person.organization_id, stored)


PART = Part(name="messages", names=names, stop=stop, erase=erase, release=release, tables=tables, files=files)
