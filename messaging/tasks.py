"""Celery's door to messaging."""

from celery import shared_task

from messaging import planner


@shared_task(ignore_result=True)
def plan() -> int:
    """One planner pass. Beat asks for it every second; every start and resume asks for one more."""
    return planner.plan_all()
