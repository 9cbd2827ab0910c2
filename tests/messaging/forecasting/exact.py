"""The slow truth: the planner's dealing, pass by pass and slot by slot, for a clock that jumps from pass to pass."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from messaging.forecasting.simulation import Load, SenderOutlook
from messaging.planner import MOST_A_PASS, turn
from senders.pace import Plan, SenderPace, allocate, period_start


def last_slot(
    target: int, loads: Sequence[Load], senders: Sequence[SenderOutlook], *, now: datetime, seed: int
) -> datetime:
    """When the last message of the batch `target` is due. Every load must have one cohort."""
    randomness = random.Random(seed)
    left = {load.key: round(load.pending) for load in loads}
    paces = {each.pace.sender_id: _copy(each, now) for each in senders}
    first_day = period_start(now, "day", senders[0].pace.zone).date()
    moment, last = now, now
    queued: dict[int, list[datetime]] = {load.key: [] for load in loads}
    while left[target]:
        today = (moment.astimezone(senders[0].pace.zone).date() - first_day).days
        for each in senders:
            quotas = each.quotas_of_days
            paces[each.pace.sender_id].quotas["day"] = quotas[min(today, len(quotas) - 1)]
        until = moment + timedelta(seconds=settings.PLAN_AHEAD_SECONDS)
        plans = [
            Plan(
                load.key,
                load.sender_ids,
                min(left[load.key], MOST_A_PASS),
                load.min_delay,
                load.max_delay,
                _next_open(load),
            )
            for load in sorted(loads, key=lambda load: turn(load.priority, len(queued[load.key]), randomness))
            if left[load.key]
        ]
        slots = allocate(plans, paces, now=moment, until=until, randomness=randomness)
        for key, given in slots.items():
            left[key] -= len(given)
            queued[key] += [slot.due_at for slot in given]
            if key == target and given:
                last = max(last, given[-1].due_at)
        soonest = min(plan.next_slot(paces[each], moment) for plan in plans for each in plan.sender_ids)
        ahead = timedelta(seconds=settings.PLAN_AHEAD_SECONDS - 1)
        moment = max(moment + timedelta(seconds=1), (soonest - ahead).replace(microsecond=0))
        queued = {key: [due for due in waiting if due > moment] for key, waiting in queued.items()}
        for pace in paces.values():  # a quota's former periods are of no use any more
            if len(pace.spent) > 50:
                pace.spent = {key: number for key, number in pace.spent.items() if key[1] > moment - timedelta(days=2)}
    return last


def _next_open(load: Load):
    return load.cohorts[0].windows.next_open


def _copy(outlook: SenderOutlook, now: datetime) -> SenderPace:
    pace = outlook.pace
    return SenderPace(
        pace.sender_id,
        pace.zone,
        dict(pace.quotas),
        max(pace.free_at, outlook.available_from),
        health=pace.health,
        spent=dict(pace.spent),
    )
