"""Organizations, members, users and keys in the admin: their forms and actions call the services."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts import queries, services
from accounts.admin import state_of_key
from accounts.models import ApiKey, AuditEntry, Membership, Organization, Role, User
from tests.fixtures_people import signed_in


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser(email="root@example.com", name="Rina Root")


@pytest.fixture
def root(superuser: User) -> Client:
    return signed_in(superuser)


@pytest.fixture
def owner_staff(owner_client: Client, owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    return owner_client


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> str:
    assert response.status_code == 200, "the form was accepted"
    return str(response.context["adminform"].form.errors)


# -- Organizations --

NEW = {"name": "Kopi Fajar", "slug": "", "timezone": "Asia/Makassar", "default_region": "ID"}
NO_MEMBERS = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


def test_a_superuser_makes_an_organization_with_its_owner(root: Client, superuser: User, outsider: User) -> None:
    root.post(reverse("admin:accounts_organization_add"), {**NEW, "owner_email": "OUTSIDER@example.com", **NO_MEMBERS})
    made = Organization.objects.get(slug="kopi-fajar")
    assert made.memberships.get().user == outsider
    assert made.memberships.get().role == Role.OWNER
    assert set(made.audit_entries.values_list("user", "action")) == {
        (superuser.pk, "organization.created"),
        (superuser.pk, "member.added"),
    }


def test_an_owner_nobody_knows_is_refused_and_nothing_is_made(root: Client) -> None:
    values = {**NEW, "owner_email": "nobody@example.com", **NO_MEMBERS}
    assert "no active account" in errors(root.post(reverse("admin:accounts_organization_add"), values))
    assert not Organization.objects.exists()


def test_only_superusers_make_organizations(owner_staff: Client) -> None:
    assert owner_staff.post(reverse("admin:accounts_organization_add"), {**NEW, **NO_MEMBERS}).status_code == 403


def test_changes_of_an_organization_stand_in_the_audit_log(
    owner_staff: Client, owner: User, organization: Organization
) -> None:
    values = {
        "name": "Toko Baru",
        "timezone": "Asia/Jakarta",
        "default_region": "ID",
        "accent_colour": "",
        "slug": "stolen",
        "recent_days": 3,
    }
    owner_staff.post(reverse("admin:accounts_organization_change", args=[organization.pk]), {**values, **NO_MEMBERS})
    organization.refresh_from_db()
    assert (organization.name, organization.slug) == ("Toko Baru", "nusantara")
    entry = AuditEntry.objects.get(action="organization.changed")
    assert entry.user == owner
    assert entry.detail == {"changes": {"name": {"from": "Toko Nusantara", "to": "Toko Baru"}}}


# -- Members --


def invitation(organization: Organization, **values: Any) -> dict[str, Any]:
    return {
        "organization": organization.pk,
        "email": "new@example.com",
        "role": Role.MARKETER,
        "name": "Nur",
        **values,
    }


def test_inviting_makes_the_account_and_sends_a_mail(
    owner_staff: Client, organization: Organization, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        owner_staff.post(reverse("admin:accounts_membership_add"), invitation(organization))
    membership = Membership.objects.get(user__email="new@example.com")
    assert (membership.role, membership.user.name) == (Role.MARKETER, "Nur")
    assert [message.to for message in mail.outbox] == [["new@example.com"]]


def test_inviting_a_member_again_is_an_error_of_the_form(
    owner_staff: Client, organization: Organization, teammate: User
) -> None:
    values = invitation(organization, email=teammate.email)
    assert "is a member already" in errors(owner_staff.post(reverse("admin:accounts_membership_add"), values))


def test_an_admin_makes_nobody_an_owner(organization: Organization, teammate: User) -> None:
    Membership.objects.filter(user=teammate).update(role=Role.ADMIN)
    User.objects.filter(pk=teammate.pk).update(is_staff=True)
    values = invitation(organization, role=Role.OWNER)
    response = signed_in(teammate).post(reverse("admin:accounts_membership_add"), values)
    assert "Only an owner" in errors(response)
    assert not User.objects.filter(email="new@example.com").exists()


def test_nobody_is_invited_into_somebody_elses_organization(
    owner_staff: Client, other_organization: Organization
) -> None:
    response = owner_staff.post(reverse("admin:accounts_membership_add"), invitation(other_organization))
    assert "organization" in errors(response)


def test_the_last_owner_stays(owner_staff: Client, owner: User) -> None:
    membership = owner.memberships.get()
    change = reverse("admin:accounts_membership_change", args=[membership.pk])
    assert "needs an owner" in errors(owner_staff.post(change, {"role": Role.VIEWER}))
    removed = owner_staff.post(reverse("admin:accounts_membership_remove_one", args=[membership.pk]))
    assert "needs an owner" in said(removed)[0]
    membership.refresh_from_db()
    assert membership.role == Role.OWNER


def test_removing_a_member_leads_back_to_the_list(owner_staff: Client, teammate: User) -> None:
    membership = teammate.memberships.get()
    response = owner_staff.post(reverse("admin:accounts_membership_remove_one", args=[membership.pk]))
    assert response.headers["Location"] == reverse("admin:accounts_membership_changelist")
    assert not teammate.memberships.exists()
    assert AuditEntry.objects.filter(action="member.removed").exists()


def test_superusers_may_set_owners_where_they_are_no_members(root: Client, teammate: User) -> None:
    membership = teammate.memberships.get()
    root.post(reverse("admin:accounts_membership_change", args=[membership.pk]), {"role": Role.OWNER})
    membership.refresh_from_db()
    assert membership.role == Role.OWNER


# -- Users --


def test_a_new_user_chooses_the_password_by_mail(root: Client, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        root.post(reverse("admin:accounts_user_add"), {"email": "New@Example.com", "name": "Nur", "is_staff": "on"})
    made = User.objects.get(email__iexact="new@example.com")
    assert made.is_staff
    assert not made.has_usable_password()
    assert "password-reset/" in mail.outbox[0].body


def test_a_password_link_can_be_sent_again(
    root: Client, teammate: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = root.post(reverse("admin:accounts_user_password_link_one", args=[teammate.pk]))
    assert said(response) == ["1 mail is on its way."]
    assert mail.outbox[0].to == [teammate.email]


def test_switching_a_user_off(root: Client, teammate: User) -> None:
    root.post(reverse("admin:accounts_user_change", args=[teammate.pk]), {"name": "Tomi"})
    teammate.refresh_from_db()
    assert (teammate.is_active, teammate.name) == (False, "Tomi")


def test_nobody_takes_the_admin_away_from_himself(root: Client, superuser: User) -> None:
    root.post(reverse("admin:accounts_user_change", args=[superuser.pk]), {"name": "Rina"})
    superuser.refresh_from_db()
    assert superuser.is_active
    assert superuser.is_superuser
    assert superuser.name == "Rina"


# -- API keys --


def new_key(organization: Organization, **values: Any) -> dict[str, Any]:
    return {"organization": organization.pk, "name": "Shop", "scopes": ["messages.view"], "expires": "30", **values}


def test_a_key_is_shown_once(owner_staff: Client, owner: User, organization: Organization) -> None:
    response = owner_staff.post(reverse("admin:accounts_apikey_add"), new_key(organization))
    plain = response.context["plain"]
    assert plain in response.content.decode()
    key = queries.find_api_key(plain)
    assert key is not None
    assert (key.organization, key.scopes, key.created_by) == (organization, ["messages.view"], owner)
    assert key.expires_at is not None
    assert abs(key.expires_at - now() - timedelta(days=30)) < timedelta(minutes=1)
    assert not [value for value in owner_staff.cookies.values() if plain in value.OutputString()]
    for page in ("change", "history"):
        assert plain not in owner_staff.get(reverse(f"admin:accounts_apikey_{page}", args=[key.pk])).content.decode()


def test_a_key_needs_a_scope(owner_staff: Client, organization: Organization) -> None:
    values = new_key(organization, scopes=[])
    assert "scopes" in errors(owner_staff.post(reverse("admin:accounts_apikey_add"), values))
    assert not ApiKey.objects.exists()


def test_keys_are_revoked_in_the_list_after_a_question(owner_staff: Client, organization: Organization) -> None:
    key, _plain = services.create_api_key(organization=organization, name="Shop")
    ticked = {"action": "revoke_selected", ACTION_CHECKBOX_NAME: [key.pk], "index": 0}
    asked = owner_staff.post(reverse("admin:accounts_apikey_changelist"), ticked)
    assert "It cannot be undone" in asked.content.decode()
    assert ApiKey.objects.get(pk=key.pk).is_usable
    owner_staff.post(reverse("admin:accounts_apikey_changelist"), {**ticked, "confirmed": ""})
    assert state_of_key(ApiKey.objects.get(pk=key.pk)) == "revoked"


def test_an_expired_key_says_so(organization: Organization) -> None:
    key, _plain = services.create_api_key(organization=organization, name="Shop")
    key.expires_at = now() - timedelta(seconds=1)
    assert state_of_key(key) == "expired"


# -- Time --


def test_moments_are_in_the_time_zone_of_the_rows_organization(
    root: Client, organization: Organization, other_organization: Organization
) -> None:
    AuditEntry.objects.update(at="2026-03-01T18:00:00Z")
    page = root.get(reverse("admin:accounts_auditentry_changelist")).content.decode()
    assert "2 Mar 2026, 01:00 WIB" in page
    assert "1 Mar 2026, 18:00 UTC" in page
