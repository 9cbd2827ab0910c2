"""Two planners by accident: every message is still queued once."""

import threading

import pytest
from django.db import connection

from messaging import planner
from messaging.models import Message, MessageStatus
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender


@pytest.mark.django_db(transaction=True)
def test_planners_at_the_same_time_queue_each_message_once() -> None:
    organization = make_organization()
    batch = make_batch(organization, [make_sender(organization) for _ in range(3)], 400)
    made: list[int] = []

    def plan() -> None:
        try:
            made.append(sum(planner.plan_all() for _ in range(5)))
        finally:
            connection.close()

    threads = [threading.Thread(target=plan) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 400
    assert Message.objects.filter(batch=batch, status=MessageStatus.QUEUED).count() == 400
    assert_counters_true(batch)
