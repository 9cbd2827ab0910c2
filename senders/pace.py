"""When each sender may send next. Pure functions: no database, no clock of their own."""

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def period_start(moment: datetime, period: str, zone: ZoneInfo) -> datetime:
    """The start of the minute, hour or calendar day of `zone` in which `moment` lies."""
    local = moment.astimezone(zone).replace(second=0, microsecond=0)
    if period != "minute":
        local = local.replace(minute=0)
    if period == "day":
        local = local.replace(hour=0)
    return local


def period_end(moment: datetime, period: str, zone: ZoneInfo) -> datetime:
    """The start of the next minute, hour or calendar day; a day may last 23 or 25 hours."""
    start = period_start(moment, period, zone)
    if period == "day":
        return (start + timedelta(days=1)).replace(hour=0)  # wall-clock arithmetic within one zone
    return start.astimezone(ZoneInfo("UTC")) + timedelta(**{f"{period}s": 1})


@dataclass
class SenderPace:
    """One sender as the planner sees it: its quotas, what is spent or already planned, and when it is next free.

    `quotas` maps "minute", "hour" and "day" to a number of messages, or None for no limit; `spent` maps (period, start of the period) to messages, for those leased and those queued together.
    """

    sender_id: int
    zone: ZoneInfo
    quotas: dict[str, int | None]
    free_at: datetime
    spent: dict[tuple[str, datetime], int] = field(default_factory=dict)

    def count(self, moment: datetime, number: int = 1) -> None:
        for period, quota in self.quotas.items():
            if quota is not None:
                key = (period, period_start(moment, period, self.zone))
                self.spent[key] = self.spent.get(key, 0) + number

    def count_spent(self, moment: datetime, used: dict[str, int]) -> None:
        """Adds what was leased in the minute, hour and day of `moment`, as `senders.quota.used_now` gives it."""
        for period, number in used.items():
            key = (period, period_start(moment, period, self.zone))
            self.spent[key] = self.spent.get(key, 0) + number

    def next_slot(self, now: datetime) -> datetime:
        """The first moment, not before `now`, at which every quota has room."""
        moment = max(now, self.free_at)
        moved = True
        while moved:
            moved = False
            for period, quota in self.quotas.items():
                if quota is None:
                    continue
                if quota == 0:
                    return moment + timedelta(days=365)
                if self.spent.get((period, period_start(moment, period, self.zone)), 0) >= quota:
                    moment = period_end(moment, period, self.zone)
                    moved = True
        return moment

    def take(self, moment: datetime, delay: timedelta) -> None:
        """Uses the slot at `moment`; the sender is free again after `delay`."""
        self.count(moment)
        self.free_at = moment + delay


@dataclass
class Plan:
    """How one batch wants to be sent: its pool of senders and the pause between two messages of a sender."""

    key: int
    sender_ids: list[int]
    min_delay: timedelta
    max_delay: timedelta
    wanted: int

    def delay(self, randomness: random.Random) -> timedelta:
        return self.min_delay + (self.max_delay - self.min_delay) * randomness.random()


@dataclass(frozen=True)
class Slot:
    due_at: datetime
    sender_id: int
    free_at: datetime  # when the sender is free again if this slot is used


def allocate(
    plans: Iterable[Plan],
    paces: dict[int, SenderPace],
    *,
    now: datetime,
    until: datetime,
    randomness: random.Random,
) -> dict[int, list[Slot]]:
    """Deals the senders' next slots to the plans in turn, so that batches that share senders advance together.

    Gives each plan at most `wanted` slots in order of time, none due at or after `until`.
    """
    slots: dict[int, list[Slot]] = {}
    queues: list[tuple[Plan, list[tuple[datetime, int, int]]]] = []
    for plan in plans:
        slots[plan.key] = []
        heap = [(paces[sender_id].next_slot(now), 0, sender_id) for sender_id in plan.sender_ids if sender_id in paces]
        heapq.heapify(heap)
        queues.append((plan, heap))
    while queues:
        queues = [
            (plan, heap)
            for plan, heap in queues
            if len(slots[plan.key]) < plan.wanted
            and _take_one(plan, heap, paces, slots[plan.key], now, until, randomness)
        ]
    return slots


def _take_one(
    plan: Plan,
    heap: list[tuple[datetime, int, int]],
    paces: dict[int, SenderPace],
    slots: list[Slot],
    now: datetime,
    until: datetime,
    randomness: random.Random,
) -> bool:
    """Adds the plan's earliest slot. False when no sender of its pool has one before `until`."""
    while heap and heap[0][0] < until:
        expected, taken, sender_id = heap[0]
        pace = paces[sender_id]
        due_at = pace.next_slot(now)
        if due_at > expected:  # another plan took the slot that this one had seen
            heapq.heapreplace(heap, (due_at, taken, sender_id))
            continue
        pace.take(due_at, plan.delay(randomness))
        slots.append(Slot(due_at, sender_id, pace.free_at))
        heapq.heapreplace(heap, (pace.next_slot(now), taken + 1, sender_id))
        return True
    return False
