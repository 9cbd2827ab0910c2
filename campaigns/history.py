"""What people did with a campaign: for its page, and for the organization's audit log."""

from typing import Any

from accounts.models import ApiKey, User
from accounts.services import Actor, record
from campaigns.models import Campaign, CampaignChange


def note(
    campaign: Campaign,
    by: Actor,
    what: str,
    *,
    status: str = "",
    changes: dict[str, Any] | None = None,
    remark: str = "",
    notice_due: bool = False,
    **detail: str,
) -> CampaignChange:
    """Writes down that somebody did something with a campaign; `status` is the one before where it has changed by
    now, `detail` goes into the audit log only. Call it in the transaction that did it."""
    changed = sorted(changes or {})
    record(
        organization=campaign.organization,
        by=by,
        action=f"campaign.{what}",
        target=str(campaign),
        **({"changed": changed} if changed else {}),
        **detail,
    )
    return CampaignChange.objects.create(
        organization_id=campaign.organization_id,
        campaign=campaign,
        user=by if isinstance(by, User) else None,
        api_key=by if isinstance(by, ApiKey) else None,
        what=what,
        status=status or campaign.status,
        changes=changes or {},
        remark=remark,
        notice_due=notice_due,
    )
