"""Linking through a running worker: by QR code, by pairing code, changing one's mind, and logging out."""

import pytest

from senders import linking, services
from senders.models import Sender, SenderStatus
from session_service import sessions
from session_service.models import AuthCredentials
from session_service.providers.simulated import network
from session_service.providers.simulated.provider import SimulatedSession
from tests.factories import make_organization, make_sender
from tests.session_service.running import running_worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "+6281112345678"


@pytest.fixture
def sender() -> Sender:
    """Disconnected, never linked."""
    return make_sender(make_organization(), phone_number="", wanted=False, status=SenderStatus.DISCONNECTED)


def is_in(sender: Sender, status: SenderStatus) -> bool:
    sender.refresh_from_db()
    return sender.status == status


def test_a_pairing_code_links_the_number_that_was_given(sender: Sender) -> None:
    services.request_connect(sender=sender, pairing_number=NUMBER)
    with running_worker():
        wait_until(lambda: linking.shown_pairing_code(sender.pk), "the code is shown")
        code = linking.shown_pairing_code(sender.pk)
        assert code is not None
        assert len(code.code) == 8
        assert code.halves == f"{code.code[:4]}-{code.code[4:]}"
        assert is_in(sender, SenderStatus.SCAN)
        assert network.scan(code=code.code) == NUMBER
        wait_until(lambda: is_in(sender, SenderStatus.CONNECTED), "the sender is connected")
    assert (sender.phone_number, sender.pairing_number, sender.is_linked) == (NUMBER, "", True)
    assert linking.shown(sender.pk) is None


def test_one_may_change_from_qr_code_to_pairing_code_and_back(sender: Sender) -> None:
    services.request_connect(sender=sender)
    with running_worker():
        wait_until(lambda: linking.shown_qr(sender.pk), "the QR code is shown")
        services.request_connect(sender=sender, pairing_number=NUMBER)
        wait_until(lambda: linking.shown_pairing_code(sender.pk), "the pairing code is shown")
        assert linking.shown_qr(sender.pk) is None
        services.request_connect(sender=sender)
        wait_until(lambda: linking.shown_qr(sender.pk), "the QR code is shown again")
        network.scan(sender_id=sender.pk)
        wait_until(lambda: is_in(sender, SenderStatus.CONNECTED), "the sender is connected")


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "disconnected"])
def test_logging_out_unlinks_the_phone(sender: Sender, connected: bool) -> None:
    network.link(NUMBER, sender.pk)
    Sender.objects.update(phone_number=NUMBER, is_linked=True, wanted=connected)
    with running_worker():
        if connected:
            wait_until(lambda: is_in(sender, SenderStatus.CONNECTED), "the sender is connected")
        services.request_logout(sender=sender)
        wait_until(lambda: is_in(sender, SenderStatus.LOGGED_OUT), "the sender is logged out")
    assert (sender.wanted, sender.logging_out, sender.is_linked) == (False, False, False)
    assert sender.status_detail == "It was logged out here."
    with pytest.raises(network.NotLinked):
        network.logout_phone(NUMBER)


def test_logging_out_where_the_network_does_not_answer_throws_the_credentials_away(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheard(session: SimulatedSession) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(SimulatedSession, "log_out", unheard)
    monkeypatch.setattr(sessions, "LOG_OUT_SECONDS", 0.5)
    network.link(NUMBER, sender.pk)
    Sender.objects.update(phone_number=NUMBER, is_linked=True, wanted=True)
    AuthCredentials.objects.create(sender=sender, data=b"x", encrypted_with=1, format=1)
    with running_worker():
        wait_until(lambda: is_in(sender, SenderStatus.CONNECTED), "the sender is connected")
        services.request_logout(sender=sender)
        wait_until(lambda: is_in(sender, SenderStatus.LOGGED_OUT), "the sender is logged out")
    assert "Remove this device there" in sender.status_detail
    assert not AuthCredentials.objects.exists()
