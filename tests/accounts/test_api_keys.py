"""Keys of programs: what is stored of them, when they work, how often, and for what."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import ApiKey, AuditEntry, Organization, User
from accounts.permissions import CAPABILITIES
from tests.fixtures_people import api_client

ANY_ADDRESS = "/api/websocket-tickets"
ANY_CONTENT = {"topic": "batch.1"}


def ask(client: APIClient):
    return client.post(ANY_ADDRESS, ANY_CONTENT)


def test_a_key_is_shown_once_and_stored_as_a_digest(organization: Organization, owner: User) -> None:
    key, plain = services.create_api_key(organization=organization, name="Shop", by=owner)
    stored = ApiKey.objects.values().get(pk=key.pk)
    assert plain.startswith(stored["prefix"])
    assert len(plain) >= 43  # 256 random bits
    assert plain not in str(stored)
    entry = AuditEntry.objects.get(action="api_key.created")
    assert (entry.user, entry.target) == (owner, "Shop")
    assert plain not in str(entry.detail)


def test_a_valid_key_comes_in(owner_api: APIClient) -> None:
    assert ask(owner_api).status_code == 201


def test_no_key_is_told_how_to_come_in(db: None) -> None:
    response = ask(APIClient())
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'ApiKey header="X-Api-Key"'


def test_a_wrong_key_is_refused(db: None) -> None:
    response = ask(APIClient(headers={"X-Api-Key": "wa_wrong"}))
    assert response.status_code == 401
    assert "no such API key" in response.json()["detail"]


def test_a_revoked_key_is_refused(organization: Organization, owner_api: APIClient) -> None:
    key = ApiKey.objects.get()
    services.revoke_api_key(key=key, by=None)
    response = ask(owner_api)
    assert response.status_code == 401
    assert "revoked" in response.json()["detail"]
    first = ApiKey.objects.get().revoked_at
    services.revoke_api_key(key=key, by=None)
    assert ApiKey.objects.get().revoked_at == first
    assert AuditEntry.objects.filter(action="api_key.revoked").count() == 1


def test_an_expired_key_is_refused(owner_api: APIClient) -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = ask(owner_api)
    assert response.status_code == 401
    assert "expired" in response.json()["detail"]


def test_use_is_noted_at_most_once_a_minute(owner_api: APIClient, django_assert_num_queries) -> None:
    with django_assert_num_queries(2):
        ask(owner_api)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        ask(owner_api)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    ask(owner_api)
    assert ApiKey.objects.get().last_used_at > first


def test_a_scope_limits_what_a_key_may_do(organization: Organization) -> None:
    sender_only = api_client(organization, "senders.view")
    assert ask(sender_only).status_code == 403
    assert sender_only.post(ANY_ADDRESS, {"topic": "sender.1"}).status_code == 201


def test_a_scope_that_was_never_defined_gives_nothing(owner_api: APIClient) -> None:
    ApiKey.objects.update(scopes=["everything"])
    assert ask(owner_api).status_code == 403


def test_requests_are_limited_by_the_key(owner_api: APIClient, other_organization: Organization) -> None:
    ApiKey.objects.update(requests_per_minute=3)
    unlimited = api_client(other_organization)
    statuses = [ask(owner_api).status_code for _ in range(3)]
    refused = ask(owner_api)
    if refused.status_code == 201:  # the minute turned over in between: the next one is full after three as well
        statuses = [ask(owner_api).status_code for _ in range(2)]
        refused = ask(owner_api)
    assert set(statuses) == {201}
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ask(unlimited).status_code == 201


def test_requests_are_limited_by_the_setting_otherwise(owner_api: APIClient, settings) -> None:
    settings.API_KEY_REQUESTS_PER_MINUTE = 2
    assert 429 in [ask(owner_api).status_code for _ in range(5)]


@pytest.mark.parametrize(
    ("fields", "wrong_field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "N", "scopes": []}, "scopes"),
        ({"name": "N", "scopes": ["campaigns.view", "everything"]}, "scopes"),
        ({"name": "N", "expires_at": timezone.now() - timedelta(days=1)}, "expires_at"),
    ],
)
def test_wrong_keys_are_not_made(organization: Organization, fields: dict, wrong_field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        services.create_api_key(organization=organization, **fields)
    assert list(caught.value.message_dict) == [wrong_field]
    assert not ApiKey.objects.exists()


def test_the_command_prints_the_key_alone(organization: Organization, capsys) -> None:
    call_command("create_api_key", organization="nusantara", name="Script")
    plain = capsys.readouterr().out.removesuffix("\n")
    assert plain.isascii()
    assert " " not in plain
    assert "\n" not in plain
    assert ask(APIClient(headers={"X-Api-Key": plain})).status_code == 201
    assert set(ApiKey.objects.get().scopes) == set(CAPABILITIES)


def test_the_command_limits_scopes_and_time(organization: Organization, capsys) -> None:
    call_command(
        "create_api_key", organization="nusantara", name="Script", scopes=["messages.manage"], expires_days=30
    )
    key = ApiKey.objects.get()
    assert key.scopes == ["messages.manage"]
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)


def test_the_command_names_the_organizations_there_are(organization: Organization) -> None:
    with pytest.raises(CommandError, match=r"'demo'.*Known: nusantara"):
        call_command("create_api_key", organization="demo", name="Script")
    with pytest.raises(CommandError, match="everything"):
        call_command("create_api_key", organization="nusantara", name="Script", scopes=["everything"])
