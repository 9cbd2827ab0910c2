"""What the ledger has of a message that WhatsApp asks for again."""

from messaging import media
from messaging.models import Message
from session_service import queue
from session_service.providers.base import Media, OutgoingMessage


def sent_under(sender_id: int, whatsapp_id: str) -> OutgoingMessage | None:
    """The message that a sender sent under this id, to be sent once more to a device that could not decrypt it."""
    if not whatsapp_id:
        return None
    row = (
        Message.objects.filter(whatsapp_id=whatsapp_id, sender_id=sender_id, direction=Message.Direction.OUT)
        .select_related("media", "group")
        .first()
    )
    if row is None or row.deleted_at is not None:
        return None
    try:
        file = _file_of(row)
    except media.NoSuchFile:
        return None
    return OutgoingMessage(
        id=row.pk,
        sender_id=sender_id,
        epoch=row.lease_epoch,
        to=row.phone_number,
        text=row.text,
        whatsapp_id=row.whatsapp_id,
        attempt=row.attempts,
        kind=row.kind,
        content=row.content,
        media=file,
        group=row.group.whatsapp_id if row.group else "",
        lid=row.lid,
        wire_number=queue.forms_of_messages([row.pk]).get(row.pk, ""),
    )


def _file_of(row: Message) -> Media | None:
    if row.media is None:
        return None
    found = row.media
    return Media(found.name, found.mime_type, found.file_name, found.size, media.local_copy(found.name, found.size))
