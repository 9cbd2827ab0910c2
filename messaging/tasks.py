"""Celery's door to messaging."""

from datetime import timedelta

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from messaging import media, planner, recall
from messaging.models import Batch
from messaging.variants import decision, figures, plans

OVERDUE_AFTER = timedelta(minutes=2)


@shared_task(base=DjangoTask, ignore_result=True)
def plan() -> int:
    """One planner pass. Beat asks for it every second; every start and resume asks for one more."""
    return planner.plan_all()


@shared_task(base=DjangoTask, ignore_result=True)
def recover_overdue() -> int:
    """Plans afresh what should have left minutes ago, as after an outage: windows and quotas have moved on."""
    return recall.recover_overdue(older_than=OVERDUE_AFTER)


@shared_task(base=DjangoTask, ignore_result=True)
def remove_unused_media() -> int:
    """Removes files of messages that were deleted, or never written."""
    return media.remove_unused()


@shared_task(base=DjangoTask, ignore_result=True)
def go_on_with_tests() -> None:
    """Beat asks for it: measures variants, chooses winners, and gives them to those who wait."""
    if decision.go_on():
        plan.delay()


@shared_task(base=DjangoTask, ignore_result=True)
def count_variants(batch_id: int) -> None:
    """The figures of the variants of a large batch."""
    batch = Batch.objects.select_related("experiment").filter(pk=batch_id).first()
    experiment = plans.experiment_of(batch) if batch is not None else None
    if batch is not None and experiment is not None:
        figures.keep(batch, experiment)
