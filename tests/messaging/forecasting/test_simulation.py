"""The simulation in steps against the planner's own dealing, slot by slot."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from messaging.forecasting.simulation import Cohort, Competition, Load, SenderOutlook, simulate
from messaging.windows import Windows, parse
from senders.pace import SenderPace
from senders.slowing import Slowing, likely_to_pause, slowing_at
from tests.messaging.forecasting.exact import last_slot

JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def hours(opens: str, closes: str, days: list[int] | None = None) -> list[dict[str, Any]]:
    return [{"days": days or EVERY_DAY, "from": opens, "to": closes}]


def sender(
    number: int,
    now: datetime,
    zone: ZoneInfo = JAKARTA,
    *,
    days: Sequence[int | None] | None = None,
    **quotas: int | None,
) -> SenderOutlook:
    """`days` are its quotas of today and of the following days."""
    ahead = list(days or [quotas.get("day")])
    limits = {"minute": quotas.get("minute"), "hour": quotas.get("hour"), "day": ahead[0]}
    return SenderOutlook(SenderPace(number, zone, limits, now), ahead, now)


def load(
    key: int,
    pool: list[int],
    people: int,
    delays: tuple[float, float],
    windows: Windows | None = None,
    priority: int = 5,
) -> Load:
    shortest, longest = (timedelta(seconds=seconds) for seconds in delays)
    cohorts = [Cohort(people, windows or Windows([], JAKARTA))]
    return Load(key, pool, shortest, longest, cohorts, priority)


def end(loads: list[Load], senders: list[SenderOutlook], now: datetime, slowing: Slowing | None = None) -> datetime:
    competition = Competition({each.pace.sender_id: each.pace.quotas["minute"] for each in senders})
    ends_at = simulate(
        loads[0].key, loads, senders, now=now, competition=competition, slowing=slowing or Slowing()
    ).ends_at
    assert ends_at is not None
    return ends_at


def assert_close(loads: list[Load], senders: list[SenderOutlook], now: datetime, share: float = 0.05) -> datetime:
    """The simulation's end lies within `share` of the time to the exact one. Gives the exact one."""
    foreseen = end(loads, senders, now)
    exact = last_slot(loads[0].key, loads, senders, now=now, seed=1)
    assert abs((foreseen - exact).total_seconds()) <= share * (exact - now).total_seconds() + 1
    return exact


@pytest.mark.parametrize("number", range(40))
def test_random_plans_end_as_the_planner_deals_them(number) -> None:
    randomness = random.Random(number)
    pick = randomness.choice
    zone = pick([JAKARTA, BERLIN, ZoneInfo("America/St_Johns")])
    now = datetime(2026, 3, 27, pick(range(24)), pick(range(60)), pick(range(60)), tzinfo=UTC)  # before clock changes
    senders = [
        sender(
            each,
            now,
            zone,
            days=pick([None, None, [40, 60, 90, 135, 200, 300, 300]]),
            minute=pick([None, 10, 20]),
            hour=pick([None, 200, 400]),
            day=pick([None, 500, 1000]),
        )
        for each in range(pick([1, 2, 4, 8]))
    ]
    shortest = pick([0.5, 1, 3, 8])
    windows = pick([[], hours("09:00", "17:00", [1, 2, 3, 4, 5]), hours("08:00", "20:00"), hours("20:00", "02:00")])
    people = pick([100, 500, 1500])
    delays = (shortest, shortest * pick([1, 2, 3]))
    assert_close([load(1, list(range(len(senders))), people, delays, Windows(parse(windows), zone))], senders, now)


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)])
def test_the_night_in_which_the_clock_changes(day) -> None:
    """From 22 to 4 in Berlin are 5 hours in March and 7 in October: 1,000 messages at 15 s are 4.2 hours, 1,500 are 6.3."""
    windows = Windows(parse(hours("22:00", "04:00")), BERLIN)
    short = assert_close([load(1, [1], 1000, (15, 15), windows)], [sender(1, day, BERLIN)], day)
    assert short.astimezone(BERLIN).date() == (day + timedelta(days=1)).date()
    long = assert_close([load(1, [1], 1500, (15, 15), windows)], [sender(1, day, BERLIN)], day)
    assert long.astimezone(BERLIN).hour == (23 if day.month == 3 else 3)  # in March in the following night


def test_two_in_the_morning_in_jakarta() -> None:
    """Nothing leaves at 2 a.m. where the hours begin at 9, whatever the time in London."""
    now = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
    windows = Windows(parse(hours("09:00", "17:00")), JAKARTA)
    ends_at = assert_close([load(1, [1], 100, (10, 10), windows)], [sender(1, now)], now, share=0.001)
    assert now.astimezone(JAKARTA).hour == 2
    local = ends_at.astimezone(JAKARTA)
    assert (local.day, local.hour) == (2, 9)
    assert 15 <= local.minute <= 17


def test_a_quota_a_day_ends_at_the_senders_midnight() -> None:
    """100 before midnight in Jakarta, 100 after it, the rest a day later: not at midnight in UTC."""
    now = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)  # 23:00 in Jakarta
    ends_at = assert_close([load(1, [1], 250, (10, 10))], [sender(1, now, day=100)], now, share=0.001)
    local = ends_at.astimezone(JAKARTA)
    assert (local.day, local.hour, local.minute) == (3, 0, 8)


@pytest.mark.parametrize("senders", [1, 3, 7, 100])
def test_people_who_just_fill_the_quotas_of_some_days(senders) -> None:
    """The last message is the last that the tenth day's quotas allow."""
    now = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    pool = [sender(each, now, minute=20, hour=300, day=1000) for each in range(senders)]
    local = end([load(1, list(range(senders)), 10_000 * senders, (3, 8))], pool, now).astimezone(JAKARTA)
    assert (local.day, local.hour) == (10, 3)


def test_warm_up_over_days() -> None:
    """20, 30, 45, 67 messages a day: 150 people are done on the fourth day."""
    now = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    ahead: list[int | None] = [20, 30, 45, 67, 101, 151, 200]
    ends_at = assert_close([load(1, [1], 150, (10, 10))], [sender(1, now, days=ahead)], now, share=0.001)
    assert ends_at.astimezone(JAKARTA).day == 4


@pytest.mark.parametrize(
    ("pools", "people"),
    [
        (([1], [1]), (500, 5000)),
        (([1, 2, 3, 4], [1, 2, 3, 4]), (1000, 5000)),
        (([1, 2, 3, 4], [1, 2]), (1000, 5000)),
        (([1], [1, 2, 3, 4]), (400, 5000)),
        (([1, 2], [2, 3], [3, 4]), (800, 3000, 3000)),
        (([1, 2, 3, 4], [1, 2, 3, 4]), (3000, 300)),
        (([1, 2, 3, 4], [1]), (200, 9000)),  # the first sender gives it next to nothing
    ],
)
def test_campaigns_that_share_senders(pools, people) -> None:
    now = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    loads = [
        load(key, pool, number, (2, 4)) for key, (pool, number) in enumerate(zip(pools, people, strict=True), start=1)
    ]
    assert_close(loads, [sender(each, now) for each in (1, 2, 3, 4)], now)


def test_a_higher_priority_is_served_first() -> None:
    now = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    loads = [load(1, [1], 300, (3, 3)), load(2, [1], 300, (3, 3), priority=1)]
    assert (end(loads, [sender(1, now)], now) - now).total_seconds() == pytest.approx(1800, rel=0.05)
    assert (end(loads[::-1], [sender(1, now)], now) - now).total_seconds() == pytest.approx(900, rel=0.05)


def test_a_sender_that_comes_back_and_one_on_hold() -> None:
    """Alone for an hour, then helped by the one that rested; the one on hold writes to its ten acquaintances first."""
    now = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
    rested = sender(2, now)
    rested.available_from = now + timedelta(hours=1)
    people = [load(1, [1, 2], 1080, (5, 5))]  # 720 in the first hour, and half of the rest each
    assert (end(people, [sender(1, now), rested], now) - now).total_seconds() == pytest.approx(4500, abs=10)
    held = sender(2, now)
    held.held_until, held.known = now + timedelta(hours=1), 10
    people = [load(1, [1, 2], 1090, (5, 5))]
    assert (end(people, [sender(1, now), held], now) - now).total_seconds() == pytest.approx(4500, abs=10)


def test_cohorts_wait_for_their_own_hours() -> None:
    """Jakarta's hour comes first, Berlin's five hours later (both 9 to 10); the sender is free in between."""
    now = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
    both = load(1, [1], 0, (5, 5))
    both.cohorts = [Cohort(100, Windows(parse(hours("09:00", "10:00")), zone)) for zone in (JAKARTA, BERLIN)]
    local = end([both], [sender(1, now)], now).astimezone(BERLIN)
    assert (local.day, local.hour) == (1, 9)
    assert 7 <= local.minute <= 9


def test_what_never_ends_within_a_year_has_no_end() -> None:
    now = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
    competition = Competition({1: None})
    outcome = simulate(
        1, [load(1, [1], 800, (5, 5))], [sender(1, now, day=2)], now=now, competition=competition, slowing=Slowing()
    )
    assert outcome.ends_at is None
    assert max(outcome.waited, key=lambda cause: outcome.waited[cause]) == "quota_day"


class TestSlowing:
    def test_without_failures_nothing_slows_down(self) -> None:
        assert slowing_at(0) == Slowing(1, 0)

    @pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2, 0.4])
    def test_as_much_as_when_it_is_played_out(self, share) -> None:
        """Message by message, by the rules of `senders.health`."""
        randomness = random.Random(1)
        health, times, waited, messages, row = 100, 0.0, 0.0, 200_000, 0
        for _ in range(messages):
            times += 100 / health
            if randomness.random() >= share:
                health, row = min(100, health + 2), 0
                continue
            row += 1
            health -= 10
            rest = 300 if row >= 5 else 0
            heals = max(0, 50 - health) * 60
            waited += max(rest, heals)
            health = max(health, 50)
        found = slowing_at(share)
        assert found.times == pytest.approx(times / messages, rel=0.02)
        assert found.wait == pytest.approx(waited / messages, rel=0.1, abs=0.5)

    def test_many_failures_pause_a_sender_in_the_end(self) -> None:
        assert likely_to_pause(0.02, 10_000) < 0.001
        assert likely_to_pause(0.5, 10_000) == 1
