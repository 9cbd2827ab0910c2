"""Three people throughout: one owns the organization, one is on the team, and one must see nothing of it.

Loaded by `tests/conftest.py` for every test.
"""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import services
from accounts.models import Organization, Role, User

PASSWORD = "correct horse battery staple"


def make_person(email: str, name: str) -> User:
    return User.objects.create_user(email=email, password=PASSWORD, name=name)


@pytest.fixture
def owner(db: None) -> User:
    return make_person("owner@example.com", "Olivia Owner")


def make_organization(owner: User) -> Organization:
    return services.create_organization(
        name="Toko Nusantara", slug="nusantara", owner=owner, time_zone="Asia/Jakarta", default_region="ID"
    )


@pytest.fixture
def organization(owner: User) -> Organization:
    return make_organization(owner)


@pytest.fixture
def teammate(organization: Organization) -> User:
    """A viewer: on the team, and may change nothing."""
    person = make_person("teammate@example.com", "Tomi Teammate")
    services.add_member(organization=organization, user=person, role=Role.VIEWER)
    return person


@pytest.fixture
def outsider(db: None) -> User:
    """Owns another organization, and so may do everything there and nothing here."""
    return make_person("outsider@example.com", "Oscar Outsider")


@pytest.fixture
def other_organization(outsider: User) -> Organization:
    return services.create_organization(name="Kopi Senja", slug="kopi", owner=outsider)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def owner_client(owner: User, organization: Organization) -> Client:
    return signed_in(owner)


@pytest.fixture
def teammate_client(teammate: User) -> Client:
    return signed_in(teammate)


@pytest.fixture
def outsider_client(outsider: User, other_organization: Organization) -> Client:
    return signed_in(outsider)


def api_client(organization: Organization, *scopes: str) -> APIClient:
    """A client with a new API key: of these scopes, or of all where none are named."""
    _key, plain = services.create_api_key(organization=organization, name="Tests", scopes=scopes or None)
    return APIClient(headers={"X-Api-Key": plain})


@pytest.fixture
def owner_api(organization: Organization) -> APIClient:
    """The API with a key of the organization that may do everything."""
    return api_client(organization)


@pytest.fixture
def outsider_api(other_organization: Organization) -> APIClient:
    return api_client(other_organization)
