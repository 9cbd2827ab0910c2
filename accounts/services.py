"""Every change to organizations, members and API keys. Each one leaves an audit entry in its own transaction."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import queries
from accounts.models import ApiKey, AuditEntry, Membership, Organization, Role, User
from accounts.permissions import CAPABILITIES, INSTALLATION_WIDE

KEY_BEGINS = "wa_"
SHOWN_OF_KEY = 10  # characters kept in plain, so that people recognise their key

Actor = User | ApiKey | None
"""Who did it; None is the system itself."""


def record(*, organization: Organization, by: Actor, action: str, target: str = "", **detail: Any) -> AuditEntry:
    """Writes down that something was done. Never put a secret or a full phone number into `detail`."""
    return AuditEntry.objects.create(
        organization=organization,
        user=by if isinstance(by, User) else None,
        api_key=by if isinstance(by, ApiKey) else None,
        action=action,
        target=target[:200],
        detail=detail,
    )


@transaction.atomic
def create_organization(
    *,
    name: str,
    slug: str = "",
    owner: User | None = None,
    time_zone: str = "UTC",
    default_region: str = "ID",
    by: Actor = None,
) -> Organization:
    """A new tenant; without a slug one is made from the name. Raises ValidationError."""
    organization = Organization(
        name=name, slug=slug or _free_slug(name), timezone=time_zone, default_region=default_region
    )
    organization.full_clean()
    organization.save()
    record(organization=organization, by=by, action="organization.created", target=name)
    if owner is not None:
        add_member(organization=organization, user=owner, role=Role.OWNER, by=by)
    return organization


def _free_slug(name: str) -> str:
    wanted = slugify(name)[:40] or "organization"
    taken = set(Organization.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    candidates = (wanted if n == 1 else f"{wanted}-{n}" for n in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


@transaction.atomic
def change_organization(*, organization: Organization, by: Actor, **fields: Any) -> Organization:
    """Changes name, timezone, default_region, accent_colour, link_address or recent_days. Raises ValidationError."""
    changed = {}
    for field, value in fields.items():
        before = getattr(organization, field)
        if before != value:
            changed[field] = {"from": before, "to": value}
            setattr(organization, field, value)
    organization.full_clean()
    if changed:
        organization.save(update_fields=list(changed))
        record(
            organization=organization,
            by=by,
            action="organization.changed",
            target=organization.name,
            changes=changed,
        )
    return organization


@transaction.atomic
def add_member(*, organization: Organization, user: User, role: str, by: Actor = None) -> Membership:
    """Raises ValidationError when the person is a member already, or `by` may not give this role."""
    _check_may_touch(organization, by, role)
    membership, created = Membership.objects.get_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
    if not created:
        raise ValidationError(_("%(email)s is a member already.") % {"email": user.email})
    record(organization=organization, by=by, action="member.added", target=user.email, role=str(role))
    return membership


@transaction.atomic
def invite_member(
    *, organization: Organization, email: str, role: str, name: str = "", by: Actor = None
) -> Membership:
    """Adds the person with this address, whose account is made when there is none.

    A new account has no password until the link in the invitation mail was used. Raises ValidationError.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email=email, name=name)
    elif not user.is_active:
        raise ValidationError(_("The account %(email)s is switched off.") % {"email": email})
    return add_member(organization=organization, user=user, role=role, by=by)


@transaction.atomic
def change_role(*, membership: Membership, role: str, by: Actor) -> Membership:
    """Raises ValidationError for the last owner, and when `by` may not give or take this role."""
    membership = _locked(membership)
    before = membership.role
    if before == role:
        return membership
    _check_may_touch(membership.organization, by, role, before)
    if before == Role.OWNER:
        _check_not_last_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    record(
        organization=membership.organization,
        by=by,
        action="member.role_changed",
        target=membership.user.email,
        **{"from": before, "to": str(role)},
    )
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: Actor) -> None:
    """Raises ValidationError for the last owner, and when an owner is removed by somebody who is none."""
    membership = _locked(membership)
    _check_may_touch(membership.organization, by, membership.role)
    if membership.role == Role.OWNER:
        _check_not_last_owner(membership)
    membership.delete()
    record(organization=membership.organization, by=by, action="member.removed", target=membership.user.email)


def _locked(membership: Membership) -> Membership:
    """The membership as it is now, with its organization locked: two owners cannot remove each other at once."""
    Organization.objects.select_for_update().get(pk=membership.organization_id)
    return Membership.objects.select_related("organization", "user").get(pk=membership.pk)


def _check_not_last_owner(membership: Membership) -> None:
    others = Membership.objects.filter(organization=membership.organization, role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise ValidationError(_("An organization needs an owner. Make somebody else an owner first."))


def _check_may_touch(organization: Organization, by: Actor, *roles: str) -> None:
    """Only owners make, change or remove owners. The system itself (None) and superusers may do everything."""
    if Role.OWNER not in roles or by is None or (isinstance(by, User) and by.is_superuser):
        return
    acting = queries.membership_of(by, organization.slug) if isinstance(by, User) else None
    if acting is None or acting.role != Role.OWNER:
        raise ValidationError(_("Only an owner can do this with an owner."))


def scopes_for(*, organization: Organization, by: User | None) -> dict[str, Any]:
    """The scopes with their labels that a person may give to a key; all of them on the command line."""
    if by is None or by.is_superuser:
        return CAPABILITIES
    membership = organization.memberships.filter(user=by).first()
    if membership is not None and membership.runs_the_installation:
        return CAPABILITIES
    return {scope: label for scope, label in CAPABILITIES.items() if scope not in INSTALLATION_WIDE}


@transaction.atomic
def create_api_key(
    *,
    organization: Organization,
    name: str,
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
    by: User | None = None,
) -> tuple[ApiKey, str]:
    """Makes a key and returns it with its plain text, which exists nowhere else afterwards.

    Without `scopes` it may do everything that `by` may hand out. Raises ValidationError.
    """
    allowed = scopes_for(organization=organization, by=by)
    wanted = list(allowed) if scopes is None else list(dict.fromkeys(scopes))
    for scope in wanted:
        if scope not in allowed:
            raise ValidationError(
                {
                    "scopes": _("There is no scope “%(scope)s”. Known: %(known)s.")
                    % {"scope": scope, "known": ", ".join(allowed)}
                }
            )
    if not wanted:
        raise ValidationError({"scopes": _("Choose at least one scope.")})
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": _("Choose a moment in the future.")})
    plain = KEY_BEGINS + secrets.token_urlsafe(32)
    key = ApiKey(
        organization=organization,
        name=name,
        prefix=plain[:SHOWN_OF_KEY],
        key_hash=queries.hash_of_key(plain),
        scopes=wanted,
        expires_at=expires_at,
        requests_per_minute=requests_per_minute,
        created_by=by,
    )
    key.full_clean(exclude=["organization", "created_by"])
    key.save()
    record(organization=organization, by=by, action="api_key.created", target=name, scopes=wanted)
    return key, plain


@transaction.atomic
def revoke_api_key(*, key: ApiKey, by: Actor) -> None:
    """The key stops working with the next request. Revoking twice keeps the first moment."""
    changed = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    if changed:
        record(organization=key.organization, by=by, action="api_key.revoked", target=key.name)
