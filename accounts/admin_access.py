"""Who sees and does what in the admin: superusers everything, other staff what their roles allow.

Django's own permission tables are not used: a capability of `accounts.permissions` decides, as on the pages.
"""

from typing import Any, Final

from accounts import queries
from accounts.models import Organization, User
from accounts.permissions import capabilities_of

_KEY: Final = "_admin_access"


class Access:
    """The capabilities of one person in each of his or her organizations."""

    def __init__(self, user: User) -> None:
        self.is_superuser = user.is_active and user.is_superuser
        memberships = [] if self.is_superuser else list(queries.memberships_of(user))
        self._capabilities = {membership.organization_id: capabilities_of(membership) for membership in memberships}
        self._organizations = [membership.organization for membership in memberships]

    def organization_ids(self, capability: str) -> list[int] | None:
        """The organizations where the person holds `capability`; None stands for all there are."""
        if self.is_superuser:
            return None
        return [number for number, capabilities in self._capabilities.items() if capability in capabilities]

    def may(self, capability: str, organization_id: int | None = None) -> bool:
        """Whether the person holds `capability` there or, where no organization is named, in any."""
        if self.is_superuser:
            return True
        if organization_id is not None:
            return capability in self._capabilities.get(organization_id, frozenset())
        return bool(self.organization_ids(capability))

    def organizations(self, capability: str) -> list[Organization]:
        """By name."""
        if self.is_superuser:
            return list(Organization.objects.all())
        return [each for each in self._organizations if capability in self._capabilities[each.pk]]


def access_of(request: Any) -> Access:
    """Read once a request: many questions are asked while one page is made."""
    access: Access | None = getattr(request, _KEY, None)
    if access is None:
        access = Access(request.user)
        setattr(request, _KEY, access)
    return access
