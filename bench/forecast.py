"""Forecasts beside what then happens: random campaigns that the product's own planner, lease and ledger carry out in
simulated time, some that run in real time, and how long the answer takes for a million people over a hundred senders.
"""

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from bench import engine
from bench.forecast_plans import PREFIXES, Plan, PlannedBatch, draw
from bench.results import emit, percentile
from campaigns.forecast import CampaignForecast, forecast
from campaigns.models import Campaign
from messaging import counts, ledger, planner, services
from messaging.counts import Changes
from messaging.events import Outcome, SendResult
from messaging.models import OPEN_STATUSES, Batch, BatchStatus, MessageStatus
from senders.models import Sender, SenderStatus
from session_service.models import SessionLease, SessionWorker
from session_service.providers.base import OutgoingMessage
from session_service.queue import lease_due
from whatsapp_automation.rehearsal import clock as simulated_clock
from whatsapp_automation.rehearsal.clock import Clock

PLANS = 20
PEOPLE = 1_200
WANTED = 5.0  # %: so close to the truth the end must lie
LATENCY = timedelta(milliseconds=400)
# The planner looks a minute ahead, and half a minute keeps what is due in a minute in it. Where batches compete, a slot of
# somebody who is skipped is dealt again in the next pass: in the product that is a second later.
TICK, TICK_OF_RIVALS = timedelta(seconds=30), timedelta(seconds=5)
IDLE_TICK = timedelta(minutes=15)  # every rule that ends a wait does so on a quarter of an hour
MOMENT = timedelta(milliseconds=10)
LONGEST_RUN = timedelta(days=60)
ATTEMPTS_BEFORE = 2_000  # what was known of failures before


def run(*, quick: bool) -> None:
    plans = [draw(number, largest=240 if quick else PEOPLE) for number in range(1, 1 + (2 if quick else PLANS))]
    with simulated_clock.running() as clock:
        compared = [_compare(plan, clock) for plan in plans]
    SessionWorker.objects.all().delete()  # it holds the senders of the plans for months to come
    Sender.objects.update(wanted=False)
    errors = [abs(each.error) for each in compared]
    emit("forecast", f"{len(plans)} plans: error of the end, largest", max(errors), "%", wanted=WANTED)
    emit("forecast", f"{len(plans)} plans: error of the end, median", percentile(errors, 0.5), "%")
    emit(
        "forecast",
        f"{len(plans)} plans: end between earliest and latest",
        sum(each.is_inside for each in compared),
        "plans",
    )
    halfway = [abs(each.error_halfway) for each in compared]
    emit("forecast", f"{len(plans)} plans: error of the end, asked again halfway, largest", max(halfway), "%")
    for planned in (QUICK_RUN,) if quick else REAL_RUNS:
        _compare_in_real_time(planned)
    _time_large(10_000 if quick else 1_000_000, 10 if quick else 100)


@dataclass(frozen=True)
class Compared:
    """Errors are in % of the time from the first to the last message."""

    error: float
    error_halfway: float
    is_inside: bool


# -- In simulated time --


def _compare(plan: Plan, clock: Clock) -> Compared:
    engine.remove_messages()
    clock.set(plan.starts_at)
    campaign, worker = _made(plan)
    began = time.perf_counter()
    foreseen = forecast(campaign)
    took = time.perf_counter() - began
    services.start_batch(batch=campaign.batch)
    total = counts.of_batches([campaign.batch_id])[campaign.batch_id][(MessageStatus.PENDING, "")]
    first, last, again = _carry_out(plan, campaign, worker, clock, halfway=total // 2)
    assert foreseen.ends_at is not None
    length = (last - first).total_seconds()
    error = (foreseen.ends_at - last).total_seconds() / length * 100
    error_halfway = (again.ends_at - last).total_seconds() / length * 100 if again and again.ends_at else 0.0
    is_inside = bool(
        foreseen.earliest and foreseen.earliest <= last and (not foreseen.latest or last <= foreseen.latest)
    )
    emit(
        "forecast",
        f"{plan.name}: error of the end",
        error,
        "%",
        hours=round(length / 3600, 2),
        halfway=round(error_halfway, 2),
        is_inside=is_inside,
        ms=round(took * 1000),
        limits=[limit.code for limit in foreseen.limits],
    )
    return Compared(error, error_halfway, is_inside)


def _made(plan: Plan) -> tuple[Campaign, SessionWorker]:
    organization = Organization.objects.create(
        name=f"Plan {plan.number}", slug=f"plan-{plan.number}", timezone=plan.zone
    )
    senders = engine.make_senders(organization, len(plan.senders))
    for sender, fields in zip(senders, plan.senders, strict=True):
        Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.CONNECTED, health_at=plan.starts_at, **fields)
    worker = SessionWorker.objects.create(name=f"plan-{plan.number}", capacity=1000)
    SessionLease.objects.bulk_create(
        SessionLease(sender=sender, worker=worker, epoch=1, expires_at=plan.starts_at + 2 * LONGEST_RUN)
        for sender in senders
    )
    batches = [_made_batch(each, senders, plan.starts_at) for each in plan.batches]
    for rival in batches[1:]:
        services.start_batch(batch=rival)
    if plan.failure_share:  # what senders did before is what a forecast goes by
        past = Batch.objects.create(
            organization=organization,
            text="",
            status=BatchStatus.COMPLETED,
            started_at=plan.starts_at,
            finished_at=plan.starts_at,
        )
        failed = round(ATTEMPTS_BEFORE * plan.failure_share)
        counts.add(past.pk, {(MessageStatus.SENT, ""): ATTEMPTS_BEFORE - failed, (MessageStatus.FAILED, ""): failed})
    if plan.blocks:
        _block_every_tenth(batches[0])
    campaign = Campaign.objects.create(
        organization=organization, name=plan.name[:120], batch=batches[0], frozen_at=plan.starts_at
    )
    return campaign, worker


def _made_batch(planned: PlannedBatch, senders: list[Sender], starts_at: datetime) -> Batch:
    shortest, longest = planned.delays_ms
    pool = [senders[place] for place in planned.pool]
    batch = engine.make_batch(pool, planned.size, min_delay_ms=shortest, max_delay_ms=longest)
    batch.windows, batch.recipient_time = planned.windows, planned.recipient_time
    batch.save(update_fields=["windows", "recipient_time"])
    prefixes = PREFIXES if planned.recipient_time else PREFIXES[:1]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_message SET due_at = %s, phone_number = (%s::text[])[1 + id %% %s] || lpad(id::text, 7, '0')"
            " WHERE batch_id = %s",
            [starts_at, prefixes, len(prefixes), batch.pk],
        )
    return batch


def _block_every_tenth(batch: Batch) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO contacts_blocklistentry (organization_id, phone_number, reason, source, created_at)
            SELECT organization_id, phone_number, 'blocked', '', now() FROM messaging_message
            WHERE batch_id = %s AND id %% 10 = 0
            """,
            [batch.pk],
        )


def _carry_out(
    plan: Plan, campaign: Campaign, worker: SessionWorker, clock: Clock, *, halfway: int
) -> tuple[datetime, datetime, CampaignForecast | None]:
    """Plans, leases and settles until the campaign is done. Gives when its first and its last message would be
    acknowledged by a worker that does not look twice a minute only, and the forecast that was asked for when so many of its messages were left."""
    held = [(lease.sender_id, lease.epoch, True) for lease in SessionLease.objects.filter(worker=worker)]
    randomness = random.Random(plan.number)
    tick = TICK_OF_RIVALS if len(plan.batches) > 1 else TICK
    again = None
    while clock.moment < plan.starts_at + LONGEST_RUN:
        is_idle = not planner.plan_organization(campaign.organization)
        sent = 0
        while leased := _leased(worker, held):
            sent += len(leased)
            clock.set(clock.moment + LATENCY)
            _settle([(message.id, message.epoch) for message in leased], plan.failure_share, randomness)
            clock.set(clock.moment - LATENCY)
        figures = counts.of_batches([campaign.batch_id])[campaign.batch_id]
        left = sum(figures.get((status, ""), 0) for status in OPEN_STATUSES)
        if not left:
            break
        if again is None and left <= halfway:
            again = forecast(Campaign.objects.get(pk=campaign.pk))
        is_waiting = is_idle and not sent and not _is_queued(campaign)
        clock.set(
            _edge_after(clock.moment, IDLE_TICK) + MOMENT if is_waiting else _edge_after(clock.moment, tick) - MOMENT
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(due_at), max(due_at) FROM messaging_message WHERE batch_id = %s AND attempts > 0",
            [campaign.batch_id],
        )
        first, last = cursor.fetchone()
    return first + LATENCY, last + LATENCY, again  # a worker leases what is due within a tenth of a second


def _edge_after(moment: datetime, tick: timedelta) -> datetime:
    """The next full tick. What is due in a minute is leased in it where one looks just before its end."""
    number = (moment + 2 * MOMENT).timestamp() // tick.total_seconds() + 1
    return datetime.fromtimestamp(number * tick.total_seconds(), moment.tzinfo)


def _is_queued(campaign: Campaign) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM messaging_message AS message JOIN senders_sender AS sender"
            " ON sender.id = message.sender_id AND sender.organization_id = %s WHERE message.stage = %s)",
            [campaign.organization_id, MessageStatus.QUEUED],
        )
        return bool(cursor.fetchone()[0])


def _leased(worker: SessionWorker, held: list[tuple[int, int, bool]]) -> list[OutgoingMessage]:
    changes = Changes()
    with transaction.atomic():
        leased = lease_due(worker_id=worker.pk, held=held, room=1_000, changes=changes)
        changes.save()
    return leased


def _settle(leased: list[tuple[int, int]], failure_share: float, randomness: random.Random) -> None:
    """Each result by itself, as it comes back where messages have pauses between them."""
    changes = Changes()
    with transaction.atomic():
        for message_id, epoch in leased:
            outcome = Outcome.TRY_AGAIN if randomness.random() < failure_share else Outcome.ACKNOWLEDGED
            ledger.write_results([SendResult(message_id, epoch, outcome)], changes)
        changes.save()


# -- In real time --


@dataclass(frozen=True)
class RealRun:
    name: str
    people: int
    senders: int
    delays_ms: tuple[int, int]
    quota_per_minute: int | None = None


REAL_RUNS = (
    RealRun("a minute at the demo's pace", 600, 4, (200, 600)),
    RealRun("two minutes that a quota a minute holds back", 165, 3, (300, 900), quota_per_minute=25),
    RealRun("a minute and a half at the pace of a person", 500, 10, (1000, 2500)),
)
QUICK_RUN = RealRun("some seconds", 60, 4, (200, 600))


def _compare_in_real_time(planned: RealRun) -> None:
    """The same in a planner and a worker of their own, against the wall clock."""
    engine.remove_messages()
    organization = engine.make_organization(f"real-{planned.people}")
    senders = engine.make_senders(organization, planned.senders, quota_per_minute=planned.quota_per_minute)
    shortest, longest = planned.delays_ms
    batch = engine.make_batch(senders, planned.people, min_delay_ms=shortest, max_delay_ms=longest)
    campaign = Campaign.objects.create(
        organization=organization, name=planned.name, batch=batch, frozen_at=timezone.now()
    )
    with engine.running(latency_ms=50) as started:
        time.sleep(2)
        foreseen = forecast(campaign)
        began = timezone.now()
        started.start(batch)
        engine.wait_until(lambda: _left(batch) == 0, seconds=600)
    Sender.objects.filter(organization=organization).update(wanted=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(sent_at) FROM messaging_message WHERE batch_id = %s", [batch.pk])
        (last,) = cursor.fetchone()
    assert foreseen.ends_at is not None
    length = (last - began).total_seconds()
    error = (foreseen.ends_at - last).total_seconds() / length * 100
    emit("forecast", f"real time, {planned.name}: error of the end", error, "%", seconds=round(length, 1))


def _left(batch: Batch) -> int:
    figures = counts.of_batches([batch.pk])[batch.pk]
    return sum(figures.get((status, ""), 0) for status in OPEN_STATUSES)


# -- How long the answer takes --


def _time_large(people: int, number: int) -> None:
    """A large campaign by itself, then beside a rival that shares half of its senders."""
    engine.remove_messages()
    organization = engine.make_organization("large")
    senders = engine.make_senders(organization, number)
    Sender.objects.filter(organization=organization).update(
        status=SenderStatus.CONNECTED, quota_per_minute=20, quota_per_hour=400, quota_per_day=1000
    )
    batch = engine.make_batch(senders, people, min_delay_ms=3000, max_delay_ms=8000)
    batch.windows = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:00"}]
    batch.save(update_fields=["windows"])
    campaign = Campaign.objects.create(organization=organization, name="large", batch=batch, frozen_at=timezone.now())
    _time(f"{people} people, {number} senders, hours", campaign)
    batch.recipient_time = True
    batch.save(update_fields=["recipient_time"])
    _time(f"{people} people, {number} senders, hours of recipients", campaign)
    rival = engine.make_batch(senders[: number // 2], people // 10, min_delay_ms=3000, max_delay_ms=8000)
    services.start_batch(batch=rival)
    _time(f"{people} people, {number} senders, beside a rival", campaign)


def _time(name: str, campaign: Campaign) -> None:
    took = []
    for _ in range(7):
        began = time.perf_counter()
        forecast(Campaign.objects.get(pk=campaign.pk))
        took.append((time.perf_counter() - began) * 1000)
    emit("forecast", f"{name}: answer, median of {len(took)}", percentile(took, 0.5), "ms", first=round(took[0]))
