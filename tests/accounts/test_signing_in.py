"""Signing in and out, and what happens to pages when a session has ended."""

import pytest
from django.test import Client

from accounts import services
from accounts.forms import WRONG_PASSWORDS, WRONG_PASSWORDS_IN_ALL
from accounts.models import Organization, User
from tests.fixtures_people import PASSWORD, signed_in

LOGIN = "/accounts/login"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/o/nusantara/settings/members?page=2"}


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str):
    return client.post(LOGIN, {"email": email, "password": password, **more})


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_signing_in_leads_to_the_organization(organization: Organization) -> None:
    client = Client()
    response = sign_in(client, "OWNER@example.com")
    assert response.headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/o/nusantara"


@pytest.mark.parametrize(("email", "password"), [("owner@example.com", "wrong"), ("nobody@example.com", PASSWORD)])
def test_wrong_is_wrong_without_telling_which(organization: Organization, email: str, password: str) -> None:
    response = sign_in(Client(), email, password)
    assert response.status_code == 422
    assert "This email address and password do not belong together." in response.text


def test_an_account_that_is_switched_off_stays_out(owner: User) -> None:
    owner.is_active = False
    owner.save()
    assert sign_in(Client(), owner.email).status_code == 422


def test_next_leads_on_but_never_away(organization: Organization) -> None:
    assert (
        sign_in(Client(), "owner@example.com", next="/o/nusantara/settings").headers["Location"]
        == "/o/nusantara/settings"
    )
    for strange in ("https://evil.example", "//evil.example", "javascript:alert(1)"):
        assert sign_in(Client(), "owner@example.com", next=strange).headers["Location"] == "/"
        assert strange not in Client().get(LOGIN, {"next": strange}).text


def test_passwords_cannot_be_guessed(organization: Organization) -> None:
    for _ in range(WRONG_PASSWORDS.tries):
        assert "do not belong together" in sign_in(Client(), "owner@example.com", "wrong").text
    right_but_late = sign_in(Client(), "owner@example.com")
    assert right_but_late.status_code == 422
    assert "Too many tries. Try again in" in right_but_late.text
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7"), "owner@example.com").status_code == 302


def test_one_client_cannot_try_many_accounts(organization: Organization) -> None:
    for number in range(WRONG_PASSWORDS_IN_ALL.tries):
        sign_in(Client(), f"person{number}@example.com", "wrong")
    assert "Too many tries" in sign_in(Client(), "owner@example.com").text


def test_signing_in_well_does_not_count(organization: Organization) -> None:
    for _ in range(WRONG_PASSWORDS.tries * 2):
        assert sign_in(Client(), "owner@example.com").status_code == 302


def test_signing_out_takes_a_button(owner_client: Client) -> None:
    assert owner_client.get("/accounts/logout").status_code == 405
    response = owner_client.post("/accounts/logout", follow=True)
    assert said(response) == ["You are signed out."]
    assert owner_client.get("/o/nusantara/settings").status_code == 302


def test_a_newcomer_is_asked_to_sign_in_without_a_reproach(organization: Organization) -> None:
    response = Client().get("/o/nusantara/settings?x=1", follow=True)
    assert response.redirect_chain[-1][0] == "/accounts/login?next=/o/nusantara/settings%3Fx%3D1"
    assert said(response) == []


def test_an_ended_session_is_said(organization: Organization) -> None:
    client = Client()
    client.cookies["sessionid"] = "ended"
    assert said(client.get("/o/nusantara/settings", follow=True)) == ["Your session has expired. Sign in again."]


def test_an_ended_session_in_a_part_of_a_page_leads_back_to_the_page(organization: Organization) -> None:
    client = Client()
    client.cookies["sessionid"] = "ended"
    response = client.post("/o/nusantara/settings/members/invite", headers=HTMX)
    assert response.status_code == 200
    assert response.headers["HX-Redirect"] == "/accounts/login?next=/o/nusantara/settings/members%3Fpage%3D2"
    assert said(client.get(LOGIN)) == ["Your session has expired. Sign in again."]


def test_a_form_that_outlived_its_session(organization: Organization, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.post("/accounts/profile", {"name": "X"})
    assert page.status_code == 403
    assert "Your session has expired" in page.text
    assert "/accounts/login?next=%2Faccounts%2Fprofile" in page.text
    part = client.post("/accounts/profile", {"name": "X"}, headers=HTMX)
    assert "HX-Redirect" in part.headers
    client.force_login(owner)
    assert "This page was out of date" in client.post("/accounts/profile", {"name": "X"}).text
    assert client.post("/accounts/profile", {"name": "X"}, headers=HTMX).headers["HX-Refresh"] == "true"
    owner.refresh_from_db()
    assert owner.name == "Olivia Owner"


def test_who_belongs_nowhere_learns_what_to_do(outsider: User) -> None:
    response = signed_in(outsider).get("/")
    assert response.status_code == 200
    assert "invite outsider@example.com" in response.text


def test_start_remembers_the_organization_opened_last(owner: User, organization: Organization) -> None:
    services.create_organization(name="A first in the alphabet", slug="alpha", owner=owner)
    client = signed_in(owner)
    assert client.get("/").headers["Location"] == "/o/alpha"
    client.get("/o/nusantara/settings")
    assert client.get("/").headers["Location"] == "/o/nusantara"
    organization.memberships.filter(user=owner).delete()
    assert client.get("/").headers["Location"] == "/o/alpha"
