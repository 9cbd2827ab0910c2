"""What runs by itself, and when. Rows of django-celery-beat, so that staff can see them in the admin.

Intervals run everywhere; what has an hour of the day runs at that hour of its organization's time zone.
"""

import json
from zoneinfo import ZoneInfo

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accounts.models import Organization

HOUSEKEEPING_HOUR = 2


def install() -> None:
    """Creates or mends every schedule. Runs after each migration."""
    _every(1, "Plan messages", "messaging.tasks.plan")
    _every(30, "Take back overdue messages", "messaging.tasks.recover_overdue")
    _every(30, "Take up imports that lost their worker", "contacts.tasks.take_up_unfinished")
    _every(3600, "Forget how old merges are undone", "contacts.tasks.forget_old_merges")
    _every(30, "Take up campaigns that lost their worker", "campaigns.tasks.take_up_unprepared")
    _every(5, "Start and end campaigns by their schedules", "campaigns.tasks.run_schedules")
    _every(5, "Send reminders that are due", "broadcasts.tasks.run_reminders")
    _every(60, "Tell of campaigns that did not start", "campaigns.tasks.tell_of_schedules")
    _every(60, "Count reports of large campaigns", "campaigns.tasks.count_reports")
    _every(30, "Take up rehearsals that lost their worker", "whatsapp_automation.tasks.take_up_rehearsals")
    _every(600, "Remove what imports leave behind", "contacts.tasks.tidy_imports")
    _every(30, "Go on with tests of variants", "messaging.tasks.go_on_with_tests")
    _every(600, "Remove files that no message has", "messaging.tasks.remove_unused_media")
    _every(10, "Show senders that wait for a worker", "session_service.tasks.show_waiting")
    _every(3600, "Forget workers that ended", "session_service.tasks.forget_ended_workers")
    _every(600, "Back up sessions", "session_service.tasks.back_up_sessions")
    _every(10, "Go on with erasures", "contacts.tasks.go_on_with_erasures")
    for organization in Organization.objects.all():
        install_for(organization)


def install_for(organization: Organization) -> None:
    """The organization's nightly housekeeping, at 02:00 on its own clock."""
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute="0",
        hour=str(HOUSEKEEPING_HOUR),
        day_of_week="*",
        day_of_month="*",
        month_of_year="*",
        timezone=ZoneInfo(organization.timezone),
    )
    PeriodicTask.objects.update_or_create(
        name=f"Nightly housekeeping of organization {organization.pk}",
        defaults={
            "task": "whatsapp_automation.tasks.housekeeping",
            "args": json.dumps([organization.pk]),
            "crontab": crontab,
            "interval": None,
        },
    )


def _every(seconds: int, name: str, task: str) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update_or_create(
        name=name,
        # A pass that no worker took in time is worthless: the next one does the same.
        defaults={"task": task, "interval": interval, "crontab": None, "expire_seconds": max(2, seconds)},
    )
