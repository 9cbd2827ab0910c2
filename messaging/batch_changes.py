"""Pausing, resuming and cancelling batches that belong to no campaign: broadcasts and bulk sends."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from accounts.services import Actor, record
from messaging import services
from messaging.models import Batch
from messaging.services import NotAllowed

PAUSED, RESUMED, CANCELLED = "paused", "resumed", "cancelled"
_CHANGES: dict[str, Callable[..., None]] = {
    PAUSED: services.pause_batch,
    RESUMED: services.resume_batch,
    CANCELLED: services.cancel_batch,
}


def change(batch: Batch, what: str, *, by: Actor = None) -> None:
    """Does it and writes down who did. Ask for a planner pass afterwards. Raises `NotAllowed`."""
    if batch.origin == Batch.Origin.CAMPAIGN:  # campaigns know of approvals and schedules
        raise NotAllowed(_("This batch belongs to a campaign: do it with the campaign."))
    _CHANGES[what](batch=batch)
    record(organization=batch.organization, by=by, action=f"batch.{what}", target=str(batch))
