"""Reads that several callers share: memberships of a person, members and API keys of an organization."""

import hashlib

from django.db.models import QuerySet

from accounts.models import ApiKey, AuditEntry, Membership, Organization, User


def memberships_of(user: User) -> QuerySet[Membership]:
    """With their organizations, by name: what the organization switch shows."""
    return Membership.objects.filter(user=user).select_related("organization").order_by("organization__name", "pk")


def membership_of(user: User, slug: str) -> Membership | None:
    found = memberships_of(user).filter(organization__slug=slug).first()
    if found is not None:
        found.user = user  # whose rights are asked on every page
    return found


def members_of(organization: Organization) -> QuerySet[Membership]:
    return Membership.objects.for_organization(organization).select_related("user").order_by("user__email")


def api_keys_of(organization: Organization) -> QuerySet[ApiKey]:
    return ApiKey.objects.for_organization(organization).select_related("created_by")


def audit_entries_of(organization: Organization) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.for_organization(organization).select_related("user", "api_key")


def hash_of_key(key: str) -> str:
    """What is stored of an API key. A plain digest suffices: a key holds 256 random bits, nobody guesses those."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_api_key(key: str) -> ApiKey | None:
    """The key's row with its organization, whether usable or not; found through the unique index on the digest."""
    return ApiKey.objects.select_related("organization").filter(key_hash=hash_of_key(key)).first()
