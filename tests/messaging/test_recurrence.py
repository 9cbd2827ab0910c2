"""Repetitions against a slow, obvious model: a clock on the wall, looked at every minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given
from hypothesis import strategies as st

from messaging.recurrence import Recurrence, instant

BERLIN, NEW_YORK, JAKARTA = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Jakarta"))
SAO_PAULO, LORD_HOWE = ZoneInfo("America/Sao_Paulo"), ZoneInfo("Australia/Lord_Howe")  # none now; half an hour
ZONES = (BERLIN, NEW_YORK, JAKARTA, SAO_PAULO, LORD_HOWE)
MINUTE = timedelta(minutes=1)


def seen_by_a_clock(
    rule: Callable[[datetime], bool], zone: ZoneInfo, begin: datetime, end: datetime
) -> list[datetime]:
    """When the clock on the wall comes to, or jumps past, a minute that it has not shown yet and `rule` holds for."""
    found, furthest = [], begin.astimezone(zone).replace(tzinfo=None)
    moment = begin
    while moment < end:
        moment += MINUTE
        shown = moment.astimezone(zone).replace(tzinfo=None)
        due = False
        while furthest < shown:
            furthest += MINUTE
            due = due or rule(furthest)
        if due:
            found.append(moment)
    return found


def all_after(recurrence: Recurrence, begin: datetime) -> Iterator[datetime]:
    following = recurrence.after(begin)
    while following is not None:
        yield following
        following = recurrence.after(following)


def all_of(recurrence: Recurrence, begin: datetime, end: datetime) -> list[datetime]:
    return list(takewhile(lambda moment: moment <= end, all_after(recurrence, begin)))


def obvious(recurrence: Recurrence) -> Callable[[datetime], bool]:
    def holds(wall: datetime) -> bool:
        if recurrence.cron:
            return next(CronSim(recurrence.cron, wall - MINUTE)) == wall
        if wall.time() != recurrence.at:
            return False
        if recurrence.weekdays:
            return wall.isoweekday() in recurrence.weekdays
        if recurrence.day_of_month:
            month_after = date(wall.year + wall.month // 12, wall.month % 12 + 1, 1)
            return wall.day == min(recurrence.day_of_month, (month_after - timedelta(days=1)).day)
        return True

    return holds


# Around the changes of 2026 and 2027 in all of these zones, and around ends of months.
MOMENTS = st.one_of(
    *(
        st.datetimes(middle - timedelta(days=2), middle + timedelta(days=1), timezones=st.just(UTC))
        for middle in (
            datetime(2026, 3, 8, 7),  # noqa: DTZ001
            datetime(2026, 3, 29, 1),  # noqa: DTZ001
            datetime(2026, 10, 25, 1),  # noqa: DTZ001
            datetime(2026, 11, 1, 6),  # noqa: DTZ001
            datetime(2026, 4, 4, 15),  # noqa: DTZ001
            datetime(2027, 2, 28, 23),  # noqa: DTZ001
        )
    )
).map(lambda moment: moment.replace(second=0, microsecond=0))
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 45, 59]))
RULES = st.one_of(
    st.fixed_dictionaries({"at": TIMES}),
    st.fixed_dictionaries({"at": TIMES, "weekdays": st.frozensets(st.integers(1, 7), min_size=1)}),
    st.fixed_dictionaries({"at": TIMES, "day_of_month": st.integers(1, 31)}),
    st.fixed_dictionaries({"cron": st.sampled_from(["30 2 * * *", "*/20 1-3 * * *", "0 * * * SUN", "15 2 L * *"])}),
)


@given(MOMENTS, st.sampled_from(ZONES), RULES)
@example(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), BERLIN, {"at": time(2, 30)})
@example(datetime(2026, 10, 25, 0, 45, tzinfo=UTC), BERLIN, {"cron": "*/20 1-3 * * *"})
def test_as_a_clock_on_the_wall_would_have_it(begin, zone, rule) -> None:
    recurrence = Recurrence(zone, **rule)
    end = begin + timedelta(days=2)
    # The model starts before any hour that comes twice, so that it knows what the clock has shown already.
    expected = seen_by_a_clock(obvious(recurrence), zone, begin - timedelta(hours=3), end)
    assert all_of(recurrence, begin, end) == [moment for moment in expected if moment > begin]


@pytest.mark.parametrize(
    ("zone", "day", "at", "utc"),
    [
        (BERLIN, date(2026, 3, 29), time(2, 30), "2026-03-29T01:00"),  # skipped: 03:00 is the first that exists
        (BERLIN, date(2026, 3, 29), time(2, 0), "2026-03-29T01:00"),
        (BERLIN, date(2026, 3, 29), time(3, 0), "2026-03-29T01:00"),
        (BERLIN, date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # twice: the first, in summer time
        (NEW_YORK, date(2026, 3, 8), time(2, 30), "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 11, 1), time(1, 30), "2026-11-01T05:30"),
        (JAKARTA, date(2026, 3, 29), time(2, 0), "2026-03-28T19:00"),
        (SAO_PAULO, date(2026, 10, 18), time(0, 30), "2026-10-18T03:30"),  # summer time was given up in 2019
        (SAO_PAULO, date(2018, 11, 4), time(0, 30), "2018-11-04T03:00"),  # the last time it began, at midnight
        (LORD_HOWE, date(2026, 10, 4), time(2, 15), "2026-10-03T15:30"),  # skips half an hour
        (ZoneInfo("Pacific/Apia"), date(2011, 12, 30), time(9, 0), "2011-12-30T10:00"),  # skipped a whole day
    ],
)
def test_times_that_a_clock_change_skips_or_repeats(zone, day, at, utc) -> None:
    assert instant(datetime.combine(day, at), zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_each_day_has_one_run_over_two_years_of_clock_changes() -> None:
    for zone in ZONES:
        recurrence = Recurrence(zone, time(2, 30))
        found = islice(all_after(recurrence, datetime(2026, 1, 1, tzinfo=UTC)), 730)
        days = [moment.astimezone(zone).date() for moment in found]
        assert days == [days[0] + timedelta(days=number) for number in range(730)]


def test_the_31st_is_the_last_day_of_shorter_months() -> None:
    recurrence = Recurrence(JAKARTA, time(9), day_of_month=31)
    found = islice(all_after(recurrence, datetime(2027, 12, 31, 12, tzinfo=UTC)), 4)
    assert [moment.astimezone(JAKARTA).strftime("%d.%m.") for moment in found] == [
        "31.01.",
        "29.02.",
        "31.03.",
        "30.04.",
    ]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"at": time(9)}, "Every day at 09:00 Asia/Jakarta"),
        ({"at": time(9), "weekdays": frozenset({1})}, "Every Monday at 09:00 Asia/Jakarta"),
        (
            {"at": time(17, 5), "weekdays": frozenset({5, 1, 3})},
            "Every Monday, Wednesday and Friday at 17:05 Asia/Jakarta",
        ),
        ({"at": time(9), "day_of_month": 5}, "On day 5 of every month at 09:00 Asia/Jakarta"),
        (
            {"at": time(9), "day_of_month": 31},
            "On day 31 of every month, where it is shorter on its last day, at 09:00 Asia/Jakarta",
        ),
        ({"cron": "0 9 * * 1-5"}, "At 09:00 on Monday through Friday (cron: 0 9 * * 1-5), Asia/Jakarta"),
    ],
)
def test_the_rule_as_a_sentence(rule, sentence) -> None:
    assert str(Recurrence(JAKARTA, **rule)) == sentence


def test_an_hour_that_comes_twice_counts_once() -> None:
    recurrence = Recurrence(BERLIN, cron="* * * * *")
    begin = datetime(2026, 10, 24, 23, 58, tzinfo=UTC)
    found = all_of(recurrence, begin, begin + timedelta(hours=3))
    assert found[0] == begin + MINUTE
    # The hour that comes again is passed over.
    assert found[60:62] == [datetime(2026, 10, 25, 0, 59, tzinfo=UTC), datetime(2026, 10, 25, 2, 0, tzinfo=UTC)]
