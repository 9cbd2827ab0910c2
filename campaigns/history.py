"""What people did with a campaign: for its page, and for the organization's audit log."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, User
from accounts.services import Actor, record
from campaigns.models import Approval, Campaign, CampaignChange, CampaignStatus
from messaging.models import Purpose


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


SHOWN = 50
WORDS: Final[dict[str, str | Promise]] = {
    "created": _("Made"),
    "finished": _("Draft finished"),
    "reopened": _("Made a draft again"),
    "edited": _("Changed"),
    "started": _("Started"),
    "paused": _("Paused"),
    "resumed": _("Resumed"),
    "cancelled": _("Cancelled"),
    "scheduled": _("Given a time"),
    "unscheduled": _("Time taken back"),
    "archived": _("Put into the archive"),
    "unarchived": _("Taken out of the archive"),
    "submitted": _("Submitted for approval"),
    "approved": _("Approved"),
    "returned": _("Returned"),
}
FIELDS: Final[dict[str, str | Promise]] = {
    "name": _("Name"),
    "file": _("Uploaded list"),
    "contact_list": _("Contact list"),
    "segment": _("Segment"),
    "excluded_lists": _("Left out, on these lists"),
    "excluded_segments": _("Left out, in these segments"),
    "purpose": _("Purpose"),
    "template": _("Text"),
    "media": _("File"),
    "kind": _("Sent as"),
    "template_version": _("Template"),
    "variant_plan": _("Variants"),
    "track_links": _("Clicks are counted"),
    "senders": _("Senders"),
    "min_delay_ms": _("Shortest pause"),
    "max_delay_ms": _("Longest pause"),
    "windows": _("Sending hours"),
    "timezone": _("Time zone"),
    "recipient_time": _("In each recipient's own time"),
    "typing": _("“typing…” first"),
}


@dataclass(frozen=True)
class Difference:
    """One field that changed, in words; an empty text means that there was nothing."""

    label: str | Promise
    before: str
    after: str


def shown(campaign: Campaign) -> list[dict[str, Any]]:
    """The newest things that people did with it, for its page."""
    newest = CampaignChange.objects.filter(campaign=campaign).select_related("user", "api_key")[:SHOWN]
    return [
        {
            "change": change,
            "what": WORDS.get(change.what, change.what),
            "by": change.user or change.api_key,
            "while_sending": change.what == "edited"
            and change.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED),
            "differences": list(_differences(change.changes)),
        }
        for change in newest
    ]


def _differences(changes: dict[str, Any]) -> Iterator[Difference]:
    for field, change in changes.items():
        label = FIELDS.get(field, field)
        if field == "variant_plan":
            yield Difference(label, _variants(change["from"]), _variants(change["to"]))
        else:
            yield Difference(label, _words(field, change["from"]), _words(field, change["to"]))


def _words(field: str, value: Any) -> str:
    if field.endswith("_delay_ms"):
        return gettext("%(seconds)s s") % {"seconds": f"{value / 1000:g}"}
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if field == "purpose":
        return str(Purpose(value).label)
    if field == "windows":
        return ", ".join(f"{each['from']}–{each['to']}" for each in value) or gettext("at any time")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _variants(plan: dict[str, Any]) -> str:
    return "\n".join(f"{each['name']} ({each['share']} %): {each['text']}" for each in plan["variants"])


def returned_remark(campaign: Campaign) -> str:
    """Why it was returned, as long as it is."""
    if campaign.approval != Approval.RETURNED:
        return ""
    found = CampaignChange.objects.filter(campaign=campaign, what="returned").first()
    return found.remark if found else ""
