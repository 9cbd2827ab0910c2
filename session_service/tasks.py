"""Celery's door to the session service: what must happen also while no worker runs."""

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from session_service import leases, states


@shared_task(base=DjangoTask, ignore_result=True)
def show_waiting() -> int:
    """Shows senders that no worker holds as what they are. Returns how many changed."""
    return len(states.show_waiting())


@shared_task(base=DjangoTask, ignore_result=True)
def forget_ended_workers() -> int:
    return leases.forget_ended()
