"""Arrays as text arrive as they left."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection

from messaging import sql
from messaging.models import MessageStatus

pytestmark = pytest.mark.django_db

AWKWARD = ["", " ", "NULL", "{}", "a,b", 'say "hi"', "back\\slash", '\\"', "it's", "two\nlines", "%s %(x)s", "Ánh 👋"]


def arrived(array: str, kind: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [array])
        return cursor.fetchone()[0]


def test_texts() -> None:
    assert arrived(sql.texts(AWKWARD), "text") == AWKWARD
    assert arrived(sql.texts([]), "text") == []


def test_numbers() -> None:
    assert arrived(sql.numbers([0, -1, 2**62, MessageStatus.SENT]), "bigint") == [0, -1, 2**62, 40]
    assert arrived(sql.numbers([]), "bigint") == []


def test_times() -> None:
    moments = [datetime(2026, 3, 1, 12, 0, 0, 5, UTC), datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=7)))]
    assert arrived(sql.times(moments), "timestamptz") == moments
