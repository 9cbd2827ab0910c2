"""Quotas and pacing against a slow, obvious model."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from senders.pace import Plan, SenderPace, allocate, period_end, period_start

ZONES = ["UTC", "Asia/Jakarta", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns"]
NOW = datetime(2026, 3, 29, 0, 58, 30, tzinfo=UTC)  # half a minute before a full hour, and Berlin's clock change
quotas = st.fixed_dictionaries(
    {
        "minute": st.none() | st.integers(1, 9),
        "hour": st.none() | st.integers(1, 30),
        "day": st.none() | st.integers(1, 60),
    }
)


def wall(moment: datetime, period: str, zone: ZoneInfo) -> tuple[object, ...]:
    """The model: which minute, hour or day of the local calendar an instant belongs to. The repeated hour of a
    clock change counts as two, told apart by its offset from UTC."""
    local = moment.astimezone(zone)
    parts = (local.date(), local.hour, local.utcoffset(), local.minute)
    return parts[: {"day": 1, "hour": 3, "minute": 4}[period]]


def pace(zone: str, limits: dict[str, int | None], sender_id: int = 1, **fields) -> SenderPace:
    return SenderPace(sender_id=sender_id, zone=ZoneInfo(zone), quotas=limits, free_at=NOW, **fields)


@given(quotas, st.sampled_from(ZONES), st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**32))
def test_no_quota_is_ever_exceeded_and_pauses_are_kept(limits, zone, shortest, longer, seed) -> None:
    plan = Plan(1, [1], 200, timedelta(seconds=shortest), timedelta(seconds=shortest + longer))
    slots = allocate(
        [plan], {1: pace(zone, limits)}, now=NOW, until=NOW + timedelta(hours=2), randomness=random.Random(seed)
    )[1]
    assert slots
    for period, limit in limits.items():
        if limit is not None:
            used = Counter(wall(slot.due_at, period, ZoneInfo(zone)) for slot in slots)
            assert max(used.values()) <= limit
    for earlier, later in pairwise(slot.due_at for slot in slots):
        assert later - earlier >= timedelta(seconds=shortest)


@given(quotas, st.sampled_from(ZONES))
def test_no_slot_is_wasted(limits, zone) -> None:
    """Without pauses, a slot is late only because some quota of the time before it was used up."""
    plan = Plan(1, [1], 100)
    slots = allocate(
        [plan], {1: pace(zone, limits)}, now=NOW, until=NOW + timedelta(hours=3), randomness=random.Random(1)
    )[1]
    for earlier, later in pairwise(slots):
        if later.due_at > earlier.due_at:
            full = [
                period
                for period, limit in limits.items()
                if limit is not None
                and sum(
                    wall(s.due_at, period, ZoneInfo(zone)) == wall(earlier.due_at, period, ZoneInfo(zone))
                    for s in slots
                )
                >= limit
            ]
            assert full


@given(
    st.sampled_from(ZONES),
    st.integers(0, 365 * 24 * 60),
    st.sampled_from(["minute", "hour", "day"]),
)
def test_a_period_holds_its_moment_and_ends_after_it(zone_name, minutes, period) -> None:
    zone, moment = ZoneInfo(zone_name), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes, seconds=7)
    start, end = period_start(moment, period, zone), period_end(moment, period, zone)
    assert start.timestamp() <= moment.timestamp() < end.timestamp()
    just_before_the_end = datetime.fromtimestamp(end.timestamp() - 0.001, UTC)
    assert wall(just_before_the_end, period, zone) == wall(moment, period, zone)
    assert wall(end.astimezone(UTC), period, zone) != wall(moment, period, zone)


def test_what_was_spent_before_counts() -> None:
    spent = pace("UTC", {"minute": 5, "hour": None, "day": None})
    spent.count_spent(NOW, {"minute": 4, "hour": 4, "day": 4})
    slots = allocate(
        [Plan(1, [1], 3)], {1: spent}, now=NOW, until=NOW + timedelta(minutes=5), randomness=random.Random(1)
    )[1]
    assert [slot.due_at for slot in slots] == [NOW] + [NOW + timedelta(seconds=30)] * 2


def test_healthy_senders_take_more_than_weak_ones() -> None:
    """Weighted round robin: in proportion to health, with pauses and without."""
    limits: dict[str, int | None] = {"minute": None, "hour": None, "day": None}
    for pause in (0, 2):
        paces = {1: pace("UTC", limits, 1, health=100), 2: pace("UTC", limits, 2, health=50)}
        plan = Plan(1, [1, 2], 300, timedelta(seconds=pause), timedelta(seconds=pause))
        slots = allocate([plan], paces, now=NOW, until=NOW + timedelta(minutes=6), randomness=random.Random(1))[1]
        taken = Counter(slot.sender_id for slot in slots)
        assert 1.9 <= taken[1] / taken[2] <= 2.1


def test_room_bounds_what_a_sender_gets() -> None:
    limits: dict[str, int | None] = {"minute": None, "hour": None, "day": None}
    paces = {1: pace("UTC", limits, 1, room=1), 2: pace("UTC", limits, 2, room=3)}
    slots = allocate(
        [Plan(1, [1, 2], 50)], paces, now=NOW, until=NOW + timedelta(minutes=1), randomness=random.Random(1)
    )[1]
    assert Counter(slot.sender_id for slot in slots) == {1: 1, 2: 3}


def test_a_quota_of_nothing_gives_nothing() -> None:
    slots = allocate(
        [Plan(1, [1], 5)],
        {1: pace("UTC", {"minute": 0, "hour": None, "day": None})},
        now=NOW,
        until=NOW + timedelta(days=2),
        randomness=random.Random(1),
    )
    assert slots == {1: []}
