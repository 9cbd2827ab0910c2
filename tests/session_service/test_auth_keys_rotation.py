"""`rotate_auth_keys`: everything is encrypted anew, in batches that may be stopped, beside running workers."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from senders.models import Sender
from session_service import leases
from session_service.auth_state import rotation, rows
from session_service.auth_state.encryption import cipher
from session_service.auth_state.rows import SenderWrites
from session_service.models import AuthCredentials, AuthKey
from tests.factories import make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def old() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def new() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def senders(settings: Any, old: str) -> list[Sender]:
    """Three linked senders with twenty keys each, encrypted with the old key."""
    settings.AUTH_STATE_KEYS = [old]
    organization = make_organization()
    made = [make_sender(organization) for _ in range(3)]
    write(made)
    return made


def write(senders: list[Sender], text: str = '"old"') -> None:
    worker = leases.register(name="one", capacity=10)
    epochs = {held.id: held.epoch for held in leases.take(worker_id=worker.pk, limit=10)}
    for sender in senders:
        keys: dict[tuple[str, str], str | None] = {("session", f"{number}"): text for number in range(20)}
        rows.write(worker.pk, {sender.pk: SenderWrites(epochs[sender.pk], keys, text)})
        leases.release(worker_id=worker.pk, sender_id=sender.pk, epoch=epochs[sender.pk])


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_auth_keys", *arguments, stdout=out)
    return out.getvalue()


def marks() -> set[int]:
    return {
        *AuthKey.objects.values_list("encrypted_with", flat=True),
        *AuthCredentials.objects.values_list("encrypted_with", flat=True),
    }


def test_everything_is_read_with_the_new_key_alone_afterwards(
    senders: list[Sender], settings: Any, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_A_BATCH", 7)
    settings.AUTH_STATE_KEYS = [new, old]
    assert "63 rows are encrypted with an older key" in rotate("--check")
    said = rotate()
    assert "63 rows are encrypted anew" in said
    assert "may be taken away" in said
    settings.AUTH_STATE_KEYS = [new]
    assert marks() == {cipher().mark}
    assert rows.read_credentials(senders[2].pk) == '"old"'
    assert len(rows.read_keys([(senders[0].pk, "session", f"{number}") for number in range(20)])) == 20
    assert "0 rows" in rotate()


def test_a_run_that_was_stopped_goes_on_where_it_was(
    senders: list[Sender], settings: Any, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_A_BATCH", 10)
    settings.AUTH_STATE_KEYS = [new, old]

    class Stopped(Exception):
        pass

    def stop(done: rotation.Rotation) -> None:
        if done.done >= 23:
            raise Stopped

    with pytest.raises(Stopped):
        rotation.rotate(stop)
    assert rotation.older_rows() == 40
    assert "40 rows are encrypted anew" in rotate()
    assert rotation.older_rows() == 0


def test_what_a_worker_wrote_meanwhile_stays(senders: list[Sender], settings: Any, old: str, new: str) -> None:
    settings.AUTH_STATE_KEYS = [new, old]
    write(senders[:1], '"newer"')
    rotate()
    assert rows.read_keys([(senders[0].pk, "session", "1"), (senders[1].pk, "session", "1")]) == {
        (senders[0].pk, "session", "1"): '"newer"',
        (senders[1].pk, "session", "1"): '"old"',
    }


def test_what_no_key_decrypts_is_named_and_left_alone(senders: list[Sender], settings: Any, new: str) -> None:
    settings.AUTH_STATE_KEYS = [new]
    write(senders[:1], '"newer"')
    with pytest.raises(CommandError, match=rf"{senders[1].pk} \(21 rows\), {senders[2].pk} \(21 rows\)"):
        rotate()
    assert rotation.older_rows() == 42
