"""The report of a campaign: how many people got, opened and answered its message, and why others did not.

The funnel comes from counters that change with the messages, and is true at every moment. The details are counted from
the rows (`campaigns.report_details`) and say as of when: at once for a small campaign, by a task for a large one, and not
again as long as the counters say the same.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.utils.timezone import now

from accounts import live
from campaigns import report_details
from campaigns.models import Campaign, CampaignReport
from messaging import counts, progress
from messaging.models import BatchStatus

COUNTED_AT_ONCE = 50_000  # messages: a tenth of a second; more are counted by a task
SHORTEST_REST = timedelta(seconds=2)
REST_FACTOR = 30  # after a count that took a second, the next one begins half a minute later: 3 % of a core at most
COUNTED_AGAIN_AFTER = timedelta(hours=1)  # a retry that failed for another reason leaves the counters as they were
WATCHED_AFTER_THE_END = timedelta(days=2)
LONGEST_COUNT_SECONDS = 300


@dataclass(frozen=True)
class Step:
    """How many people came that far; `share` in percent of those at `of`, None where there is nobody."""

    code: str
    people: int
    of: str
    share: float | None


@dataclass(frozen=True)
class Report:
    """`details` are as of `details_as_of`; both are None until a large campaign was counted for the first time."""

    as_of: datetime
    people: int
    funnel: list[Step]
    details: dict[str, Any] | None
    details_as_of: datetime | None
    is_current: bool  # nothing has changed since the details were counted


def report_of(campaign: Campaign) -> Report:
    """The report as of now. Counts the details where they are out of date and that is quick, else has them counted."""
    figures, moment = counts.of_batches([campaign.batch_id])[campaign.batch_id], now()
    reactions = _reactions(campaign)
    kept = CampaignReport.objects.filter(campaign=campaign).first()
    total = sum(figures.values())
    if _is_due(kept, _fingerprint(figures, reactions)):
        if total <= COUNTED_AT_ONCE:
            kept = count_details(campaign) or kept
        elif cache.add(f"report:asked:{campaign.pk}", 1, 30):
            from campaigns.tasks import count_report  # tasks import services

            count_report.apply_async((campaign.pk,), expires=60)
    return Report(
        as_of=moment,
        people=total,
        funnel=funnel(figures, reactions),
        details=kept.details if kept else None,
        details_as_of=kept.as_of if kept else None,
        is_current=kept is not None and kept.counted == _fingerprint(figures, reactions),
    )


def _reactions(campaign: Campaign) -> dict[str, int]:
    return progress.reactions([campaign.batch])[campaign.batch_id]


def funnel(figures: dict[counts.Key, int], reactions: dict[str, int]) -> list[Step]:
    """The steps in their order: `sent` and `failed` of all people, the others of those to whom it was sent."""
    people = progress.funnel(figures, reactions)
    bases = {"people": sum(figures.values()), "sent": people["sent"]}
    steps = []
    for code, number in people.items():
        of = "people" if code in ("sent", "failed") else "sent"
        steps.append(Step(code, number, of, share(number, bases[of])))
    return steps


def share(number: int, base: int) -> float | None:
    """Percent, rounded to a tenth; but nothing rounds up to 100 % or down to 0 %."""
    if not base:
        return None
    exact = number * 100 / base
    rounded = round(exact, 1)
    if rounded >= 100 > exact:
        return 99.9
    return 0.1 if not rounded and number else rounded


# -- Counting the details --


def _fingerprint(figures: dict[counts.Key, int], reactions: dict[str, int]) -> str:
    said = json.dumps([sorted([*key, number] for key, number in figures.items()), reactions], default=int)
    return hashlib.sha256(said.encode()).hexdigest()


def _is_due(kept: CampaignReport | None, fingerprint: str) -> bool:
    if kept is None:
        return True
    age = now() - kept.as_of
    if kept.counted == fingerprint:
        return age > COUNTED_AGAIN_AFTER
    return age > max(SHORTEST_REST, REST_FACTOR * timedelta(milliseconds=kept.took_ms))


def count_details(campaign: Campaign) -> CampaignReport | None:
    """Counts and keeps the details, and tells who watches. None where another process is counting them."""
    lock = f"report:counting:{campaign.pk}"
    if not cache.add(lock, 1, LONGEST_COUNT_SECONDS):
        return None
    try:
        # Read first: what changes meanwhile makes the kept details out of date, never wrongly current.
        figures, moment = counts.of_batches([campaign.batch_id])[campaign.batch_id], now()
        fingerprint = _fingerprint(figures, _reactions(campaign))
        began = time.monotonic()
        details = report_details.count(campaign.batch)
        took_ms = round((time.monotonic() - began) * 1000)
        kept, _is_new = CampaignReport.objects.update_or_create(
            campaign=campaign,
            defaults={"as_of": moment, "took_ms": took_ms, "counted": fingerprint, "details": details},
        )
    finally:
        cache.delete(lock)
    live.publish(progress.topic(campaign.batch_id), {"type": "report", "at": kept.as_of.isoformat()})
    return kept


def count_report(*, campaign_id: int) -> None:
    """What the task does: counts if it is still due."""
    campaign = Campaign.objects.select_related("batch__organization").filter(pk=campaign_id).first()
    if campaign is None:
        return
    figures = counts.of_batches([campaign.batch_id])[campaign.batch_id]
    kept = CampaignReport.objects.filter(campaign=campaign).first()
    if _is_due(kept, _fingerprint(figures, _reactions(campaign))):
        count_details(campaign)


def to_watch() -> Iterable[int]:
    """Campaigns too large to be counted while somebody waits, that send or ended a short time ago."""
    recent = Campaign.objects.filter(batch__finished_at__gt=now() - WATCHED_AFTER_THE_END)
    alive = Campaign.objects.filter(batch__status__in=[BatchStatus.RUNNING, BatchStatus.PAUSED])
    rows = (recent | alive).values_list("pk", "batch_id")
    figures = counts.of_batches([batch_id for _pk, batch_id in rows])
    return [pk for pk, batch_id in rows if sum(figures[batch_id].values()) > COUNTED_AT_ONCE]
