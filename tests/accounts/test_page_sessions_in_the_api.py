"""Scripts of our own pages use the API with the session of the page."""

from http.cookies import SimpleCookie

import pytest
from django.test import Client

from accounts import services, tickets
from accounts.models import Organization, Role, User
from tests.fixtures_people import signed_in

ADDRESS = "/api/websocket-tickets"


def ask(client: Client, topic: str = "batch.1", **headers: str):
    return client.post(ADDRESS, {"topic": topic}, content_type="application/json", headers=headers)


def test_a_member_comes_in(owner_client: Client, organization: Organization) -> None:
    response = ask(owner_client)
    assert response.status_code == 201
    assert tickets.redeem(response.json()["ticket"], "batch.1") == organization.pk


def test_a_strange_site_cannot_use_the_session(owner: User, organization: Organization) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = ask(client)
    assert response.status_code == 403
    assert "CSRF" in response.json()["detail"]
    client.cookies["csrftoken"] = "a" * 32
    assert ask(client, **{"X-CSRFToken": "a" * 32}).status_code == 201


def test_the_organization_is_the_one_opened_last_or_named(owner: User, organization: Organization) -> None:
    second = services.create_organization(name="A second shop", slug="second", owner=owner)
    client = signed_in(owner)
    session = client.session
    session["organization"] = organization.slug
    session.save()
    assert tickets.redeem(ask(client).json()["ticket"], "batch.1") == organization.pk
    named = ask(client, **{"X-Organization": "second"})
    assert tickets.redeem(named.json()["ticket"], "batch.1") == second.pk


@pytest.mark.parametrize("slug", ["nusantara", "no-such-one"])
def test_an_organization_of_others_does_not_exist(
    outsider_client: Client, organization: Organization, slug: str
) -> None:
    response = ask(outsider_client, **{"X-Organization": slug})
    assert response.status_code == 404
    assert response.json() == {"detail": "There is no such organization."}


def test_a_member_who_was_removed_is_out_at_once(teammate: User, organization: Organization) -> None:
    client = signed_in(teammate)
    assert ask(client).status_code == 201
    services.remove_member(membership=teammate.memberships.get(), by=None)
    assert ask(client).status_code == 404


def test_the_role_counts(organization: Organization, teammate: User) -> None:
    assert ask(signed_in(teammate)).status_code == 201
    membership = teammate.memberships.get()
    membership.role = "a role of tomorrow"[:10]
    membership.save()
    assert ask(signed_in(teammate)).status_code == 403
    assert membership.role not in Role.values


def test_an_ended_session_is_unauthenticated(organization: Organization) -> None:
    client = Client()
    client.cookies = SimpleCookie({"sessionid": "ended"})
    assert ask(client).status_code == 401
