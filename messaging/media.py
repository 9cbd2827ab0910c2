"""Files of messages: into the storage, from there to where a session can read them, and away when nothing needs them.

A file lies under the hash of its content, so that storing it again, as after a crash, changes nothing.
"""

import hashlib
import logging
import mimetypes
import os
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection
from django.utils.timezone import now

from messaging.models import Media

STORED_UNDER = "messages/"
CHUNK_BYTES = 1024 * 1024
COPIES_KEPT_SECONDS = 24 * 3600
KEPT_WITHOUT_A_MESSAGE = timedelta(hours=1)  # longer than it takes from a file to its message
REMOVED_AT_ONCE = 1_000

logger = logging.getLogger(__name__)


class NoSuchFile(Exception):
    """The storage does not have the file any more."""


def fingerprint(file: IO[bytes]) -> tuple[str, int]:
    """The SHA-256 in hexadecimal digits and the size in bytes; the file is at its beginning afterwards."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    return digest.hexdigest(), size


def store(*, organization_id: int, file: IO[bytes], mime_type: str, file_name: str = "") -> Media:
    """Puts a file into the storage and gives its row; the same file of the same name is stored once."""
    sha256, size = fingerprint(file)
    extension = mimetypes.guess_extension(mime_type.split(";")[0].strip()) or ""
    name = f"{STORED_UNDER}{organization_id}/{sha256[:2]}/{sha256}{extension}"
    media, is_new = Media.objects.get_or_create(
        organization_id=organization_id,
        sha256=sha256,
        mime_type=mime_type[:120],
        file_name=file_name[-255:],
        defaults={"name": name, "size": size},
    )
    if not _is_whole(media.name, size):
        stored = default_storage.save(name, File(file))
        if stored != media.name:  # somebody else stores it at this moment, or it was cut off by a crash
            Media.objects.filter(pk=media.pk).update(name=stored)
            media.name = stored
    if not is_new:  # keeps it from being removed before its new message is written
        Media.objects.filter(pk=media.pk).update(created_at=now())
    return media


def _is_whole(name: str, size: int) -> bool:
    """Whether the file lies there in full length: a process that is killed leaves a part of it."""
    return default_storage.exists(name) and default_storage.size(name) == size


def local_copy(name: str, size: int) -> str:
    """The path of the file on this machine: where it lies, or a copy that is kept for a day. Raises `NoSuchFile`."""
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        path = _copied(name, size)
    if not path.is_file():
        raise NoSuchFile(name)
    return str(path)


def _copied(name: str, size: int) -> Path:
    folder = Path(settings.DATA_DIR) / "media_copies"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(name).name
    if path.is_file() and path.stat().st_size == size:
        os.utime(path)
        return path
    _remove_old_copies(folder)
    if not default_storage.exists(name):
        raise NoSuchFile(name)
    with default_storage.open(name, "rb") as source, tempfile.NamedTemporaryFile(dir=folder, delete=False) as copy:
        shutil.copyfileobj(source, copy, CHUNK_BYTES)
    Path(copy.name).rename(path)  # whole or not at all, also with two readers
    return path


def _remove_old_copies(folder: Path) -> None:
    limit = time.time() - COPIES_KEPT_SECONDS
    for path in folder.iterdir():
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def remove_unused() -> int:
    """Removes files that no message, batch, template or library has: their message was deleted by who wrote it, or was never
    written. Returns how many rows went; the file goes with its last row."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM messaging_media WHERE id IN (
                SELECT id FROM messaging_media AS media
                WHERE created_at < %s AND NOT EXISTS (SELECT FROM messaging_message WHERE media_id = media.id)
                    AND NOT EXISTS (SELECT FROM messaging_templateversion WHERE media_id = media.id)
                    AND NOT EXISTS (SELECT FROM messaging_batch WHERE media_id = media.id)
                    AND NOT EXISTS (SELECT FROM messaging_variant WHERE media_id = media.id)
                    AND NOT EXISTS (
                        SELECT FROM messaging_libraryfile WHERE media_id = media.id OR thumbnail_id = media.id
                    )
                LIMIT %s FOR UPDATE SKIP LOCKED
            )
            RETURNING name
            """,
            [now() - KEPT_WITHOUT_A_MESSAGE, REMOVED_AT_ONCE],
        )
        names = [row[0] for row in cursor.fetchall()]
    for name in set(names) - set(Media.objects.filter(name__in=names).values_list("name", flat=True)):
        default_storage.delete(name)
    return len(names)
