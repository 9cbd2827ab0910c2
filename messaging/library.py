"""The media library: files that are uploaded once and sent again and again."""

import io
import logging
from typing import IO

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.deletion import ProtectedError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from accounts.models import Organization, User
from accounts.services import Actor, record
from messaging import attachments, media
from messaging.kinds import WITH_FILE, Kind
from messaging.models import LibraryFile, Media
from messaging.services import NotAllowed

LONGEST_NAME = 120
THUMBNAIL_SIZE = (320, 320)  # at most, in pixels
MOST_PIXELS = 50_000_000  # of a picture that is made small: one of a few kilobytes can unpack to gigabytes
WITH_THUMBNAIL = (Kind.IMAGE, Kind.STICKER)

logger = logging.getLogger(__name__)


def files_of(organization: Organization, *, search: str = "", kind: str = "") -> QuerySet[LibraryFile]:
    """Newest first."""
    found = LibraryFile.objects.for_organization(organization).select_related("media", "thumbnail")
    if search:
        found = found.filter(name__icontains=search)
    return found.filter(kind=kind) if kind else found


def add(
    *,
    organization: Organization,
    file: IO[bytes],
    mime_type: str = "",
    file_name: str = "",
    kind: str = "",
    name: str = "",
    by: Actor = None,
) -> LibraryFile:
    """Keeps a file, checked as any that is sent. Without a kind its type tells it. The same file of one kind is kept
    once: then that one is given. Raises `attachments.InvalidFile`, or `ValidationError` for `name` or `kind`."""
    kind = checked_kind(kind) or attachments.kind_of(mime_type, file_name)
    stored = attachments.take_in(
        organization_id=organization.pk, kind=kind, file=file, mime_type=mime_type, file_name=file_name
    )
    return keep(organization=organization, stored=stored, kind=kind, name=name, by=by)


def keep(*, organization: Organization, stored: Media, kind: str, name: str = "", by: Actor = None) -> LibraryFile:
    """Keeps a file that is stored already."""
    name = _name(name or stored.file_name or stored.sha256[:12])
    thumbnail = _thumbnail(stored) if kind in WITH_THUMBNAIL else None
    try:
        with transaction.atomic():
            made = LibraryFile.objects.create(
                organization=organization,
                name=name,
                kind=kind,
                media=stored,
                thumbnail=thumbnail,
                created_by=by if isinstance(by, User) else None,
            )
            record(organization=organization, by=by, action="media.added", target=name)
    except IntegrityError:
        return LibraryFile.objects.get(organization=organization, media=stored, kind=kind)
    return made


def checked_kind(kind: str) -> str:
    if kind and kind not in WITH_FILE:
        raise ValidationError({"kind": _("Write one of %(all)s.") % {"all": ", ".join(WITH_FILE)}})
    return kind


def _name(written: str) -> str:
    name = " ".join(written.replace("\x00", "").split())[:LONGEST_NAME]
    if not name:
        raise ValidationError({"name": _("Give the file a name.")})
    return name


def rename(*, library_file: LibraryFile, name: str, by: Actor = None) -> None:
    """Raises `ValidationError` for `name`."""
    before, library_file.name = library_file.name, _name(name)
    with transaction.atomic():
        library_file.save(update_fields=["name"])
        record(
            organization=library_file.organization,
            by=by,
            action="media.renamed",
            target=library_file.name,
            before=before,
        )


def remove(*, library_file: LibraryFile, by: Actor = None) -> None:
    """Takes it out of the library. The file itself stays as long as a message or anything else has it. Raises `NotAllowed`
    while a reminder needs it."""
    organization, name = library_file.organization, library_file.name
    try:
        with transaction.atomic():
            library_file.delete()
            record(organization=organization, by=by, action="media.removed", target=name)
    except ProtectedError as error:
        raise NotAllowed(
            _("“%(name)s” is sent by a reminder. End and delete that one first.") % {"name": name}
        ) from error


def _thumbnail(stored: Media) -> Media | None:
    """A small picture of a picture. None where there can be none: then the page shows an icon."""
    try:
        with default_storage.open(stored.name, "rb") as file, Image.open(file) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            small = ImageOps.exif_transpose(picture)  # as the camera was held
            small.thumbnail(THUMBNAIL_SIZE)
            made = io.BytesIO()
            small.convert("RGBA" if "A" in small.mode or small.mode == "P" else "RGB").save(made, "WEBP", quality=80)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        logger.info("no small picture of media %s: %s", stored.pk, error)
        return None
    made.seek(0)
    return media.store(organization_id=stored.organization_id, file=made, mime_type="image/webp")
