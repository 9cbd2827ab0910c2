"""How far a batch is, and telling its watchers: at most four events a second, whatever the number of writers."""

import logging
import time
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.utils.timezone import now
from redis.exceptions import RedisError

from accounts import live
from messaging import counts, opt_out_rates
from messaging.links import clicks
from messaging.models import OPEN_STATUSES, Batch, BatchStatus, MessageStatus
from messaging.queries import stats_of

logger = logging.getLogger(__name__)

EVENTS_A_SECOND = 4
RATE_WINDOW_SECONDS = 60
# What counts as having left, for the rate: failed and skipped messages cost no time.
LEFT_STATUSES = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


def topic(batch_id: int) -> str:
    return f"batch.{batch_id}"


def snapshot(batch: Batch) -> dict[str, Any]:
    """The figures of a batch at this moment.

    `counts` as in `queries.batch_stats`; `done` of `total` messages need nothing more from us (`percent`, rounded
    down); `funnel` as below; `opted_out` people after its message, `opt_out_rate` of those whom it reached in percent; `rate_per_minute`
    over the last minute, None while not known.
    """
    return snapshots([batch])[batch.pk]


def snapshots(batches: Iterable[Batch]) -> dict[int, dict[str, Any]]:
    """`snapshot` of several batches, in as many queries as of one."""
    by_id = {batch.pk: batch for batch in batches}
    figures = counts.of_batches(list(by_id))
    reacted = reactions(by_id.values())
    return {batch_id: _snapshot(by_id[batch_id], found, reacted[batch_id]) for batch_id, found in figures.items()}


def reactions(batches: Iterable[Batch]) -> dict[int, dict[str, int]]:
    """How many people `replied` and `opted_out`, which no status says; and `clicked` where links are tracked."""
    by_id = {batch.pk: batch for batch in batches}
    answered, opted_out = counts.answered(list(by_id)), opt_out_rates.of_batches(by_id)
    clicked = clicks.of_batches(batch.pk for batch in by_id.values() if batch.track_links)
    return {
        batch_id: {
            "replied": answered[batch_id],
            **({"clicked": clicked[batch_id]} if batch_id in clicked else {}),
            "opted_out": opted_out[batch_id],
        }
        for batch_id in by_id
    }


def funnel(figures: dict[counts.Key, int], reacted: dict[str, int]) -> dict[str, int]:
    """How many people came how far, from a batch's figures and reactions: who read is delivered and sent as well."""
    numbers = counts.by_name(figures)
    return {
        "sent": sum(numbers[status.label] for status in LEFT_STATUSES),
        "delivered": numbers["delivered"] + numbers["read"],
        "read": numbers["read"],
        **reacted,
        "failed": numbers["failed"],
    }


def _snapshot(batch: Batch, figures: dict[counts.Key, int], reacted: dict[str, int]) -> dict[str, Any]:
    stats = stats_of(figures)
    still_open = sum(number for (status, _), number in figures.items() if status in OPEN_STATUSES)
    left = sum(number for (status, _), number in figures.items() if status in LEFT_STATUSES)
    total = stats["total"]
    rate = _rate(batch.pk, left) if batch.status == BatchStatus.RUNNING else None
    moment = now()
    return {
        "status": batch.status,
        "status_reason": batch.status_reason,
        "counts": stats,
        "skipped": sum(stats["skipped"].values()),
        "funnel": funnel(figures, reacted),
        "opted_out": reacted["opted_out"],
        "opt_out_rate": opt_out_rates.rate(reacted["opted_out"], left),
        "done": total - still_open,
        "total": total,
        "percent": (total - still_open) * 100 // total if total else 0,
        "rate_per_minute": round(rate) if rate is not None else None,
        "as_of": moment.isoformat(),
    }


def _rate(batch_id: int, left: int) -> float | None:
    """Messages a minute over the last `RATE_WINDOW_SECONDS`, from samples that the snapshots themselves leave."""
    key = f"progress:samples:{batch_id}"
    moment = time.time()
    samples = [(at, number) for at, number in cache.get(key, []) if at > moment - RATE_WINDOW_SECONDS]
    if not samples or samples[-1][0] < moment - 1:
        samples.append((moment, left))
        cache.set(key, samples, RATE_WINDOW_SECONDS)
    began, number = samples[0]
    if moment - began < 2:
        return None
    return max(0.0, (left - number) / (moment - began) * 60)


def event(batch: Batch) -> dict[str, Any]:
    """What watchers of the batch are told."""
    state = snapshot(batch)
    return {"type": "progress", "at": state["as_of"], **state}


def publish(batch_ids: Iterable[int], *, at_once: bool = False) -> set[int]:
    """Sends each batch's snapshot to its watchers; returns those that were told too recently to be told again.

    Writers that go on writing try these again a little later. `at_once` is for a change of the batch itself.
    A broken Redis costs the live update, never the change that it tells of.
    """
    wanted = set(batch_ids)
    try:
        due = {batch_id for batch_id in wanted if at_once or _may_publish(batch_id)}
        for batch in Batch.objects.filter(pk__in=due):
            state = snapshot(batch)
            live.publish(topic(batch.pk), {"type": "progress", "at": state["as_of"], **state})
    except RedisError as error:
        logger.warning("no live update of batches: %s", error)
        return wanted
    return wanted - due


def _may_publish(batch_id: int) -> bool:
    """True for one caller, over all processes, in each quarter of a second."""
    return cache.add(f"progress:told:{batch_id}:{int(time.time() * EVENTS_A_SECOND)}", 1, 2)
