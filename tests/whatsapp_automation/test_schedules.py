"""What runs by itself runs on the right clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from tests.factories import make_organization
from whatsapp_automation import schedules
from whatsapp_automation.celery import app

pytestmark = pytest.mark.django_db


def due_within(task: PeriodicTask, moment: datetime, seconds: int) -> bool:
    """Whether beat would run the task within `seconds` of `moment`, judged by beat's own schedule object."""
    entry = ModelEntry(task, app=app)
    entry.schedule.nowfun = lambda: moment
    last_run = moment - timedelta(minutes=30)
    state = entry.schedule.is_due(last_run.astimezone(entry.schedule.tz))
    return state.is_due or state.next <= seconds


def nightly(organization) -> PeriodicTask:
    return PeriodicTask.objects.get(name=f"Nightly housekeeping of organization {organization.pk}")


def test_two_in_the_morning_is_two_in_the_morning_in_jakarta() -> None:
    task = nightly(make_organization(timezone="Asia/Jakarta"))
    assert due_within(task, datetime(2026, 3, 1, 19, 0, 1, tzinfo=UTC), 1)  # 02:00:01 on 2 March in Jakarta
    assert not due_within(task, datetime(2026, 3, 2, 2, 0, 1, tzinfo=UTC), 1)  # 02:00:01 in UTC
    assert not due_within(task, datetime(2026, 3, 1, 18, 0, 1, tzinfo=UTC), 60)


def test_moving_an_organization_moves_its_night() -> None:
    organization = make_organization(timezone="Asia/Jakarta")
    organization.timezone = "America/Sao_Paulo"
    organization.save()
    task = nightly(organization)
    assert due_within(task, datetime(2026, 3, 1, 5, 0, 1, tzinfo=UTC), 1)
    assert not due_within(task, datetime(2026, 3, 1, 19, 0, 1, tzinfo=UTC), 60)


def test_beat_itself_runs_in_the_configured_time_zone() -> None:
    assert str(app.timezone) == settings.TIME_ZONE


def test_every_schedule_names_a_task_that_exists() -> None:
    make_organization()
    schedules.install()
    app.loader.import_default_modules()
    names = set(PeriodicTask.objects.values_list("task", flat=True)) - {"celery.backend_cleanup"}
    assert {"messaging.tasks.plan", "whatsapp_automation.tasks.housekeeping"} <= names
    assert names <= set(app.tasks)


def test_the_planner_runs_every_second_and_skips_what_came_too_late() -> None:
    schedules.install()
    task = PeriodicTask.objects.get(task="messaging.tasks.plan")
    assert (task.interval.every, task.interval.period) == (1, "seconds")
    assert task.expire_seconds == 2
