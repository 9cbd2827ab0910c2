"""Putting campaigns away: into the archive, or, where nothing was ever sent, for good."""

from contextlib import suppress

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.services import Actor, record
from campaigns import services
from campaigns.history import note
from campaigns.models import Campaign, CampaignStatus
from campaigns.occurrences import forget_audience
from contacts import import_requests
from contacts import services as contact_services
from messaging.services import NotAllowed

ENDED = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED, CampaignStatus.FAILED)


def archive_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Takes an ended campaign out of the list; its page and figures stay. Raises `NotAllowed`."""
    with transaction.atomic():
        present = services.locked(campaign.pk)
        if present.status not in ENDED:
            raise NotAllowed(_("Only a campaign that has ended goes into the archive."))
        if present.archived_at is None:
            present.archived_at = now()
            present.save(update_fields=["archived_at"])
            note(present, by, "archived")
    campaign.refresh_from_db()


def unarchive_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Takes it back into the list."""
    with transaction.atomic():
        present = services.locked(campaign.pk)
        if present.archived_at is not None:
            present.archived_at = None
            present.save(update_fields=["archived_at"])
            note(present, by, "unarchived")
    campaign.refresh_from_db()


def can_be_deleted(campaign: Campaign) -> bool:
    """Whether nothing of it was ever sent, nor of what it repeated as. Reads `batch` and `schedule`."""
    if campaign.batch.started_at is not None or campaign.status == CampaignStatus.READING:
        return False
    schedule = getattr(campaign, "schedule", None)
    return (
        schedule is None or not schedule.occurrences.filter(campaign__isnull=False).exclude(campaign=campaign).exists()
    )


def delete_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Deletes a campaign of which nothing was ever sent, with its people and its sheet. Raises `NotAllowed`."""
    with transaction.atomic():
        present = services.locked(campaign.pk)
        if present.status == CampaignStatus.READING:
            raise NotAllowed(_("Its list is being read. Wait until that is done, or cancel it first."))
        if not can_be_deleted(present):
            raise NotAllowed(_("Messages of it were sent, so it stays on record. Put it into the archive instead."))
        record(organization=present.organization, by=by, action="campaign.deleted", target=str(present))
        forget_audience(present)
        batch, sheet = present.batch, present.list_import
        present.delete()
        batch.delete()
        if sheet is not None:
            with suppress(contact_services.NotAllowed):  # it was dropped before
                import_requests.cancel_import(list_import=sheet)
