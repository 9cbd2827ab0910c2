"""What waits in a sender's queue on the simulated network: receipts as words, everything else as JSON."""

import json
from datetime import UTC, datetime
from typing import Any

from messaging.events import Changed, Event, Inbound, Receipt, ReceivedMedia
from messaging.models import MessageStatus

FILE_KEY = "file"  # in the media of a queued event: where the network keeps the file


def inbound_event(from_number: str, message_id: str, text: str, **rest: Any) -> str:
    """A person wrote. `rest` may have kind, content, lid, name, group and media, as in `messaging.events.Inbound`."""
    said = {"from": from_number, "message_id": message_id, "text": text}
    return json.dumps(said | {key: value for key, value in rest.items() if value}, ensure_ascii=False)


def changed_event(from_number: str, message_id: str, *, text: str | None = None) -> str:
    """A person edited a message, or, without a text, deleted it for everyone."""
    change = {"from": from_number, "changed": message_id, "text": text, "deleted": text is None}
    return json.dumps(change, ensure_ascii=False)


def parse(sender_id: int, event: str, due_ms: float) -> Event:
    """The event in the ledger's words; the `path` of a file is where the network keeps it."""
    at = datetime.fromtimestamp(due_ms / 1000, UTC)
    if not event.startswith("{"):
        kind, message_id = event.split(" ", 1)
        status = MessageStatus.DELIVERED if kind == "delivered" else MessageStatus.READ
        return Receipt(sender_id, message_id, status, at)
    said = json.loads(event)
    if "changed" in said:
        number = said["from"]
        return Changed(sender_id, said["changed"], at, said["text"], said["deleted"], phone_number=number)
    media = said.get("media")
    return Inbound(
        sender_id=sender_id,
        phone_number=said["from"],
        whatsapp_id=said["message_id"],
        text=said["text"],
        at=at,
        kind=said.get("kind", "text"),
        content=said.get("content", {}),
        lid=said.get("lid", ""),
        name=said.get("name", ""),
        group=said.get("group", ""),
        media=ReceivedMedia(path=media.pop(FILE_KEY, ""), **media) if media else None,
    )
