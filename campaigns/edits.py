"""Changing a campaign that is no draft any more, also while it is sent; every change is kept with what was before.

Before the start everything may change; where that decides who gets the message, the audience is fixed anew. Once sending
has begun, a change holds for what is not queued: queued messages have their text, sender and time already, and keep them.
The campaign's batch is locked meanwhile. A pass of the planner holds a share of that lock from before it reads the batch
until its messages are written, so that each message has either the former text or the new one, and no pass mixes both.
"""

from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import live
from accounts.services import Actor
from campaigns import drafts, services, terms
from campaigns.history import note
from campaigns.models import Approval, Campaign, CampaignStatus
from messaging import progress
from messaging.models import BatchStatus
from messaging.services import NotAllowed

SENDING = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)


def change_campaign(*, campaign: Campaign, by: Actor = None, **given: Any) -> None:
    """Changes a draft (as `drafts.save_draft`) or a campaign (as `edit_campaign`). Prepare it afterwards."""
    change = drafts.save_draft if campaign.is_draft else edit_campaign
    change(campaign=campaign, by=by, **given)


def may_change(campaign: Campaign) -> frozenset[str]:
    """The fields that can be changed now."""
    status = campaign.status
    if status == CampaignStatus.DRAFT or _has_not_begun(campaign):
        return frozenset(terms.FIELDS) | {"file"}
    return terms.WHILE_SENDING if status in SENDING else frozenset()


def _has_not_begun(campaign: Campaign) -> bool:
    is_waiting = campaign.batch.status == BatchStatus.READY and not campaign.error
    if campaign.repeats:
        return is_waiting and campaign.status != CampaignStatus.COMPLETED
    return campaign.status in (CampaignStatus.READY, CampaignStatus.SCHEDULED)


def edit_campaign(
    *,
    campaign: Campaign,
    version: int | None = None,
    file: "File[bytes] | None" = None,
    file_name: str = "",
    without_file: bool = False,
    by: Actor = None,
    **given: Any,
) -> None:
    """Changes the given fields (those of `terms.FIELDS`) and writes it down. With a `version` that is no longer the
    campaign's, nothing is changed. An approval is lost with any change.

    Raises `ValidationError` with the fields' names for what is wrong or cannot change any more, `terms.Outdated`, and
    `NotAllowed`. Prepare the campaign afterwards: its audience may have to be fixed anew.
    """
    with (
        drafts.stored_file(campaign.organization, file, file_name, by) as sheet,
        transaction.atomic(),
    ):
        present = services.locked(campaign.pk)
        asked = {*given, *(["file"] if sheet is not None or without_file else [])}
        _check_now(present, asked)
        terms.check_version(present, version)
        terms.check_storable(present, given)
        changes = terms.apply(present, given)
        if sheet is not None or (without_file and present.list_import is not None):
            changes |= drafts.replace_sheet(present, sheet)
        if not changes:
            return
        _check_result(present, asked)
        if terms.OF_AUDIENCE & changes.keys() and present.batch.status == BatchStatus.READY:
            present.frozen_at = None  # its messages go when the audience is fixed anew
        present.approval = Approval.NONE
        present.save(update_fields=["frozen_at", "approval"])
        note(present, by, "edited", changes=changes)
        tell = partial(live.publish, progress.topic(present.batch_id), {"type": "prepared"})
        transaction.on_commit(tell, robust=True)
    campaign.refresh_from_db()


def _check_now(campaign: Campaign, asked: set[str]) -> None:
    allowed = may_change(campaign)
    if not allowed:
        if campaign.status == CampaignStatus.READING:
            raise NotAllowed(_("Its list is being read. Change it when that is done."))
        services.require(campaign, *SENDING, CampaignStatus.READY, CampaignStatus.SCHEDULED)
        raise NotAllowed(_("It has ended: what was sent stays as it was."))
    if campaign.batch.status == BatchStatus.RUNNING and campaign.organization.campaigns_need_approval:
        raise NotAllowed(_("Pause it first: a changed campaign needs a new approval before it goes on."))
    if campaign.batch.status != BatchStatus.READY and campaign.batch.variants.exists():
        allowed = allowed - {"template"}  # people get the texts of its variants, which are compared
    if fixed := sorted(asked - allowed):
        text = _("Sending has begun, so this can no longer be changed.")
        raise ValidationError({field: [text] for field in fixed})


def _check_result(campaign: Campaign, asked: set[str]) -> None:
    """While it is sent, what somebody did not touch is not complained about, such as a segment that changed since."""
    found = terms.problems(campaign)
    if campaign.batch.status != BatchStatus.READY:
        found = {field: texts for field, texts in found.items() if field in asked}
    if campaign.repeats and campaign.list_import_id is not None:
        found["file"] = [_("An uploaded sheet is sent once. Import it into a list, and choose that list.")]
    if found:
        raise ValidationError({field: list(texts) for field, texts in found.items()})
