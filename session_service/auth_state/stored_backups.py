"""Backups of all linked senders in the storage, made on a schedule: the newest few of each sender are kept.

A file lies under `session-backups/<sender id>/<moment>.session`, encrypted with the first key of `AUTH_STATE_KEYS`, so a
restore takes those keys, which must be kept apart from both the database and the storage. Nothing is removed because the
database does not know a sender: after its loss these files are what is left.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils.timezone import now

from senders.models import Sender
from session_service.auth_state import backup
from session_service.models import AuthCredentials

log = logging.getLogger(__name__)

FOLDER = "session-backups"


def back_up_due() -> tuple[int, int]:
    """Makes the backups that are due. Returns how many were made and how many failed; why is written with each."""
    if not settings.SESSION_BACKUP_HOURS:
        return 0, 0
    since = now() - timedelta(hours=settings.SESSION_BACKUP_HOURS)
    due = AuthCredentials.objects.filter(Q(backed_up_at=None) | Q(backed_up_at__lte=since)).order_by("pk")
    made = failed = 0
    for sender in Sender.objects.filter(pk__in=list(due.values_list("pk", flat=True))).order_by("pk").iterator(100):
        if _back_up(sender):
            made += 1
        else:
            failed += 1
    return made, failed


def newest(sender: Sender) -> bytes:
    """The newest backup of a sender. Raises `backup.BackupError` where there is none."""
    names = _names(sender.pk)
    if not names:
        raise backup.BackupError(f"There is no backup of “{sender.name}” in the storage.")
    with default_storage.open(names[-1], "rb") as file:
        return bytes(file.read())


def _back_up(sender: Sender) -> bool:
    """One backup. A failure is noted with the session, and logged; the others go on."""
    credentials = AuthCredentials.objects.filter(pk=sender.pk)
    try:
        file = backup.seal(backup.snapshot(sender), passphrase=None)
        default_storage.save(f"{_folder(sender.pk)}/{now():%Y%m%dT%H%M%S%f}.session", ContentFile(file))
        for name in _names(sender.pk)[: -settings.SESSION_BACKUP_KEEP]:
            default_storage.delete(name)
    except Exception as error:
        log.exception("no backup of the session of sender %s was made", sender.pk)
        credentials.update(backup_problem=f"{type(error).__name__}: {error}"[:300])
        return False
    credentials.update(backed_up_at=now(), backup_problem="")
    return True


def _names(sender_id: int) -> list[str]:
    """The backups of a sender, the oldest first."""
    try:
        files = default_storage.listdir(_folder(sender_id))[1]
    except FileNotFoundError:
        return []
    return [f"{_folder(sender_id)}/{name}" for name in sorted(files) if name.endswith(".session")]


def _folder(sender_id: int) -> str:
    return f"{FOLDER}/{sender_id}"
