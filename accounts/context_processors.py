"""What every template can use: the organization, the person's membership and capabilities, the switch."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import queries
from accounts.permissions import capabilities_of


def organization(request: HttpRequest) -> dict[str, Any]:
    """`memberships` is read only by templates that show the switch."""
    membership = getattr(request, "membership", None)
    user = getattr(request, "user", None)
    return {
        "organization": getattr(request, "organization", None),
        "membership": membership,
        "capabilities": capabilities_of(membership),
        "memberships": SimpleLazyObject(
            lambda: list(queries.memberships_of(user)) if user is not None and user.is_authenticated else []
        ),
    }
