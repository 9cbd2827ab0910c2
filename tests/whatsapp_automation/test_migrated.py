"""What a freshly migrated database holds, without any further command."""

import pytest
from django_celery_beat.models import PeriodicTask


@pytest.mark.django_db
def test_the_planner_is_scheduled_every_second() -> None:
    planner = PeriodicTask.objects.get(task="messaging.tasks.plan")
    assert planner.enabled
    assert str(planner.interval) == "every second"
