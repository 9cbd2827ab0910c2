"""Gives a stored file to a browser. Strangers sent it, so a browser must never run what is in it."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO

from django.core.files.storage import default_storage
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from messaging.models import Media, Message

CHUNK_BYTES = 256 * 1024
# What browsers show without running anything. The rest is offered to be saved.
SHOWN = ("image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "audio/mpeg", "audio/mp4", "audio/ogg")


def respond(media: Media) -> HttpResponseBase:
    """Streams the file; 410 where the storage has it no more."""
    try:
        file = default_storage.open(media.name, "rb")
    except FileNotFoundError:
        return HttpResponse(_("The storage does not have this file any more."), status=410, content_type="text/plain")
    plain_type = media.mime_type.split(";")[0].strip().lower()
    is_shown = plain_type in SHOWN
    response = StreamingHttpResponse(
        _chunks(file), content_type=media.mime_type if is_shown else "application/octet-stream"
    )
    response["Content-Length"] = str(media.size)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    disposition = content_disposition_header(not is_shown, media.file_name or media.name.rsplit("/", 1)[-1])
    response["Content-Disposition"] = disposition or "attachment"
    return response


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The file piece by piece. Of an iterator that is not asynchronous, an ASGI server would first read all."""
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


def why_no_file(message: Message) -> str:
    if message.deleted_at is not None:
        return _("This message was deleted by who wrote it.")
    missing = message.content.get("missing_media")
    if missing is None:
        return _("This message has no file.")
    if missing["error"] == "too_large":
        return _("The file was too large to be kept.")
    return _("The file could not be fetched from WhatsApp.")
