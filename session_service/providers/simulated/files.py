"""Files on the simulated network, which lie in Redis: what senders send, and what people send to them."""

import base64
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from messaging.events import Event, Inbound
from session_service.providers.base import OutgoingMessage
from session_service.providers.simulated.connection import Connection


def as_the_network_has_it(message: OutgoingMessage) -> OutgoingMessage:
    """The message with its file read: what arrives is noted under `media` of its content."""
    if message.media is None:
        return message
    content = Path(message.media.path).read_bytes()
    arrives = {
        "mime_type": message.media.mime_type,
        "file_name": message.media.file_name,
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    return replace(message, content={**message.content, "media": arrives})


def has_file(event: Event) -> bool:
    return isinstance(event, Inbound) and event.media is not None and bool(event.media.path)


async def fetched(connection: Connection, event: Event, folder: str) -> Event:
    """The event with its file, if it names one, in the folder; or without, where the network has it no more."""
    if not isinstance(event, Inbound) or event.media is None or not event.media.path:
        return event
    kept = await connection.file(event.media.path)
    if kept is None:
        return replace(event, media=replace(event.media, path="", error="failed"))
    with NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(base64.b64decode(kept))
    return replace(event, media=replace(event.media, path=file.name))
