"""The forecast of one batch: when it starts and ends, between what and what, and what holds it back.

`earliest` and `latest` hold nine times out of ten as long as things stay as they are: the same senders connected, the
same batches running. They come from the chance in the pauses and in the dealing, and from how little is known of
failures and of the messages that will be skipped.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from messaging.forecasting.facts import Facts
from messaging.forecasting.simulation import Competition, Load, Outcome, SenderOutlook, simulate
from messaging.variants.waiting import Rest
from senders.pace import Plan
from senders.slowing import slowing_at

WITHIN = 1.64  # standard deviations to either side: nine times out of ten
SETTLES = timedelta(
    seconds=1
)  # from the moment when the last message is due to its acknowledgement and the batch's end
FOREVER = timedelta(days=300)  # a quota of nothing gives a slot in a year


@dataclass(frozen=True)
class Forecast:
    """`ends_at`, `earliest` and `latest` are None where it cannot end. `waited` says for how many seconds senders are
    kept from sending more, by cause."""

    facts: Facts
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    waited: dict[str, float] = field(default_factory=dict)


def forecast(facts: Facts) -> Forecast:
    """Lets the time pass three times: as is most likely, and at either end of what chance may do."""
    if not facts.pool:
        return Forecast(facts)
    target = facts.loads[0]
    if target.pending <= 0:
        ends_at = (facts.queued_until or facts.now) + SETTLES
        return Forecast(facts, facts.now, ends_at, ends_at - SETTLES, ends_at + SETTLES)
    starts_at = _first_slot(target, facts.pool, facts.now)
    competition = Competition({each.pace.sender_id: each.pace.quotas["minute"] for each in facts.senders})
    if facts.rest is not None and facts.rest.tested_at is None:
        _let_the_rest_wait(facts, facts.rest, competition)
    likely = _simulated(facts, competition, facts.failures.share)
    if starts_at is None or likely.ends_at is None:
        return Forecast(facts, starts_at, waited=likely.waited)
    spread = _spread(facts, likely)
    best = _simulated(facts, competition, facts.failures.best_share, more=max(0.0, 1 - spread))
    worst = _simulated(facts, competition, facts.failures.worst_share, more=1 + spread)
    ends = [outcome.ends_at for outcome in (best, likely, worst) if outcome.ends_at is not None]
    ends = [_settled(facts, ends_at) for ends_at in ends]
    ends_at = _settled(facts, likely.ends_at)
    margin = SETTLES + timedelta(seconds=_last_pause(target, facts))
    earliest = max(min(ends) - margin, min(starts_at, ends_at))
    latest = max(ends) + margin if worst.ends_at else None
    return Forecast(facts, starts_at, ends_at, earliest, latest, likely.waited)


def _let_the_rest_wait(facts: Facts, rest: Rest, competition: Competition) -> None:
    """Who waits for the winner goes when the test is sent and measured: when it is sent, a simulation of it says."""
    target, *others = facts.loads
    test = replace(target, cohorts=[cohort for cohort in target.cohorts if not cohort.is_rest])
    if test.pending <= 0:
        return
    alone = _simulated(replace(facts, loads=[test, *others]), competition, facts.failures.share)
    if alone.ends_at is None:
        return  # then the whole has no end either
    goes_at = _settled(facts, alone.ends_at) + rest.measured
    for cohort in target.cohorts:
        if cohort.is_rest:
            cohort.not_before = max(cohort.not_before, goes_at.timestamp())


def _simulated(facts: Facts, competition: Competition, failure_share: float, *, more: float = 1.0) -> Outcome:
    return simulate(
        facts.target,
        facts.loads,
        facts.senders,
        now=facts.now,
        competition=competition,
        slowing=slowing_at(failure_share),
        more=more,
    )


def _settled(facts: Facts, ends_at: datetime) -> datetime:
    return max(ends_at, facts.queued_until or ends_at) + SETTLES


def _first_slot(target: Load, pool: list[SenderOutlook], now: datetime) -> datetime | None:
    """When the first message may leave, by the planner's own rule; None where that is never."""
    found = []
    for cohort in target.cohorts:
        plan = Plan(0, [], 1, next_open=cohort.windows.next_open)
        for outlook in pool:
            free_from = max(outlook.available_from, now)
            if outlook.held_until is not None and not outlook.known:
                free_from = max(free_from, outlook.held_until)
            earliest = max(free_from.timestamp(), cohort.not_before)
            found.append(plan.next_slot(outlook.pace, datetime.fromtimestamp(earliest, now.tzinfo)))
    first = min(found)
    return first if first < now + FOREVER else None


def _spread(facts: Facts, likely: Outcome) -> float:
    """By which part of its people the batch may be ahead or behind, through chance alone."""
    target = facts.loads[0]
    pending = target.pending
    pauses = target.delay_deviation / target.mean_delay * likely.paced**0.5 if target.mean_delay else 0.0
    turns = max(0.0, likely.dealt - pending) ** 0.5 if len(facts.loads) > 1 else 0.0
    share = facts.skipped_share
    skips = 0.0
    if facts.sampled and facts.sampled < facts.pending:
        skips = facts.pending * (share * (1 - share) / facts.sampled) ** 0.5
    return WITHIN * (pauses**2 + min(turns, 0.1 * pending) ** 2 + skips**2) ** 0.5 / pending


def _last_pause(target: Load, facts: Facts) -> float:
    """Seconds by which the last message may differ from the mean: some sender happens to be free sooner or later."""
    return target.mean_delay / 2 if len(facts.pool) > 1 else WITHIN * target.delay_deviation
