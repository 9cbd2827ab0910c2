"""A due time makes one message, whoever takes it how often, and what was missed too long ago makes none."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from broadcasts import reminders
from broadcasts.models import Reminder, ReminderRun
from messaging.models import Message
from messaging.services import NotAllowed
from tests.factories import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminder() -> Reminder:
    return make_reminder()


def make_reminder(**asked: Any) -> Reminder:
    given = {"phone_number": "+6281234567890", "repeat": "daily", "time": time(9), "text": "Minum obat", **asked}
    return reminders.create_reminder(organization=make_organization(timezone="Asia/Jakarta"), **given)


def test_it_is_due_at_its_hour_on_the_clock_of_its_zone(reminder: Reminder) -> None:
    assert reminder.next_at is not None
    assert reminder.next_at.astimezone(UTC).hour == 2
    assert reminders.run_due() == 0


def test_a_due_time_makes_one_message_and_the_next_one_follows(reminder: Reminder) -> None:
    Reminder.objects.filter(pk=reminder.pk).update(next_at=now() - timedelta(seconds=1))
    reminder.refresh_from_db()
    taken = reminder.next_at
    assert reminders.run_due() == 1
    assert reminders.run_due() == 0
    # A second process that had read the same due time.
    Reminder.objects.filter(pk=reminder.pk).update(next_at=taken)
    assert reminders.run_due() == 0
    message = Message.objects.get()
    assert (message.phone_number, message.text) == ("+6281234567890", "Minum obat")
    assert ReminderRun.objects.get().message == message
    reminder.refresh_from_db()
    assert reminder.next_at is not None
    assert reminder.next_at > now()


def test_what_was_missed_for_long_is_left_out(reminder: Reminder) -> None:
    Reminder.objects.filter(pk=reminder.pk).update(
        next_at=now() - timedelta(days=3), ends_on=now() - timedelta(days=3)
    )
    assert reminders.run_due() == 0
    assert not Message.objects.exists()
    assert ReminderRun.objects.get().outcome == ReminderRun.Outcome.MISSED


def test_it_ends_after_its_last_day(reminder: Reminder) -> None:
    yesterday = now().date() - timedelta(days=1)
    Reminder.objects.filter(pk=reminder.pk).update(next_at=now() - timedelta(seconds=1), ends_on=yesterday)
    reminders.run_due()
    reminder.refresh_from_db()
    assert (reminder.state, reminder.next_at) == (Reminder.State.ENDED, None)
    with pytest.raises(NotAllowed):
        reminders.pause_reminder(reminder=reminder)


def test_a_pause_leaves_out_what_falls_into_it(reminder: Reminder) -> None:
    reminders.pause_reminder(reminder=reminder)
    assert reminder.next_at is None
    reminders.resume_reminder(reminder=reminder)
    assert reminder.next_at is not None
    assert reminder.next_at > now()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"text": " "}, "text"),
        ({"repeat": "hourly"}, "repeat"),
        ({"time": None}, "time"),
        ({"repeat": "weekly", "weekdays": []}, "weekdays"),
        ({"repeat": "cron", "cron": "* * * * *"}, "cron"),
        ({"timezone": "Mars"}, "timezone"),
        ({"ends_on": datetime(2020, 1, 1, tzinfo=UTC).date()}, "ends_on"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        make_reminder(**asked)
    assert list(refused.value.message_dict) == [field]
