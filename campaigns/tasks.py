"""Celery's door to campaigns."""

import smtplib

from celery import current_app, shared_task
from celery.contrib.django.task import DjangoTask
from django.db import transaction

from campaigns import due, notices, report, services
from messaging.tasks import plan

PERFORM_REHEARSALS = "whatsapp_automation.tasks.perform_rehearsals"  # of a layer above: by its name


def perform_rehearsals_on_commit() -> None:
    transaction.on_commit(lambda: current_app.send_task(PERFORM_REHEARSALS), robust=True)


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


@shared_task(base=DjangoTask, ignore_result=True)
def run_schedules() -> None:
    """Beat asks for it every few seconds: starts and ends what is due."""
    started = due.run_due()
    for campaign_id in started:  # one that is lost here is taken up by the task above
        prepare.delay(campaign_id)
    due.stop_due()
    due.settle()
    plan.delay()


@shared_task(base=DjangoTask, ignore_result=True, autoretry_for=(smtplib.SMTPException, OSError), retry_backoff=5)
def tell_of_schedules() -> None:
    """Beat asks for it every minute: mails what schedules missed or could not start, and what became of approvals."""
    notices.send_due()
    notices.send_approvals()


@shared_task(base=DjangoTask, ignore_result=True)
def count_report(campaign_id: int) -> None:
    """Counts the details of a report that somebody opened."""
    report.count_report(campaign_id=campaign_id)


@shared_task(base=DjangoTask, ignore_result=True)
def count_reports() -> None:
    """Beat asks for it every minute: keeps the reports of large campaigns ready."""
    for campaign_id in report.to_watch():
        report.count_report(campaign_id=campaign_id)
