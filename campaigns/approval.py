"""Where an organization demands it: a marketer submits a campaign, an owner or an admin approves it or sends it back.

What is approved is the campaign as it was then: any change afterwards takes the approval away (`campaigns.edits`). It is
asked for at every door through which messages leave: start, resume, being given a time, and the due time itself
(`services.require_approval`). Mails about it are sent by a task, from the history.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.services import Actor
from campaigns import drafts, services, terms
from campaigns.history import note
from campaigns.models import Approval, Campaign, CampaignStatus
from messaging.services import NotAllowed

TO_APPROVE = (CampaignStatus.READING, CampaignStatus.READY, CampaignStatus.SCHEDULED, CampaignStatus.PAUSED)


def submit_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Asks owners and admins for their approval; a draft is finished first. Prepare it afterwards. Raises
    `ValidationError` with the fields' names where the draft is not complete, and `NotAllowed`."""
    with transaction.atomic():
        if campaign.is_draft:
            drafts.finish_draft(campaign=campaign, by=by)
        present = services.locked(campaign.pk)
        _check(present)
        if present.approval == Approval.SUBMITTED:
            raise NotAllowed(_("It waits for approval already."))
        _set(present, Approval.SUBMITTED, by, "submitted")
    campaign.refresh_from_db()


def approve_campaign(*, campaign: Campaign, version: int | None = None, remark: str = "", by: Actor = None) -> None:
    """Lets it be started as it is now; with a `version`, only if it is still that one. Raises `NotAllowed`."""
    with transaction.atomic():
        present = services.locked(campaign.pk)
        _check(present)
        terms.check_version(present, version)
        _set(present, Approval.APPROVED, by, "approved", remark)
    campaign.refresh_from_db()


def return_campaign(*, campaign: Campaign, remark: str, by: Actor = None) -> None:
    """Sends it back to whoever submitted it. Raises `ValidationError` without a remark, and `NotAllowed`."""
    if not remark.strip():
        raise ValidationError({"remark": _("Say what has to be changed.")})
    with transaction.atomic():
        present = services.locked(campaign.pk)
        _check(present)
        if present.approval != Approval.SUBMITTED:
            raise NotAllowed(_("Nobody has submitted it for approval."))
        _set(present, Approval.RETURNED, by, "returned", remark.strip())
    campaign.refresh_from_db()


def _check(campaign: Campaign) -> None:
    if not campaign.organization.campaigns_need_approval:
        raise NotAllowed(_("Campaigns of this organization need no approval."))
    if campaign.approval == Approval.APPROVED:
        raise NotAllowed(_("It is approved already, as it is."))
    services.require(campaign, *TO_APPROVE)


def _set(campaign: Campaign, approval: Approval, by: Actor, what: str, remark: str = "") -> None:
    campaign.approval = approval
    campaign.save(update_fields=["approval"])
    note(campaign, by, what, remark=remark, notice_due=True)
