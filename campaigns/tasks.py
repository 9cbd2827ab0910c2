"""Celery's door to campaigns."""

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from campaigns import services
from messaging.tasks import plan


@shared_task(base=DjangoTask, ignore_result=True)
def prepare(campaign_id: int) -> None:
    """Reads the list of a new campaign and fixes its audience."""
    services.prepare_campaign(campaign_id=campaign_id)
    plan.delay()  # it may have started by itself


@shared_task(base=DjangoTask, ignore_result=True)
def take_up_unprepared() -> None:
    """Beat asks for it: campaigns whose task was lost with its worker are prepared after all."""
    for campaign_id in services.unprepared():
        prepare.apply_async((campaign_id,), expires=30)
