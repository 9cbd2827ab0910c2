"""Tasks that concern several apps at once."""

import logging
from dataclasses import astuple

from celery import shared_task

from accounts.models import Organization
from campaigns import rehearsals
from messaging import retention, services
from whatsapp_automation.rehearsal import process

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def housekeeping(organization_id: int) -> None:
    """Once a night on the organization's clock: compares the counters of what ended lately with the rows, and removes
    what is kept long enough."""
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None:
        return
    for batch_id in services.mend_counters(organization=organization):
        logger.error("the counters of batch %s were wrong and have been rebuilt", batch_id)
    gone = retention.apply(organization)
    if gone.texts or gone.people:
        logger.info("organization %s: %s texts and %s people were kept long enough", organization_id, *astuple(gone))


@shared_task(ignore_result=True)
def perform_rehearsals() -> None:
    """Performs the rehearsals that wait, unless another worker is at it."""
    process.perform_waiting()


@shared_task(ignore_result=True)
def take_up_rehearsals() -> None:
    """Beat asks for it: rehearsals whose worker was lost, and what they left behind."""
    process.take_down_left_over()
    if rehearsals.is_waited_for():
        perform_rehearsals.apply_async(expires=30)
