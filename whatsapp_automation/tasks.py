"""Tasks that concern several apps at once."""

import logging

from celery import shared_task

from accounts.models import Organization
from messaging import services

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def housekeeping(organization_id: int) -> None:
    """Once a night on the organization's clock: compares the counters of what ended lately with the rows."""
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None:
        return
    for batch_id in services.mend_counters(organization=organization):
        logger.error("the counters of batch %s were wrong and have been rebuilt", batch_id)
