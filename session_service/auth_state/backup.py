"""One session as an encrypted file, for backup and for moving to another installation.

The first line is JSON that says what the file is and how its key is made; a Fernet token of the zipped content follows.
An older copy of a session works as long as the phone has not unlinked it: what its keys do not know heals, because the
other side asks for a repeat. But a session in use at two places at once gets the number banned.
"""

import hashlib
import json
import zlib
from base64 import urlsafe_b64encode
from binascii import hexlify, unhexlify
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.services import record
from senders.models import Provider, Sender
from session_service.auth_state import rows

KIND = "whatsapp-automation session"
VERSION = 1
SCRYPT = {"n": 2**15, "r": 8, "p": 1}  # 32 MiB and a tenth of a second for each guess
MOST_SCRYPT = 2**20  # what a file may ask for


class BackupError(Exception):
    """A session cannot be exported or imported. The text is for the person who asked."""


@dataclass(frozen=True)
class Content:
    """A session in the clear. `keys` are rows of type, id and JSON text."""

    name: str
    provider: str
    phone_number: str
    exported_at: str
    credentials: str
    keys: list[tuple[str, str, str]]


# -- Files --


def seal(content: Content, passphrase: str | None) -> bytes:
    """The file. Without a passphrase it is encrypted with the first key of `AUTH_STATE_KEYS`."""
    header: dict[str, Any] = {"kind": KIND, "version": VERSION}
    if passphrase is None:
        fernet = Fernet(settings.AUTH_STATE_KEYS[0])
    else:
        salt = token_bytes(16)
        header["scrypt"] = {**SCRYPT, "salt": hexlify(salt).decode()}
        fernet = Fernet(_key_from(passphrase, salt, SCRYPT))
    token = fernet.encrypt(zlib.compress(json.dumps(content.__dict__).encode()))
    header["sha256"] = hashlib.sha256(token).hexdigest()
    return json.dumps(header).encode() + b"\n" + token


def unseal(file: bytes, passphrase: str | None) -> Content:
    """The session in a file. Raises `BackupError` that tells a wrong kind, version, damage and key apart."""
    header, token = _split(file)
    if (scrypt := header.get("scrypt")) is not None:
        if passphrase is None:
            raise BackupError(_("The file is protected by a passphrase: give it."))
        opened: Fernet | MultiFernet = Fernet(_key_from(passphrase, *_parameters(scrypt)))
    else:
        opened = MultiFernet([Fernet(key) for key in settings.AUTH_STATE_KEYS])
    try:
        return _read(zlib.decompress(opened.decrypt(token)))
    except InvalidToken as error:
        if scrypt is not None:
            raise BackupError(_("The passphrase is wrong.")) from error
        raise BackupError(
            _("The file was encrypted with a key that is not in AUTH_STATE_KEYS. Add that key again at the end.")
        ) from error


def needs_passphrase(file: bytes) -> bool:
    """Raises `BackupError` where it is no such file, or damaged."""
    return "scrypt" in _split(file)[0]


def _split(file: bytes) -> tuple[dict[str, Any], bytes]:
    first, _newline, token = file.partition(b"\n")
    try:
        header = json.loads(first)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise BackupError(_("This is no file of a session."))
    if header.get("version") != VERSION:
        raise BackupError(
            _("The file has version %(version)s, and this program reads version %(known)s. Update the older one.")
            % {"version": header.get("version"), "known": VERSION}
        )
    if hashlib.sha256(token).hexdigest() != header.get("sha256"):
        raise BackupError(_("The file is damaged: its content does not match its checksum. Use another copy."))
    return header, token


def _parameters(scrypt: Any) -> tuple[bytes, dict[str, int]]:
    try:
        found = {name: int(scrypt[name]) for name in SCRYPT}
        salt = unhexlify(scrypt["salt"])
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(_("The file is damaged: its first line cannot be read.")) from error
    if found["n"] * found["r"] * found["p"] > MOST_SCRYPT:
        raise BackupError(_("The file is damaged: its first line asks for too much memory."))
    return salt, found


def _key_from(passphrase: str, salt: bytes, parameters: dict[str, int]) -> bytes:
    return urlsafe_b64encode(Scrypt(salt=salt, length=32, **parameters).derive(passphrase.encode()))


def _read(text: bytes) -> Content:
    fields = json.loads(text)
    return Content(**{**fields, "keys": [(type_, key_id, value) for type_, key_id, value in fields["keys"]]})


# -- Sessions --


@transaction.atomic
def export(sender: Sender) -> Content:
    """A session that no worker holds. Raises `BackupError` while one does: what it writes next would be missing."""
    _lock_lease(sender)
    content = snapshot(sender)
    record(organization=sender.organization, by=None, action="sender.session_exported", target=sender.name)
    return content


def snapshot(sender: Sender) -> Content:
    """A session as it is stored in this moment, also while it is connected. Raises `BackupError` where none is."""
    credentials, keys = rows.read_all(sender.pk)
    if credentials is None:
        raise BackupError(_("“%(name)s” is not linked: there is no session.") % {"name": sender.name})
    return Content(sender.name, sender.provider, sender.phone_number, now().isoformat(), credentials, keys)


@transaction.atomic
def import_into(sender: Sender, content: Content, *, replace: bool) -> None:
    """Gives a sender the session in a file. Raises `BackupError` while a worker holds it, where it has a session
    already (unless `replace`), and where the number belongs to another sender."""
    _lock_lease(sender)
    sender = Sender.objects.select_for_update(of=("self",)).select_related("organization").get(pk=sender.pk)
    _check_fits(sender, content, replace=replace)
    with connection.cursor() as cursor:
        rows.delete_all(cursor, sender.pk)
        rows.insert_all(sender.pk, content.credentials, content.keys)
        cursor.execute("UPDATE session_service_sessionlease SET epoch = epoch + 1 WHERE sender_id = %s", [sender.pk])
    sender.phone_number = content.phone_number
    sender.is_linked = True
    sender.linked_at = sender.linked_at or now()
    sender.pairing_number = ""
    sender.save(update_fields=["phone_number", "is_linked", "linked_at", "pairing_number"])
    record(organization=sender.organization, by=None, action="sender.session_imported", target=sender.name)


def _check_fits(sender: Sender, content: Content, *, replace: bool) -> None:
    if sender.provider != content.provider:
        raise BackupError(
            _(
                "The file is of a sender that connects through “%(theirs)s”, and “%(name)s” connects through “%(ours)s”."
            )
            % {
                "theirs": dict(Provider.choices).get(content.provider, content.provider),
                "name": sender.name,
                "ours": sender.get_provider_display(),
            }
        )
    if rows.read_credentials(sender.pk) is not None and not replace:
        raise BackupError(
            _("“%(name)s” has a session already. Log it out first, or import with --replace.") % {"name": sender.name}
        )
    other = Sender.objects.filter(phone_number=content.phone_number).exclude(pk=sender.pk)
    if content.phone_number and other.exists():
        raise BackupError(_("Another sender already uses %(number)s.") % {"number": content.phone_number})


def _lock_lease(sender: Sender) -> None:
    """Keeps every worker from taking the sender until the transaction ends. Raises `BackupError` where one holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO session_service_sessionlease (sender_id, epoch, expires_at) VALUES (%s, 0, now())
            ON CONFLICT DO NOTHING
            """,
            [sender.pk],
        )
        cursor.execute(
            """
            SELECT worker_id IS NOT NULL AND expires_at > clock_timestamp() FROM session_service_sessionlease
            WHERE sender_id = %s FOR UPDATE
            """,
            [sender.pk],
        )
        if cursor.fetchone()[0]:
            raise BackupError(
                _("“%(name)s” is connected. Disconnect it first: a session must not be in use at two places.")
                % {"name": sender.name}
            )
