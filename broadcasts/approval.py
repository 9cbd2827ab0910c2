"""Where campaigns need approval, what reaches as many people needs somebody who may approve."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from accounts.models import Organization
from messaging.services import NotAllowed


def require(organization: Organization, capabilities: Collection[str]) -> None:
    """Raises `NotAllowed` for people and keys that would go around the approval of campaigns."""
    if organization.campaigns_need_approval and "campaigns.approve" not in capabilities:
        raise NotAllowed(
            _(
                "Here campaigns need approval, and so does this: ask an owner or an admin to send it, or make a campaign."
            )
        )
