"""Lets time pass for some batches and the senders they share, in steps of up to a day instead of message by message.

Between two moments at which a rule changes something (a minute, hour or day of a quota ends, a window opens or closes, a
sender comes back, a batch is done) every sender works at a constant rate until a quota is used up. A step goes from one
such moment to the next. Where batches compete for a sender, the planner's own dealing, tried on a few thousand slots,
says what each one gets. Minutes are told apart only in the hour in which the batch ends. Times are seconds since 1970;
numbers of messages are fractions, because they are expectations.
"""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf, log
from zoneinfo import ZoneInfo

from django.conf import settings

from messaging.planner import MOST_A_PASS, turn
from messaging.windows import Windows
from senders.pace import Plan, SenderPace, allocate, period_end, period_start
from senders.quota import PERIODS
from senders.slowing import Slowing

SHORTEST_STEP = 1.0
DONE = 1e-3  # messages: less than this is a rounding error
TRIED_SLOTS = 1_000
MOST_TRIED = 12  # as often one forecast tries the planner's dealing; after that the latest answer stands
UNPACED_A_SECOND = 2_000.0  # of all senders together, where neither a pause nor a quota limits the pace
HORIZON = timedelta(days=366)
Rivals = tuple[int, ...]  # the batches that compete for a sender
Shares = dict[int, dict[int, float]]  # sender id → batch → which part of its messages (0 to 1)


@dataclass
class Cohort:
    """People of a batch who wait under the same hours: all of them, or those of one time zone. `is_rest` of those who
    wait for the winner of a test."""

    pending: float
    windows: Windows
    not_before: float = 0.0
    is_rest: bool = False
    opens: float = 0.0  # the interval that was looked at last
    closes: float = 0.0

    def look(self, moment: float) -> None:
        """Finds the interval that is open at `moment`, or opens next."""
        if moment < self.closes:
            return
        earliest = _at(max(moment, self.not_before))
        closes = self.windows.closes_at(earliest)
        self.opens = self.windows.next_open(earliest).timestamp()
        self.closes = closes.timestamp() if closes else inf

    def copied(self, times: float) -> "Cohort":
        return Cohort(self.pending * times, self.windows, self.not_before, self.is_rest)


@dataclass
class Load:
    """What one batch still has to send, and how."""

    key: int
    sender_ids: list[int]
    min_delay: timedelta
    max_delay: timedelta
    cohorts: list[Cohort]
    priority: int = 0

    @property
    def mean_delay(self) -> float:
        return (self.min_delay + self.max_delay).total_seconds() / 2

    @property
    def delay_deviation(self) -> float:
        """The standard deviation of the pause, in seconds: it is drawn evenly between its ends."""
        return (self.max_delay - self.min_delay).total_seconds() / 12**0.5

    @property
    def pending(self) -> float:
        return sum(cohort.pending for cohort in self.cohorts)

    def open_at(self, moment: float) -> float:
        """Messages that may leave at this moment."""
        return sum(cohort.pending for cohort in self.cohorts if cohort.opens <= moment)

    def take(self, number: float, moment: float) -> None:
        """Takes messages of those who may get them, first of those who were let in first."""
        for cohort in sorted(self.cohorts, key=lambda each: each.opens):
            if cohort.opens <= moment:
                taken = min(number, cohort.pending)
                cohort.pending -= taken
                number -= taken
                if cohort.pending < DONE:
                    cohort.pending = 0.0

    def copied(self, times: float = 1.0) -> "Load":
        cohorts = [cohort.copied(times) for cohort in self.cohorts]
        return Load(self.key, self.sender_ids, self.min_delay, self.max_delay, cohorts, self.priority)


@dataclass
class SenderOutlook:
    """A sender as it is now, and what is known of its future.

    `pace` is the planner's view of it; `quotas_of_days` are its quotas of today and of the following days, of which the
    last one stays; `away` says why it cannot send before `available_from`; until `held_until` it may write to `known`
    people only.
    """

    pace: SenderPace
    quotas_of_days: list[int | None]
    available_from: datetime
    away: str = ""
    held_until: datetime | None = None
    known: int = 0


@dataclass
class Outcome:
    """`ends_at` is None where the batch is not done within `HORIZON`. `waited` says for how many seconds its senders
    were kept from sending more of it, by cause; `paced` counts the messages that a pause held up, and `dealt` those
    of all batches."""

    ends_at: datetime | None = None
    waited: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    paced: float = 0.0
    dealt: float = 0.0


def simulate(
    target: int,
    loads: Sequence[Load],
    senders: Sequence[SenderOutlook],
    *,
    now: datetime,
    competition: "Competition",
    slowing: Slowing,
    more: float = 1.0,
) -> Outcome:
    """When the batch `target` will have been sent. `more` multiplies its people; `slowing` holds for all senders."""
    copies = [load.copied(more if load.key == target else 1.0) for load in loads]
    return _Run(target, copies, senders, now, competition, slowing).run()


def _at(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


class Competition:
    """Which part of each sender's messages each batch gets, where several are served at once. Asked again it gives the
    same answer, so that two simulations differ only in what they should."""

    def __init__(self, minute_quotas: dict[int, int | None], *, seed: int = 0) -> None:
        self._minute_quotas = minute_quotas
        self._seed = seed
        self._found: dict[object, dict[Rivals, dict[int, float]]] = {}
        self._latest: dict[Rivals, dict[int, float]] = {}

    def shares(self, loads: Sequence[Load], working: frozenset[int]) -> Shares:
        """`working` are the senders that still have something of their hour's and their day's quota."""
        rivals: dict[int, list[int]] = {}
        for load in loads:
            for sender_id in load.sender_ids:
                if sender_id in working:
                    rivals.setdefault(sender_id, []).append(load.key)
        positions = {sender_id: tuple(keys) for sender_id, keys in rivals.items()}
        if all(len(keys) == 1 for keys in positions.values()):
            return {sender_id: {keys[0]: 1.0} for sender_id, keys in positions.items()}
        by_position = self._by_position(loads, positions)
        return {
            sender_id: by_position.get(keys) or dict.fromkeys(keys, 1 / len(keys))
            for sender_id, keys in positions.items()
        }

    def _by_position(self, loads: Sequence[Load], positions: dict[int, Rivals]) -> dict[Rivals, dict[int, float]]:
        """The parts that senders in the same position give to each batch: their differences are chance. A few senders
        more or less in a position change little: that is not tried again."""
        numbers = Counter((keys, self._minute_quotas[sender_id]) for sender_id, keys in positions.items())
        known_as = frozenset((position, round(log(number) * 6)) for position, number in numbers.items())
        if known_as not in self._found:
            if len(self._found) < MOST_TRIED:
                self._latest = self._latest | _together(self._served(loads, positions), positions)
            self._found[known_as] = self._latest
        return self._found[known_as]

    def _served(self, loads: Sequence[Load], positions: dict[int, Rivals]) -> dict[int, Counter[int]]:
        """Deals slots as the planner's passes do, one a second, and counts which batch got how many of each sender."""
        randomness = random.Random(self._seed)
        moment = datetime(2000, 1, 1, tzinfo=UTC)
        zone = ZoneInfo("UTC")
        paces = {each: SenderPace(each, zone, {"minute": self._minute_quotas[each]}, moment) for each in positions}
        pools = {load.key: [each for each, keys in positions.items() if load.key in keys] for load in loads}
        shortest = timedelta(seconds=shortest_pause(len(positions)))
        ahead = timedelta(seconds=settings.PLAN_AHEAD_SECONDS)
        queued: dict[int, deque[datetime]] = {load.key: deque() for load in loads}
        served: dict[int, Counter[int]] = {each: Counter() for each in positions}
        dealt = 0
        while dealt < TRIED_SLOTS:
            free = {each for each, pace in paces.items() if pace.next_slot(moment) < moment + ahead}
            plans = [
                Plan(load.key, pool, MOST_A_PASS, max(load.min_delay, shortest), max(load.max_delay, shortest))
                for load in sorted(loads, key=lambda load: turn(load.priority, len(queued[load.key]), randomness))
                if (pool := [each for each in pools[load.key] if each in free])
            ]
            slots = allocate(plans, paces, now=moment, until=moment + ahead, randomness=randomness)
            for key, given in slots.items():
                dealt += len(given)
                queued[key].extend(slot.due_at for slot in given)
                for slot in given:
                    served[slot.sender_id][key] += 1
            next_slot = min(pace.next_slot(moment) for pace in paces.values())
            moment = max(moment + timedelta(seconds=1), next_slot - ahead + timedelta(seconds=0.5))
            for waiting in queued.values():
                while waiting and waiting[0] < moment:
                    waiting.popleft()
        return served


def _together(served: dict[int, Counter[int]], positions: dict[int, Rivals]) -> dict[Rivals, dict[int, float]]:
    numbers: dict[Rivals, Counter[int]] = {}
    for sender_id, keys in positions.items():
        numbers.setdefault(keys, Counter()).update(served[sender_id])
    return {
        keys: {key: found[key] / found.total() for key in keys} for keys, found in numbers.items() if found.total()
    }


def shortest_pause(senders: int) -> float:
    """Seconds between two messages of one of so many senders where nothing but the machine limits the pace."""
    return senders / UNPACED_A_SECOND


@dataclass(slots=True)
class _Worker:
    """A sender while time passes: its quotas and what is left of them (`inf` where there is none)."""

    outlook: SenderOutlook
    quotas: dict[str, float]
    left: dict[str, float]
    days: list[float]
    free_at: float
    held_until: float
    known: float

    def begin(self, period: str, starts: datetime, today: int) -> None:
        """A new minute, hour or day: its quota is there again, but for what is queued in it already."""
        if period == "day":
            self.quotas["day"] = self.days[min(today, len(self.days) - 1)]
        self.left[period] = max(0.0, self.quotas[period] - self.outlook.pace.spent.get((period, starts), 0))

    def take(self, number: float, moment: float) -> None:
        for period in PERIODS:
            self.left[period] -= number
        if moment < self.held_until:
            self.known -= number

    def why_idle(self, moment: float, sent: float, *, minutes: bool) -> str:
        """Which rule keeps it from sending more after it has sent so many."""
        if moment < self.held_until and self.known - sent < DONE:
            return "hold"
        if self.left["day"] - sent < DONE:
            return "warm_up" if self.quotas["day"] < self.days[-1] else "quota_day"
        if self.left["hour"] - sent < DONE:
            return "quota_hour"
        return "quota_minute" if minutes else "delay"


def _worker(outlook: SenderOutlook, now: datetime) -> _Worker:
    pace = outlook.pace
    worker = _Worker(
        outlook=outlook,
        quotas={period: _number(pace.quotas.get(period)) for period in PERIODS},
        left={},
        days=[_number(quota) for quota in outlook.quotas_of_days],
        free_at=max(pace.free_at, outlook.available_from).timestamp(),
        held_until=outlook.held_until.timestamp() if outlook.held_until else 0.0,
        known=float(outlook.known),
    )
    for period in PERIODS:
        worker.begin(period, period_start(now, period, pace.zone), 0)
    return worker


def _number(quota: int | None) -> float:
    return inf if quota is None else float(quota)


@dataclass(slots=True)
class _Part:
    """What one sender does in a step: it starts `offset` seconds into it, at `rate` a second, up to `most` messages.
    `free_rate` is what its pauses alone would allow."""

    worker: _Worker
    shares: dict[int, float]
    offset: float
    rate: float
    free_rate: float
    most: float

    def sent(self, seconds: float) -> float:
        return min(self.most, self.rate * max(0.0, seconds - self.offset))


class _Run:
    """One simulation. `t` is the present moment in it."""

    def __init__(
        self,
        target: int,
        loads: Sequence[Load],
        senders: Sequence[SenderOutlook],
        now: datetime,
        competition: Competition,
        slowing: Slowing,
    ) -> None:
        self.loads = loads
        self.target = next(load for load in loads if load.key == target)
        self.workers = {outlook.pace.sender_id: _worker(outlook, now) for outlook in senders}
        self.pool = [self.workers[each] for each in self.target.sender_ids if each in self.workers]
        self.zone = senders[0].pace.zone
        self.began = self.t = now.timestamp()
        self.ends = {period: period_end(now, period, self.zone).timestamp() for period in PERIODS}
        self.today = 0
        self.minutes_matter = self._has_minutes()  # in the first minute, which is a part of one
        self.ending = False
        self.competition = competition
        self.slowing = slowing
        self.outcome = Outcome()

    def run(self) -> Outcome:
        while self.target.pending > 0 and self.t < self.began + HORIZON.total_seconds():
            self._begin_periods()
            for load in self.loads:
                for cohort in load.cohorts:
                    cohort.look(self.t)
            self._step()
        return self.outcome

    def _begin_periods(self) -> None:
        for period, ends in self.ends.items():
            if self.t < ends or (period == "minute" and not self.minutes_matter):
                continue
            while period == "day" and self.t >= ends:
                ends = period_end(_at(ends), period, self.zone).timestamp()  # noqa: PLW2901
                self.today += 1
            self._begin(period)

    def _begin(self, period: str) -> None:
        self.minutes_matter &= self.ending or period != "minute"
        moment = _at(self.t)
        self.ends[period] = period_end(moment, period, self.zone).timestamp()
        starts = period_start(moment, period, self.zone)
        for worker in self.workers.values():
            worker.begin(period, starts, self.today)

    def _step(self) -> None:
        active = [load for load in self.loads if load.open_at(self.t) > 0]
        parts = self._parts(active)
        end, is_close = self._next_edge(parts)
        seconds = end - self.t
        after = {load.key: _done_after(load.key, load.open_at(self.t), parts, seconds) for load in active}
        first = min(after.values(), default=inf)
        if after.get(self.target.key, inf) < inf and not self.minutes_matter and self._has_minutes():
            self.ending = self.minutes_matter = True  # and the step is taken again, minute by minute
            self._begin("minute")
            return
        if (
            after.get(self.target.key, inf) <= min(first, seconds)
            and self.target.open_at(self.t) == self.target.pending
        ):
            self.outcome.ends_at = _at(max(self.began, self.t + first - self._overhang(parts, first)))
        self._pass(active, parts, min(first, seconds), is_close=is_close and first > seconds)

    def _has_minutes(self) -> bool:
        return any(worker.quotas["minute"] < inf for worker in self.pool)

    def _parts(self, active: list[Load]) -> list[_Part]:
        by_key = {load.key: load for load in active}
        working = frozenset(
            each for each, worker in self.workers.items() if min(worker.left["day"], worker.left["hour"]) >= DONE
        )
        parts = []
        for sender_id, shares in self.competition.shares(active, working).items():
            worker = self.workers[sender_id]
            pause = sum(
                share * max(by_key[key].mean_delay * self.slowing.times, shortest_pause(len(self.pool)))
                for key, share in shares.items()
            )
            free_rate = 1 / (pause + self.slowing.wait)
            most = min(worker.left["hour"], worker.left["day"])
            rate = free_rate
            if self.minutes_matter:
                most = min(most, worker.left["minute"])
            else:
                rate = min(rate, worker.quotas["minute"] / 60)
            if self.t < worker.held_until:
                most = min(most, worker.known)
            offset = max(0.0, worker.free_at - self.t)
            parts.append(_Part(worker, shares, offset, rate, free_rate, max(0.0, most)))
        return parts

    def _next_edge(self, parts: list[_Part]) -> tuple[float, bool]:
        """When a rule changes something next, and whether that is a window that closes."""
        edges = [self.began + HORIZON.total_seconds(), self.ends["day"]]
        closes = inf
        for load in self.loads:
            for cohort in load.cohorts:
                if cohort.pending > 0:
                    if cohort.opens > self.t:
                        edges.append(cohort.opens)
                    else:
                        closes = min(closes, cohort.closes)
        if any(worker.quotas["hour"] < inf and worker.left["day"] >= DONE for worker in self.workers.values()):
            edges.append(self.ends["hour"])
        if self.minutes_matter and parts:
            edges.append(self.ends["minute"])
        if any(len(part.shares) > 1 for part in parts):  # the batches then deal with each other in another way
            edges += [
                self.t + done for part in parts if (done := part.offset + part.most / part.rate) >= SHORTEST_STEP
            ]
        edges += [part.worker.held_until for part in parts if part.worker.held_until > self.t]
        end = min(edges)
        return (closes, True) if closes < end else (end, False)

    def _pass(self, active: list[Load], parts: list[_Part], seconds: float, *, is_close: bool) -> None:
        """Lets the time pass, sends what can be sent in it, and notes what kept the batch waiting."""
        if self.target.open_at(self.t) > 0:
            for part in parts:
                if self.target.key in part.shares:
                    self._note(part, seconds)
        else:
            waits = any(each.is_rest and each.pending and each.not_before > self.t for each in self.target.cohorts)
            self.outcome.waited["winner" if waits else "window"] += seconds * len(self.pool)
        taken: defaultdict[int, float] = defaultdict(float)
        for part in parts:
            sent = part.sent(seconds)
            if is_close and part.offset < seconds:
                sent = min(part.most, sent + 0.5)  # the message that is sent just before the window closes
            part.worker.take(sent, self.t)
            self.outcome.dealt += sent
            for key, share in part.shares.items():
                taken[key] += sent * share
        for load in active:
            load.take(taken[load.key], self.t)
        self.t += seconds

    def _note(self, part: _Part, seconds: float) -> None:
        waited = self.outcome.waited
        away = min(part.offset, seconds)
        waited[part.worker.outlook.away or "delay"] += away
        sent = part.sent(seconds)
        busy = sent / part.rate if part.rate else 0.0
        ours = busy * part.shares[self.target.key]
        waited["other_batches"] += busy - ours
        unhurried = ours * part.rate / part.free_rate  # without the quota of a minute
        waited["quota_minute"] += ours - unhurried
        nominal = min(1.0, max(self.target.mean_delay, shortest_pause(len(self.pool))) * part.free_rate)
        waited["delay" if self.target.mean_delay * UNPACED_A_SECOND > len(self.pool) else "machine"] += (
            unhurried * nominal
        )
        waited["health"] += unhurried * (1 - nominal) if self.slowing.times > 1 else 0.0
        idle = seconds - away - busy
        if idle > 0 and sent >= part.most - DONE:
            waited[part.worker.why_idle(self.t, sent, minutes=self.minutes_matter)] += idle
        else:
            self.outcome.paced += sent * part.shares[self.target.key]

    def _overhang(self, parts: list[_Part], seconds: float) -> float:
        """The rates count a message to the end of the pause that follows it; the last one leaves before its pause."""
        last = [part for part in parts if self.target.key in part.shares and part.offset < seconds]
        still = [part for part in last if part.offset + part.most / part.rate >= seconds] or last
        rates = [part.rate * part.shares[self.target.key] for part in still]
        if not sum(rates):
            return 0.0
        # As many equal senders as these come to: one that gives the batch hardly anything does not count.
        equals = sum(rates) ** 2 / sum(rate**2 for rate in rates)
        return (equals + 1) / (2 * sum(rates))


def _done_after(key: int, pending: float, parts: list[_Part], seconds: float) -> float:
    """Seconds until so many messages of the batch are sent; `inf` where that takes longer than the step."""
    mine = [(part, share) for part in parts if (share := part.shares.get(key, 0.0))]

    def sent(after: float) -> float:
        return sum(part.sent(after) * share for part, share in mine)

    pending -= DONE  # sums of fractions end beside whole numbers
    if sent(seconds) < pending:
        return inf
    low, high = 0.0, seconds
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if sent(middle) >= pending else (middle, high)
    return high
