"""Sending windows against a slow, obvious model: look at every minute's wall clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from messaging import windows
from messaging.windows import Windows

ZONES = ["UTC", "Asia/Jakarta", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
one_window = st.tuples(st.frozensets(st.integers(1, 7), min_size=1), minutes, minutes)
# Around the clock changes of 2026 in the zones above, and any other time of that year.
moments = st.one_of(
    st.sampled_from(
        [datetime(2026, *day, tzinfo=UTC) for day in [(3, 8), (3, 29), (10, 25), (11, 1), (4, 5), (10, 4)]]
    ),
    st.integers(0, 330).map(lambda days: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)),
).flatmap(
    lambda day: st.integers(0, 48 * 60).map(
        lambda minute: day.replace(second=0, microsecond=0) + timedelta(minutes=minute)
    )
)


def is_open(given_windows: list[windows.Window], zone: ZoneInfo, moment: datetime) -> bool:
    """The model: compares instants with the instants of the window's wall-clock ends, for each day around."""
    for days, opens, closes in given_windows:
        for offset in (-1, 0, 1):
            day = moment.astimezone(zone).date() + timedelta(days=offset)
            if day.isoweekday() not in days:
                continue
            last = day if closes > opens else day + timedelta(days=1)
            begins = datetime.combine(day, opens, zone).timestamp()
            ends = datetime.combine(last, closes, zone).timestamp()
            if begins <= moment.timestamp() < ends:
                return True
    return False


@given(st.lists(one_window, min_size=1, max_size=3), st.sampled_from(ZONES), moments)
def test_next_open_is_the_first_open_minute(given_windows, zone_name: str, moment: datetime) -> None:
    zone = ZoneInfo(zone_name)
    found = Windows(given_windows, zone).next_open(moment)
    assert found >= moment
    assert is_open(given_windows, zone, found)
    # Nothing is open in between: every minute of it, and at most two days of them.
    steps = min(int((found - moment).total_seconds() // 60), 2 * 24 * 60)
    assert not any(is_open(given_windows, zone, moment + timedelta(minutes=step)) for step in range(steps))


@given(st.lists(one_window, min_size=1, max_size=3), st.sampled_from(ZONES), st.lists(moments, max_size=6))
def test_what_was_asked_before_changes_no_answer(given_windows, zone_name: str, asked: list[datetime]) -> None:
    remembering = Windows(given_windows, ZoneInfo(zone_name))
    for moment in asked:
        assert remembering.next_open(moment) == Windows(given_windows, ZoneInfo(zone_name)).next_open(moment)


def test_without_windows_any_time_is_open() -> None:
    moment = datetime(2026, 1, 1, 3, tzinfo=UTC)
    assert Windows([], ZoneInfo("UTC")).next_open(moment) == moment


def test_a_window_across_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    friday_night = windows.parse([{"days": [5], "from": "22:00", "to": "02:00"}])
    jakarta = ZoneInfo("Asia/Jakarta")
    found = Windows(friday_night, jakarta)
    saturday_early = datetime(2026, 3, 7, 1, 30, tzinfo=jakarta)
    assert found.next_open(saturday_early) == saturday_early
    assert found.next_open(datetime(2026, 3, 8, 1, 30, tzinfo=jakarta)) == datetime(2026, 3, 13, 22, tzinfo=jakarta)


@pytest.mark.parametrize(
    "bad",
    [
        "always",
        [{"days": [1], "from": "9", "to": "17:00"}],
        [{"days": [], "from": "09:00", "to": "17:00"}],
        [{"days": [0], "from": "09:00", "to": "17:00"}],
        [{"days": [1], "from": "25:00", "to": "17:00"}],
        [{"from": "09:00", "to": "17:00"}],
        [None],
        [{"days": [1], "from": "09:00+01:00", "to": "17:00"}],
    ],
)
def test_bad_windows_are_named(bad) -> None:
    with pytest.raises(ValidationError, match=r"[Ww]indow"):
        windows.parse(bad)
