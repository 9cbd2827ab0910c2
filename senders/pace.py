"""When each sender may send next. Pure functions: no database, no clock of their own."""

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

Heap = list[tuple[datetime, float, int]]


def period_start(moment: datetime, period: str, zone: ZoneInfo) -> datetime:
    """The start of the minute, hour or calendar day of `zone` in which `moment` lies."""
    return _period_start(int(moment.timestamp() // 60), period, zone)


@lru_cache(maxsize=4096)  # a pass of the planner asks thousands of times about the same few minutes
def _period_start(minute: int, period: str, zone: ZoneInfo) -> datetime:
    local = datetime.fromtimestamp(minute * 60, zone)
    if period != "minute":
        local = local.replace(minute=0)
    if period == "day":
        local = local.replace(hour=0, fold=0)
    return local


def period_end(moment: datetime, period: str, zone: ZoneInfo) -> datetime:
    """The start of the next minute, hour or calendar day; a day may last 23 or 25 hours."""
    start = period_start(moment, period, zone)
    if period == "day":
        return (start + timedelta(days=1)).replace(hour=0)  # wall-clock arithmetic within one zone
    return start.astimezone(UTC) + timedelta(**{f"{period}s": 1})


def anytime(moment: datetime) -> datetime:
    """The windows of a plan that has none."""
    return moment


@dataclass
class SenderPace:
    """One sender as the planner sees it: its quotas, what is spent or already planned, and when it is next free.

    `quotas` maps "minute", "hour" and "day" to a number of messages, or None for no limit; `spent` maps (period, start
    of the period) to messages, leased and queued together; `room` is how many more it may have queued; `health` is
    a percentage that slows it down.
    """

    sender_id: int
    zone: ZoneInfo
    quotas: dict[str, int | None]
    free_at: datetime
    room: int = 1_000_000
    health: int = 100
    spent: dict[tuple[str, datetime], int] = field(default_factory=dict)

    def count(self, moment: datetime, number: int = 1) -> None:
        for period, quota in self.quotas.items():
            if quota is not None:
                key = (period, period_start(moment, period, self.zone))
                self.spent[key] = self.spent.get(key, 0) + number

    def count_spent(self, moment: datetime, used: dict[str, int]) -> None:
        """Adds what was leased in the minute, hour and day of `moment`, as `senders.quota` gives it."""
        for period, number in used.items():
            key = (period, period_start(moment, period, self.zone))
            self.spent[key] = self.spent.get(key, 0) + number

    def next_slot(self, now: datetime) -> datetime:
        """The first moment, not before `now`, at which the sender is free and every quota has room."""
        moment = max(now, self.free_at)
        moved = True
        while moved:
            moved = False
            for period, quota in self.quotas.items():
                if quota is None:
                    continue
                if quota <= 0:
                    return moment + timedelta(days=365)
                if self.spent.get((period, period_start(moment, period, self.zone)), 0) >= quota:
                    moment = period_end(moment, period, self.zone)
                    moved = True
        return moment

    def take(self, moment: datetime, delay: timedelta) -> None:
        """Uses the slot at `moment`; the sender is free again after `delay`, longer the worse its health."""
        self.count(moment)
        self.room -= 1
        self.free_at = moment + delay * (100 / max(self.health, 1))


@dataclass
class Plan:
    """How one source of messages wants to be sent: its pool of senders, the pause between two messages of a sender,
    and its windows (`next_open` gives the first moment, not before the given one, at which it may send)."""

    key: int
    sender_ids: list[int]
    wanted: int
    min_delay: timedelta = timedelta(0)
    max_delay: timedelta = timedelta(0)
    next_open: Callable[[datetime], datetime] = anytime

    def delay(self, randomness: random.Random) -> timedelta:
        return self.min_delay + (self.max_delay - self.min_delay) * randomness.random()

    def next_slot(self, pace: SenderPace, now: datetime) -> datetime:
        """The first moment at which the sender has a slot and a window is open."""
        moment = pace.next_slot(now)
        while (opened := self.next_open(moment)) > moment:
            moment = pace.next_slot(opened)
        return moment


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

    Among senders that are free at the same moment, those take most that are healthiest (weighted round robin). Gives
    each plan at most `wanted` slots in order of time, none due at or after `until`.
    """
    slots: dict[int, list[Slot]] = {}
    queues: list[tuple[Plan, Heap]] = []
    for plan in plans:
        slots[plan.key] = []
        pool = [paces[sender_id] for sender_id in plan.sender_ids if sender_id in paces]
        heap: Heap = [(plan.next_slot(pace, now), 0.0, pace.sender_id) for pace in pool if pace.room > 0]
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
    heap: Heap,
    paces: dict[int, SenderPace],
    slots: list[Slot],
    now: datetime,
    until: datetime,
    randomness: random.Random,
) -> bool:
    """Adds the plan's earliest slot. False when no sender of its pool has one before `until`."""
    while heap and heap[0][0] < until:
        expected, turns, sender_id = heap[0]
        pace = paces[sender_id]
        if pace.room <= 0:
            heapq.heappop(heap)
            continue
        due_at = plan.next_slot(pace, now)
        if due_at > expected:  # another plan took the slot that this one had seen
            heapq.heapreplace(heap, (due_at, turns, sender_id))
            continue
        pace.take(due_at, plan.delay(randomness))
        slots.append(Slot(due_at, sender_id, pace.free_at))
        heapq.heapreplace(heap, (plan.next_slot(pace, now), turns + 100 / max(pace.health, 1), sender_id))
        return True
    return False
