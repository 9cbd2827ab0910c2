"""Settings, members and API keys as people see them."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.permissions import CAPABILITIES

SETTINGS = "/o/nusantara/settings"
MEMBERS = f"{SETTINGS}/members"
KEYS = f"{SETTINGS}/api-keys"
VALID = {"name": "Toko Baru", "timezone": "Asia/Makassar", "default_region": "MY", "accent_colour": "#336699"}


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_settings_are_saved(owner_client: Client, organization: Organization) -> None:
    response = owner_client.post(SETTINGS, {**VALID, "own_accent": "on"}, follow=True)
    assert said(response) == ["The settings are saved."]
    organization.refresh_from_db()
    assert {name: getattr(organization, name) for name in VALID} == VALID
    assert "--accent: #336699" in response.text
    owner_client.post(SETTINGS, VALID)
    organization.refresh_from_db()
    assert organization.accent_colour == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"timezone": "Mars/Olympus"},
        {"default_region": "XX"},
        {"accent_colour": "red;}", "own_accent": "on"},
    ],
)
def test_wrong_settings_are_refused_beside_their_field(
    owner_client: Client, organization: Organization, wrong: dict[str, str]
) -> None:
    response = owner_client.post(SETTINGS, {**VALID, **wrong})
    assert response.status_code == 422
    field = next(iter(wrong))
    assert list(response.context["form"].errors) == [field]
    assert f'aria-describedby="id_{field}_' in response.text
    assert f'id="id_{field}_error"' in response.text
    assert "Toko Nusantara" in response.text  # what is stored is still what is shown around the form
    organization.refresh_from_db()
    assert organization.name == "Toko Nusantara"


def test_the_team_sees_the_members_and_changes_nothing(teammate_client: Client, owner: User) -> None:
    response = teammate_client.get(MEMBERS)
    assert "Olivia Owner" in response.text
    assert "<select" not in response.text
    assert "Invite" not in response.text
    membership = Membership.objects.get(user=owner)
    for address in (
        SETTINGS,
        f"{MEMBERS}/invite",
        f"{MEMBERS}/{membership.pk}/role",
        f"{MEMBERS}/{membership.pk}/remove",
        KEYS,
        f"{KEYS}/new",
    ):
        refused = teammate_client.post(address, {"role": "viewer"})
        assert refused.status_code == 403, address
        assert "You are Viewer in Toko Nusantara" in refused.text
    assert Membership.objects.filter(role=Role.OWNER).count() == 1


def test_an_invitation_goes_out_with_a_link(
    owner_client: Client, organization: Organization, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = owner_client.post(f"{MEMBERS}/invite", {"email": "new@example.com", "role": "marketer"})
    assert response.headers["Location"] == MEMBERS
    [message] = mail.outbox
    assert message.subject == "Olivia Owner invites you to Toko Nusantara"
    assert "as Marketer" in message.body
    assert "/accounts/password-reset/" in message.body
    again = owner_client.post(f"{MEMBERS}/invite", {"email": "new@example.com", "role": "marketer"})
    assert again.status_code == 422
    assert "is a member already" in again.text
    assert "Invited" in owner_client.get(MEMBERS).text


def test_who_has_an_account_is_invited_to_sign_in(
    owner_client: Client, outsider: User, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        owner_client.post(f"{MEMBERS}/invite", {"email": outsider.email, "role": "agent"})
    assert "password-reset" not in mail.outbox[0].body
    assert "Sign in with your account" in mail.outbox[0].body


def test_a_role_is_changed_and_a_member_removed(owner_client: Client, teammate: User) -> None:
    membership = teammate.memberships.get()
    changed = owner_client.post(f"{MEMBERS}/{membership.pk}/role", {"role": "agent"}, follow=True)
    assert said(changed) == ["The role of Tomi Teammate is changed."]
    assert teammate.memberships.get().role == Role.AGENT
    refused = owner_client.post(f"{MEMBERS}/{membership.pk}/role", {"role": "emperor"}, follow=True)
    assert said(refused) == ["There is no such role."]
    removed = owner_client.post(f"{MEMBERS}/{membership.pk}/remove", follow=True)
    assert said(removed) == ["Tomi Teammate is no longer a member of Toko Nusantara."]
    assert not teammate.memberships.exists()


def test_the_last_owner_cannot_leave(owner_client: Client, owner: User) -> None:
    membership = owner.memberships.get()
    response = owner_client.post(f"{MEMBERS}/{membership.pk}/remove", follow=True)
    assert said(response) == ["An organization needs an owner. Make somebody else an owner first."]


def test_a_key_is_shown_once(owner_client: Client, owner: User) -> None:
    assert "No API keys yet" in owner_client.get(KEYS).text
    form = {"name": "Shop checkout", "scopes": ["messages.manage"], "expires": "30"}
    created = owner_client.post(f"{KEYS}/new", form)
    found = re.search(r'id="new-key">(wa_[\w-]{43})<', created.text)
    assert found
    assert "no-store" in created.headers["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.scopes, key.created_by) == (["messages.manage"], owner)
    assert found[1] not in owner_client.get(KEYS).text
    reloaded = owner_client.post(f"{KEYS}/new", form)
    assert reloaded.status_code == 422
    assert ApiKey.objects.count() == 1


def test_a_key_needs_a_scope(owner_client: Client) -> None:
    response = owner_client.post(f"{KEYS}/new", {"name": "Nothing"})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["scopes"]
    shown = {value for value, _label in response.context["form"].fields["scopes"].choices}
    assert shown == set(CAPABILITIES)


def test_a_key_is_revoked(owner_client: Client) -> None:
    owner_client.post(f"{KEYS}/new", {"name": "Shop", "scopes": ["messages.view"]})
    key = ApiKey.objects.get()
    assert said(owner_client.post(f"{KEYS}/{key.pk}/revoke", follow=True)) == ["The key “Shop” is revoked."]
    assert "Revoked" in owner_client.get(KEYS).text
    key.refresh_from_db()
    assert not key.is_usable


def test_times_are_shown_where_the_organization_is(owner_client: Client, organization: Organization) -> None:
    page = owner_client.get(MEMBERS).text
    assert 'data-timezone="Asia/Jakarta"' in page
    assert 'data-timezone-name="WIB"' in page
