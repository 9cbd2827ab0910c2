"""Tasks that concern several apps at once."""

import logging
from dataclasses import astuple

from celery import shared_task

from accounts.models import Organization
from messaging import retention, services

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
