"""Forgotten, chosen and changed passwords."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts import services
from accounts.models import Organization, Role, User
from accounts.pages.sign_in import RESET_MAILS
from tests.fixtures_people import PASSWORD, signed_in

NEW = "an entirely new passphrase"


@pytest.fixture
def forget(django_capture_on_commit_callbacks):
    def forget(email: str, client: Client | None = None):
        with django_capture_on_commit_callbacks(execute=True):
            return (client or Client()).post("/accounts/password-reset", {"email": email})

    return forget


def address_in(message: mail.EmailMessage) -> str:
    found = re.search(r"http://\S+", str(message.body))
    assert found, message.body
    return found[0]


def choose(address: str, password: str = NEW, client: Client | None = None):
    client = client or Client()
    form = client.get(address, follow=True)
    if not form.redirect_chain:
        return form
    again = {"new_password1": password, "new_password2": password}
    return client.post(form.redirect_chain[-1][0], again, follow=True)


def test_from_the_forgotten_password_to_the_new_one(owner: User, forget, settings) -> None:
    settings.BASE_URL = "http://shop.example"
    assert forget("Owner@Example.com").headers["Location"] == "/accounts/password-reset/sent"
    [message] = mail.outbox
    assert message.to == ["owner@example.com"]
    address = address_in(message)
    assert address.startswith("http://shop.example/accounts/password-reset/")
    response = choose(address)
    assert "Your new password is set" in response.text
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert "This link does not work any more" in choose(address).text  # it worked once


def test_a_forged_host_does_not_get_into_the_mail(owner: User, forget) -> None:
    forget(owner.email, Client(headers={"Host": "localhost"}))
    assert "localhost" not in mail.outbox[0].body


def test_whether_there_is_an_account_stays_unknown(owner: User, forget) -> None:
    known, unknown = forget(owner.email), forget("nobody@example.com")
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert len(mail.outbox) == 1


def test_a_mailbox_is_not_flooded(owner: User, forget) -> None:
    for _ in range(RESET_MAILS.tries + 3):
        assert forget(owner.email).status_code == 302
    assert len(mail.outbox) == RESET_MAILS.tries


def test_accounts_that_are_switched_off_get_no_mail(owner: User, forget) -> None:
    owner.is_active = False
    owner.save()
    forget(owner.email)
    assert mail.outbox == []


def test_invited_people_whose_mail_got_lost_can_ask_again(organization: Organization, forget) -> None:
    services.invite_member(organization=organization, email="new@example.com", role=Role.AGENT)
    forget("new@example.com")
    choose(address_in(mail.outbox[0]))
    assert User.objects.get(email="new@example.com").check_password(NEW)


@pytest.mark.parametrize("bad", ["short", "password123", "owner@example.com"])
def test_weak_passwords_are_refused_with_a_reason(owner: User, forget, bad: str) -> None:
    forget(owner.email)
    response = choose(address_in(mail.outbox[0]), bad)
    assert response.status_code == 422
    assert 'class="form-error"' in response.text
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_a_changed_password_ends_every_other_session(owner: User, organization: Organization) -> None:
    here, elsewhere = signed_in(owner), signed_in(owner)
    answers = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/accounts/password", answers).status_code == 302
    assert here.get("/accounts/profile").status_code == 200
    assert elsewhere.get("/accounts/profile").status_code == 302


def test_a_password_is_changed_only_by_who_knows_it(owner: User, organization: Organization) -> None:
    answers = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    assert signed_in(owner).post("/accounts/password", answers).status_code == 422
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_a_name_is_changed(owner: User, organization: Organization) -> None:
    signed_in(owner).post("/accounts/profile", {"name": "Olivia O."})
    owner.refresh_from_db()
    assert owner.name == "Olivia O."
