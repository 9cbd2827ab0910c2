"""Takes in the file of a message that is to be sent: from an upload, from base64, or from a URL."""

import base64
import binascii
import mimetypes
from contextlib import closing
from io import SEEK_END, BytesIO
from typing import IO

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from messaging import fetching, media, voice_notes
from messaging.kinds import Kind
from messaging.models import Media

MEGABYTE = 1024 * 1024
ANY = "application/octet-stream"
# What phones show as the kind that it is. Everything else goes as a document.
TYPES: dict[str, tuple[str, ...]] = {
    Kind.IMAGE: ("image/jpeg", "image/png", "image/webp"),
    Kind.VIDEO: ("video/mp4", "video/3gpp"),
    Kind.AUDIO: ("audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/ogg"),
    Kind.VOICE: ("audio/ogg",),
    Kind.STICKER: ("image/webp",),
}
LARGEST: dict[str, int] = {Kind.IMAGE: 16 * MEGABYTE, Kind.STICKER: MEGABYTE}  # WhatsApp refuses what is larger
# How files begin, as (at which byte, with what): a page with an error, saved as a picture, is found out here.
_BEGINNINGS: dict[str, tuple[int, bytes]] = {
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/webp": (8, b"WEBP"),
    "video/mp4": (4, b"ftyp"),
    "video/3gpp": (4, b"ftyp"),
    "audio/mp4": (4, b"ftyp"),
    "audio/ogg": (0, b"OggS"),
}


class InvalidFile(Exception):
    """The file cannot be sent as this kind. The text is for the person who sends it."""


def most_bytes(kind: str) -> int:
    return min(LARGEST.get(kind, settings.MEDIA_MAX_BYTES), settings.MEDIA_MAX_BYTES)


def kind_for(mime_type: str) -> Kind:
    """As what a file of this type is sent where nobody said it."""
    plain = _plain(mime_type)
    for kind in (Kind.IMAGE, Kind.VIDEO, Kind.AUDIO):
        if plain in TYPES[kind]:
            return kind
    return Kind.DOCUMENT


def kind_of(mime_type: str, file_name: str) -> Kind:
    """The same, where the type is told by the name if by nothing else."""
    return kind_for(_type_of(mime_type, file_name))


def _type_of(mime_type: str, file_name: str) -> str:
    stated = _plain(mime_type)
    return mime_type if stated and stated != ANY else mimetypes.guess_type(file_name)[0] or ANY


def take_in(*, organization_id: int, kind: str, file: IO[bytes], mime_type: str = "", file_name: str = "") -> Media:
    """Stores a file that is to be sent. Without a type its name tells it. A recording that is sent as a voice note is
    converted where it has to be. Raises `InvalidFile`."""
    mime_type = _type_of(mime_type, file_name)
    if kind == Kind.VOICE and _needs_converting(file, _plain(mime_type)):
        return _take_in_voice(organization_id, file, file_name)
    allowed = TYPES.get(kind)
    if allowed is not None and _plain(mime_type) not in allowed:
        raise InvalidFile(
            _(
                "A file of the type %(type)s cannot be sent as %(kind)s. Send one of %(allowed)s, or send it as document."
            )
            % {"type": _plain(mime_type), "kind": kind, "allowed": ", ".join(allowed)}
        )
    _check_beginning(file, _plain(mime_type))
    file.seek(0, SEEK_END)
    size = file.tell()
    file.seek(0)
    if not size:
        raise InvalidFile(_("The file is empty."))
    if size > most_bytes(kind):
        raise _too_large(kind)
    return media.store(organization_id=organization_id, file=file, mime_type=mime_type, file_name=file_name)


def _needs_converting(file: IO[bytes], mime_type: str) -> bool:
    """Whether it is a recording that phones do not play as a voice note. Ogg may hold other sound than Opus."""
    if mime_type in TYPES[Kind.VOICE]:
        return voice_notes.converter() is not None and not voice_notes.is_opus(file)
    return mime_type.startswith(voice_notes.CONVERTED_FROM)


def _take_in_voice(organization_id: int, file: IO[bytes], file_name: str) -> Media:
    file.seek(0, SEEK_END)
    if file.tell() > settings.MEDIA_MAX_BYTES:
        raise _too_large(Kind.VOICE)
    try:
        made = voice_notes.converted(file)
    except voice_notes.NotConverted as error:
        raise InvalidFile(str(error)) from error
    with closing(made):
        name = f"{file_name.rsplit('.', 1)[0]}.ogg" if file_name else ""
        return media.store(organization_id=organization_id, file=made, mime_type=voice_notes.OPUS, file_name=name)


def _too_large(kind: str) -> InvalidFile:
    return InvalidFile(_("The file is larger than %(size)s.") % {"size": filesizeformat(most_bytes(kind))})


def take_in_base64(
    *, organization_id: int, kind: str, encoded: str, mime_type: str = "", file_name: str = ""
) -> Media:
    """A file in base64, or as a `data:` URL, which also says the type. Raises `InvalidFile`."""
    if encoded.startswith("data:"):
        head, _comma, encoded = encoded.partition(",")
        mime_type = mime_type or head.removeprefix("data:").removesuffix(";base64")
    if len(encoded) > most_bytes(kind) * 4 // 3 + 4:
        raise _too_large(kind)
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidFile(_("This is not base64.")) from error
    return take_in(
        organization_id=organization_id, kind=kind, file=BytesIO(content), mime_type=mime_type, file_name=file_name
    )


def take_in_from(*, organization_id: int, kind: str, url: str, mime_type: str = "", file_name: str = "") -> Media:
    """A file that lies at a public address. Raises `InvalidFile`."""
    try:
        fetched = fetching.fetch(url, most_bytes=most_bytes(kind))
    except fetching.FetchError as error:
        raise InvalidFile(str(error)) from error
    with closing(fetched.file):
        return take_in(
            organization_id=organization_id,
            kind=kind,
            file=fetched.file,
            mime_type=mime_type or fetched.mime_type,
            file_name=file_name or fetched.file_name,
        )


def _plain(mime_type: str) -> str:
    """The type without parameters: `audio/ogg; codecs=opus` is an `audio/ogg`."""
    return mime_type.split(";")[0].strip().lower()


def _check_beginning(file: IO[bytes], mime_type: str) -> None:
    if mime_type not in _BEGINNINGS:
        return
    at, expected = _BEGINNINGS[mime_type]
    file.seek(0)
    begins = file.read(at + len(expected))
    file.seek(0)
    if begins[at:] != expected:
        raise InvalidFile(_("This is no file of the type %(type)s.") % {"type": mime_type})
