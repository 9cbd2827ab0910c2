"""Sessions as files: exported, imported, refused where they do not fit, and backed up on a schedule."""

import json
import stat
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from accounts.models import AuditEntry
from senders.models import Provider, Sender, SenderStatus
from session_service import leases, tasks
from session_service.auth_state import backup, rows, stored_backups
from session_service.auth_state.rows import SenderWrites
from session_service.models import AuthCredentials, AuthKey, SessionLease
from tests.factories import make_lease, make_organization, make_sender

pytestmark = pytest.mark.django_db

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("SESSION_FILE_PASSPHRASE", PASSPHRASE)
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def linked() -> Sender:
    """A Baileys sender with a session that nobody holds."""
    sender = make_sender(make_organization(), provider=Provider.BAILEYS, is_linked=True)
    worker = leases.register(name="one", capacity=10)
    [held] = leases.take(worker_id=worker.pk, limit=10)
    keys: dict[tuple[str, str], str | None] = {("session", f"{n}"): json.dumps({"n": n}) for n in range(50)}
    rows.write(worker.pk, {sender.pk: SenderWrites(held.epoch, keys, '{"me": 1}')})
    leases.release(worker_id=worker.pk, sender_id=sender.pk, epoch=held.epoch)
    Sender.objects.filter(pk=sender.pk).update(wanted=False, status=SenderStatus.DISCONNECTED)
    return sender


@pytest.fixture
def empty(linked: Sender) -> Sender:
    """Another one, which was never linked, after the first has lost everything."""
    Sender.objects.filter(pk=linked.pk).update(phone_number="")
    return make_sender(
        linked.organization, provider=Provider.BAILEYS, phone_number="", wanted=False, status=SenderStatus.DISCONNECTED
    )


def export(sender: Sender, path: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("export_session", "--sender", str(sender.pk), "--output", str(path), *arguments, stdout=out)
    return out.getvalue()


def import_(sender: Sender, *arguments: str) -> str:
    out = StringIO()
    call_command("import_session", "--sender", str(sender.pk), *arguments, stdout=out)
    return out.getvalue()


def test_a_session_moves_with_all_that_keeps_it_linked(linked: Sender, tmp_path: Path) -> None:
    path, number = tmp_path / "shop.session", linked.phone_number
    assert "with 50 keys" in export(linked, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b'"me' not in path.read_bytes().split(b"\n")[1]  # the quote as well: the letters alone occur in any base64
    Sender.objects.filter(pk=linked.pk).update(phone_number="")
    other = make_sender(linked.organization, provider=Provider.BAILEYS, phone_number="", wanted=False)
    make_lease(other, epoch=7)
    SessionLease.objects.filter(sender=other).update(worker=None)
    assert "Connect it now" in import_(other, "--file", str(path))
    assert rows.read_credentials(other.pk) == '{"me": 1}'
    assert rows.read_all(other.pk)[1] == rows.read_all(linked.pk)[1]
    other.refresh_from_db()
    assert (other.phone_number, other.is_linked) == (number, True)
    assert SessionLease.objects.get(sender=other).epoch == 8  # who held it before can write nothing any more
    assert {"sender.session_exported", "sender.session_imported"} <= set(
        AuditEntry.objects.values_list("action", flat=True)
    )


def test_a_sender_that_is_connected_is_refused(linked: Sender, empty: Sender, tmp_path: Path) -> None:
    export(linked, tmp_path / "a.session")
    worker = leases.register(name="two", capacity=10)
    SessionLease.objects.update(worker=worker, expires_at=now() + timedelta(minutes=1))
    with pytest.raises(CommandError, match="Disconnect it first"):
        export(linked, tmp_path / "b.session")
    assert not (tmp_path / "b.session").exists()
    make_lease(empty, worker)
    with pytest.raises(CommandError, match="Disconnect it first"):
        import_(empty, "--file", str(tmp_path / "a.session"))
    assert not AuthKey.objects.filter(sender=empty).exists()


def test_what_is_wrong_with_a_file_is_told_apart(
    linked: Sender, empty: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.session"
    export(linked, path)
    whole = path.read_bytes()

    def refusal(content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(CommandError) as refused:
            import_(empty, "--file", str(path))
        return str(refused.value)

    assert "damaged" in refusal(whole[:-10])
    assert "damaged" in refusal(whole.replace(b'"n": 32768', b'"n": 99999999'))
    assert "no file of a session" in refusal(b"PK\x03\x04 a sheet")
    assert "version 2" in refusal(whole.replace(b'"version": 1', b'"version": 2'))
    monkeypatch.setenv("SESSION_FILE_PASSPHRASE", "another passphrase")
    assert refusal(whole) == "The passphrase is wrong."
    assert not AuthCredentials.objects.filter(sender=empty).exists()


def test_the_installations_own_keys_need_no_passphrase(
    linked: Sender, empty: Sender, tmp_path: Path, settings: Any
) -> None:
    path = tmp_path / "a.session"
    export(linked, path, "--use-auth-keys")
    mine = settings.AUTH_STATE_KEYS
    settings.AUTH_STATE_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="not in AUTH_STATE_KEYS"):
        import_(empty, "--file", str(path))
    settings.AUTH_STATE_KEYS = [*settings.AUTH_STATE_KEYS, *mine]
    import_(empty, "--file", str(path))
    assert rows.read_credentials(empty.pk) == '{"me": 1}'


def test_a_session_is_not_overwritten_by_accident(
    linked: Sender, empty: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.session"
    export(linked, path)
    with pytest.raises(CommandError, match="exists already"):
        export(linked, path)
    with pytest.raises(CommandError, match="has a session already"):
        import_(linked, "--file", str(path))
    import_(linked, "--file", str(path), "--replace")
    with pytest.raises(CommandError, match="is not linked"):
        export(empty, tmp_path / "b.session")
    simulated = make_sender(linked.organization, wanted=False)
    with pytest.raises(CommandError, match="connects through"):
        import_(simulated, "--file", str(path))
    monkeypatch.setenv("SESSION_FILE_PASSPHRASE", "short")
    with pytest.raises(CommandError, match="12 characters"):
        export(linked, tmp_path / "c.session")


def test_backups_are_made_when_they_are_due_and_the_newest_are_kept(linked: Sender, settings: Any) -> None:
    tasks.back_up_sessions()
    assert stored_backups._names(linked.pk) == []  # switched off
    settings.SESSION_BACKUP_HOURS, settings.SESSION_BACKUP_KEEP = 24, 2
    seen = []
    for _ in range(4):
        tasks.back_up_sessions()
        tasks.back_up_sessions()  # not due again
        seen += [name for name in stored_backups._names(linked.pk) if name not in seen]
        AuthCredentials.objects.update(backed_up_at=now() - timedelta(hours=25))
    assert len(seen) == 4
    assert stored_backups._names(linked.pk) == seen[-2:]
    assert import_(linked, "--newest-backup", "--replace").count("50 keys") == 1
    assert backup.unseal(stored_backups.newest(linked), None).credentials == '{"me": 1}'


def test_a_backup_is_made_while_the_sender_is_connected(linked: Sender, settings: Any) -> None:
    settings.SESSION_BACKUP_HOURS = 24
    worker = leases.register(name="two", capacity=10)
    SessionLease.objects.update(worker=worker, expires_at=now() + timedelta(minutes=1))
    assert stored_backups.back_up_due() == (1, 0)


def test_a_failure_is_shown_and_the_others_go_on(
    linked: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SESSION_BACKUP_HOURS = 24
    other = make_sender(linked.organization, provider=Provider.BAILEYS)
    AuthCredentials.objects.create(sender=other, data=b"not a token", encrypted_with=1, format=1)
    tasks.back_up_sessions()
    assert AuthCredentials.objects.get(sender=linked).backed_up_at is not None
    broken = AuthCredentials.objects.get(sender=other)
    assert broken.backed_up_at is None
    assert "AUTH_STATE_KEYS" in broken.backup_problem
    assert "1 sessions were backed up and 1 could not be" in caplog.text
    monkeypatch.setattr(type(default_storage._wrapped), "_save", lambda *arguments: 1 / 0)  # type: ignore[attr-defined]
    AuthCredentials.objects.update(backed_up_at=None)
    assert stored_backups.back_up_due() == (0, 2)
    assert "ZeroDivisionError" in AuthCredentials.objects.get(sender=linked).backup_problem
