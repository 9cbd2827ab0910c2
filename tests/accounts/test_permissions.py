"""Roles, capabilities, and that no API view forgets to say what it takes."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from accounts import queries, services
from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.permissions import (
    AREAS,
    CAPABILITIES,
    ROLE_CAPABILITIES,
    TOPIC_CAPABILITIES,
    HasCapability,
    capabilities_of,
    capability_for_topic,
    requires,
)

EVERYTHING = set(CAPABILITIES)


def test_every_area_is_seen_and_managed() -> None:
    areas = {f"{area}.{what}" for area in AREAS for what in ("view", "manage")}
    assert areas | {"campaigns.approve"} == EVERYTHING


def test_every_role_has_its_capabilities() -> None:
    assert set(ROLE_CAPABILITIES) == set(Role.values)
    manages = {
        role: {held.partition(".")[0] for held in ROLE_CAPABILITIES[role] if held.endswith(".manage")} for role in Role
    }
    assert manages == {
        Role.OWNER: set(AREAS) - {"workers"},
        Role.ADMIN: set(AREAS) - {"workers"},
        Role.MARKETER: {"campaigns", "contacts", "messages"},
        Role.AGENT: {"messages"},
        Role.VIEWER: set(),
    }
    for role in Role:
        assert {f"{area}.view" for area in AREAS} <= ROLE_CAPABILITIES[role] <= EVERYTHING


def test_holders_hold_what_they_should() -> None:
    assert capabilities_of(None) == set()
    assert capabilities_of(Membership(role="emperor")) == set()
    assert capabilities_of(ApiKey(scopes=["campaigns.view", "everything"])) == {"campaigns.view"}


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_who_manages_the_only_organization_runs_the_installation(
    role: Role, owner: User, organization: Organization
) -> None:
    Membership.objects.update(role=role)
    assert "workers.manage" in capabilities_of(queries.membership_of(owner, organization.slug))


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.VIEWER])
def test_others_do_not(role: Role, owner: User, organization: Organization) -> None:
    Membership.objects.update(role=role)
    assert "workers.manage" not in capabilities_of(queries.membership_of(owner, organization.slug))


def test_beside_other_organizations_only_superusers_run_the_installation(
    owner: User, organization: Organization, other_organization: Organization
) -> None:
    assert "workers.manage" not in capabilities_of(queries.membership_of(owner, organization.slug))
    with pytest.raises(ValidationError, match=r"no scope “workers.manage”"):
        services.create_api_key(organization=organization, name="Fleet", scopes=["workers.manage"], by=owner)
    assert "workers.manage" not in services.create_api_key(organization=organization, name="All", by=owner)[0].scopes
    owner.is_superuser = True
    assert "workers.manage" in capabilities_of(queries.membership_of(owner, organization.slug))
    assert services.create_api_key(organization=organization, name="Fleet", scopes=["workers.manage"], by=owner)


def test_topics_take_a_capability() -> None:
    assert set(TOPIC_CAPABILITIES.values()) <= EVERYTHING
    assert capability_for_topic("batch.12") == "campaigns.view"
    assert capability_for_topic("nonsense.12") is None


def test_a_page_cannot_ask_for_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"campaigns\.mange"):
        requires("campaigns.mange")


def api_views() -> Iterator[tuple[str, Any, Any]]:
    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any, Any]]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))
            elif isinstance(pattern, URLPattern):
                view = getattr(pattern.callback, "cls", None)
                if isinstance(view, type) and issubclass(view, APIView):
                    yield prefix + str(pattern.pattern), view, pattern.callback

    yield from walk(get_resolver().url_patterns, "")


def test_every_api_view_says_what_it_takes() -> None:
    checked = 0
    for address, view, callback in api_views():
        if view.__module__.startswith("drf_spectacular"):
            assert view.permission_classes == [AllowAny]  # the description of the API is public
            continue
        if HasCapability not in view.permission_classes:
            assert AllowAny not in view.permission_classes, address
            checked += 1
            continue
        declared = getattr(view, "capability", {})
        actions = getattr(callback, "actions", None) or {m: m for m in view.http_method_names if hasattr(view, m)}
        for method, action in actions.items():
            if method in ("options", "head"):
                continue
            needed = declared.get(action) or declared.get(method.upper())
            assert needed in EVERYTHING, f"{address}: {view.__name__} declares no capability for {method.upper()}"
            checked += 1
    assert checked
