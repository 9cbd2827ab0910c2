"""When a sender is skipped, rests, pauses itself, and recovers."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from senders import health
from senders.models import Sender
from tests.factories import make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization())


def state(sender: Sender) -> tuple[int, bool, int]:
    """(health now, may send, messages that it may have under way)"""
    sql = f"SELECT {health.HEALTH_SQL}, {health.SENDABLE_SQL}, {health.PROBE_SQL} FROM senders_sender AS sender WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [sender.pk])
        row: tuple[int, bool, int] = cursor.fetchone()
        return row


def fail(sender: Sender, number: int) -> list[int]:
    return health.note_failures(Counter({sender.pk: number}))


def test_a_failure_costs_health_and_an_acknowledgement_gives_some_back(sender: Sender) -> None:
    fail(sender, 2)
    assert state(sender)[0] == 80
    health.note_successes([sender.pk])
    assert state(sender)[0] == 82
    sender.refresh_from_db()
    assert sender.consecutive_failures == 0


def test_health_recovers_by_a_point_a_minute(sender: Sender) -> None:
    fail(sender, 3)
    Sender.objects.update(health_at=now() - timedelta(minutes=12))
    assert state(sender)[0] == 82
    Sender.objects.update(health_at=now() - timedelta(days=2))
    assert state(sender)[0] == 100


def test_below_half_health_a_sender_is_skipped(sender: Sender) -> None:
    for expected in (True, False):
        Sender.objects.update(health=50 if expected else 49, health_at=now())
        assert state(sender)[1] is expected


def test_five_failures_in_a_row_mean_a_rest_and_then_one_message_at_a_time(sender: Sender) -> None:
    fail(sender, 4)
    assert state(sender)[1:] == (True, 1_000_000)
    fail(sender, 1)
    assert not state(sender)[1]
    Sender.objects.update(resting_until=now() - timedelta(seconds=1))
    assert state(sender)[1:] == (True, 1)
    health.note_successes([sender.pk])
    assert state(sender)[1:] == (True, 1_000_000)


def test_ten_failures_in_a_row_pause_the_sender_once_with_the_reason(sender: Sender) -> None:
    assert fail(sender, 9) == []
    assert fail(sender, 1) == [sender.pk]
    assert fail(sender, 1) == []
    sender.refresh_from_db()
    assert sender.paused_at is not None
    assert sender.paused_reason == "10 messages in a row failed."
    Sender.objects.update(health=100, resting_until=None, consecutive_failures=0)
    assert not state(sender)[1]  # only a person ends a pause


def test_others_are_not_touched(sender: Sender) -> None:
    other = make_sender(sender.organization)
    fail(sender, 10)
    assert state(other) == (100, True, 1_000_000)
