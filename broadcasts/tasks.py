"""Celery's door to broadcasts."""

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from broadcasts import reminders
from messaging.tasks import plan


@shared_task(base=DjangoTask, ignore_result=True)
def run_reminders() -> None:
    """Beat asks for it every few seconds: makes the messages of reminders that are due."""
    if reminders.run_due():
        plan.delay()
