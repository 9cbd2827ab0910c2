"""Celery's door to the session service: what must happen also while no worker runs."""

import logging

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from session_service import leases, states
from session_service.auth_state import stored_backups

logger = logging.getLogger(__name__)


@shared_task(base=DjangoTask, ignore_result=True)
def show_waiting() -> int:
    """Shows senders that no worker holds as what they are. Returns how many changed."""
    return len(states.show_waiting())


@shared_task(base=DjangoTask, ignore_result=True)
def forget_ended_workers() -> int:
    return leases.forget_ended()


@shared_task(base=DjangoTask, ignore_result=True)
def back_up_sessions() -> None:
    """Stores the backups of sessions that are due, where the settings ask for any."""
    made, failed = stored_backups.back_up_due()
    if failed:
        logger.error("%s sessions were backed up and %s could not be; the admin shows why", made, failed)
