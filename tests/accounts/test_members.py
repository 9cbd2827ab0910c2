"""Who belongs to an organization, in which role, and who may change that."""

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import services
from accounts.models import AuditEntry, Membership, Organization, Role, User
from tests.fixtures_people import make_person


def role_of(user: User) -> str:
    return Membership.objects.get(user=user).role


def test_an_organization_starts_with_its_owner(organization: Organization, owner: User) -> None:
    assert role_of(owner) == Role.OWNER
    assert list(AuditEntry.objects.values_list("action", flat=True).order_by("id")) == [
        "organization.created",
        "member.added",
    ]


def test_slugs_are_made_and_never_clash(db: None) -> None:
    names = ["Toko Nusantara", "Toko Nusantara", "Toko: Nusantara!", "東京"]
    slugs = [services.create_organization(name=name).slug for name in names]
    assert slugs == ["toko-nusantara", "toko-nusantara-2", "toko-nusantara-3", "organization"]


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"time_zone": "Mars/Olympus"}, {"default_region": "XX"}, {"slug": "no slug"}]
)
def test_a_wrong_organization_is_not_made(db: None, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        services.create_organization(**({"name": "Shop"} | wrong))
    assert not Organization.objects.exists()


def test_changes_are_written_down(organization: Organization, owner: User) -> None:
    services.change_organization(organization=organization, by=owner, name="New", timezone="Asia/Jakarta")
    entry = AuditEntry.objects.get(action="organization.changed")
    assert entry.detail == {"changes": {"name": {"from": "Toko Nusantara", "to": "New"}}}
    services.change_organization(organization=organization, by=owner, name="New")
    assert AuditEntry.objects.filter(action="organization.changed").count() == 1


def test_nobody_is_added_twice(organization: Organization, teammate: User) -> None:
    with pytest.raises(ValidationError, match="a member already"):
        services.add_member(organization=organization, user=teammate, role=Role.ADMIN)
    assert role_of(teammate) == Role.VIEWER


def test_an_invitation_makes_an_account_without_a_password(organization: Organization, owner: User) -> None:
    membership = services.invite_member(organization=organization, email="new@Example.com", role=Role.AGENT, by=owner)
    assert not membership.user.has_usable_password()
    assert membership.role == Role.AGENT


def test_an_invitation_finds_an_account_in_any_case(organization: Organization, outsider: User) -> None:
    membership = services.invite_member(organization=organization, email="OUTSIDER@example.COM", role=Role.AGENT)
    assert membership.user == outsider


def test_an_account_that_is_switched_off_is_not_invited(organization: Organization, outsider: User) -> None:
    outsider.is_active = False
    outsider.save()
    with pytest.raises(ValidationError, match="switched off"):
        services.invite_member(organization=organization, email=outsider.email, role=Role.AGENT)


def test_the_last_owner_stays(organization: Organization, owner: User, teammate: User) -> None:
    membership = Membership.objects.get(user=owner)
    with pytest.raises(ValidationError, match="needs an owner"):
        services.remove_member(membership=membership, by=owner)
    with pytest.raises(ValidationError, match="needs an owner"):
        services.change_role(membership=membership, role=Role.ADMIN, by=owner)
    services.change_role(membership=Membership.objects.get(user=teammate), role=Role.OWNER, by=owner)
    services.remove_member(membership=membership, by=owner)
    assert list(Membership.objects.values_list("user", "role")) == [(teammate.pk, Role.OWNER)]


def test_admins_do_not_touch_owners(organization: Organization, owner: User, teammate: User) -> None:
    admin = make_person("admin@example.com", "Ada Admin")
    services.add_member(organization=organization, user=admin, role=Role.ADMIN)
    owners, viewers = Membership.objects.get(user=owner), Membership.objects.get(user=teammate)
    for refused in (
        lambda: services.change_role(membership=owners, role=Role.VIEWER, by=admin),
        lambda: services.change_role(membership=viewers, role=Role.OWNER, by=admin),
        lambda: services.remove_member(membership=owners, by=admin),
        lambda: services.invite_member(organization=organization, email="x@y.com", role=Role.OWNER, by=admin),
    ):
        with pytest.raises(ValidationError, match="Only an owner"):
            refused()
    assert not User.objects.filter(email="x@y.com").exists()  # nothing half made
    services.change_role(membership=viewers, role=Role.MARKETER, by=admin)
    assert role_of(teammate) == Role.MARKETER


def test_owning_another_organization_does_not_help(
    organization: Organization, teammate: User, outsider: User, other_organization: Organization
) -> None:
    with pytest.raises(ValidationError, match="Only an owner"):
        services.change_role(membership=teammate.memberships.get(), role=Role.OWNER, by=outsider)


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_remove_each_other_at_once(organization: Organization, owner: User, teammate: User) -> None:
    services.change_role(membership=teammate.memberships.get(), role=Role.OWNER, by=owner)
    both = list(Membership.objects.filter(role=Role.OWNER).select_related("user"))
    assert len(both) == 2
    together = threading.Barrier(2)
    refused: list[str] = []

    def remove(membership: Membership) -> None:
        together.wait()
        try:
            services.remove_member(membership=membership, by=membership.user)
        except ValidationError as error:
            refused.extend(error.messages)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=[membership]) for membership in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Membership.objects.filter(role=Role.OWNER).count() == 1
    assert len(refused) == 1
