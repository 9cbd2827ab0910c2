"""celery beat ends when it is told to, also in the middle of a statement."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from celery.beat import Service
from django_celery_beat.models import PeriodicTask

from whatsapp_automation.beat import Scheduler
from whatsapp_automation.celery import app

pytestmark = pytest.mark.django_db(transaction=True)  # beat closes connections


def test_the_handler_of_a_signal_asks_the_database_for_nothing(
    django_assert_num_queries: Callable[[int], AbstractContextManager[Any]],
) -> None:
    service = Service(app, scheduler_cls=Scheduler)
    scheduler: Any = service.scheduler
    scheduler._finalize.cancel()  # it would write when the tests are over
    entry = next(iter(scheduler.schedule.values()))
    scheduler.reserve(entry)
    with django_assert_num_queries(0):
        service.sync()  # what the handler calls
    kept = PeriodicTask.objects.filter(name=entry.name).values_list("total_run_count", flat=True)
    assert kept.get() == 0
    scheduler.sync()
    assert kept.get() == 1
