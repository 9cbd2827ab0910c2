"""Planners beside each other and beside a person who pauses."""

import threading
import time
from typing import Any

import pytest
from django.db import connection

from messaging import planner, services
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


@pytest.mark.django_db(transaction=True)
def test_a_pause_during_a_pass_takes_back_what_the_pass_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_organization()
    batch = make_batch(organization, [make_sender(organization)], 50)
    is_under_way = threading.Event()
    write = planner._write_queued

    def write_slowly(*arguments: Any) -> None:
        is_under_way.set()
        time.sleep(0.5)
        write(*arguments)

    monkeypatch.setattr(planner, "_write_queued", write_slowly)

    def plan() -> None:
        try:
            planner.plan_all()
        finally:
            connection.close()

    thread = threading.Thread(target=plan)
    thread.start()
    assert is_under_way.wait(5)
    services.pause_batch(batch=batch)
    thread.join()
    assert Message.objects.filter(batch=batch, status=MessageStatus.PENDING).count() == 50
    assert_counters_true(batch)
