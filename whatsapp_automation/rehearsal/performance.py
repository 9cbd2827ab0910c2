"""Plays a campaign on its stage, from now to the last receipt, with a clock that jumps from one event to the next."""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import forecast, report
from campaigns.models import Campaign
from campaigns.rehearsals import CannotRehearse
from messaging import counts, ledger, planner, services
from messaging.counts import Changes
from messaging.events import Event, SendResult
from messaging.models import OPEN_STATUSES, Message, MessageStatus
from messaging.variants import decision
from senders.models import Sender, SenderStatus
from session_service.models import SessionLease, SessionWorker
from session_service.providers.base import OutgoingMessage
from session_service.providers.simulated.behaviour import Behaviour
from session_service.providers.simulated.queue_events import parse
from session_service.queue import lease_due
from whatsapp_automation.rehearsal import clock as clocks
from whatsapp_automation.rehearsal import stage
from whatsapp_automation.rehearsal.clock import Clock

BUSY_STEP = timedelta(seconds=1)  # as often as the product plans
STEP = timedelta(seconds=30)  # where every sender has its minute planned
IDLE_STEP = timedelta(minutes=15)  # every rule that ends a wait does so on a quarter of an hour
MOMENT = timedelta(milliseconds=10)
LONGEST_RUN = timedelta(days=366)
LONGEST_TAIL = timedelta(days=3)  # of receipts and answers after the last message
TOLD_EVERY = 0.5  # seconds
LEASED_AT_ONCE = 1_000

Tell = Callable[[dict[str, Any]], None]


def rehearse(*, rehearsal_id: int, campaign_id: int, tell: Tell, behaviour: Behaviour | None = None) -> dict[str, Any]:
    """Plays a campaign that is ready or scheduled, and gives what came of it: see `Rehearsal.result`. Nothing else
    changes. `tell` gets `moment`, `done` and `people` now and then. Raises `CannotRehearse`."""
    campaign = Campaign.objects.select_related("organization", "batch", "schedule").get(pk=campaign_id)
    begins_at = campaign.schedule.next_at if hasattr(campaign, "schedule") else None
    away = campaign.batch.senders.exclude(status=SenderStatus.CONNECTED).values_list("name", flat=True)
    with stage.built(rehearsal_id, campaign) as schema, clocks.running(schema) as clock:
        stage.count_anew()
        play = _Play(clock, campaign_id, behaviour or Behaviour.from_settings(), tell)
        result = play.perform(begins_at)
    return {**result, "taken_as_connected": sorted(away)}


@dataclass(order=True, slots=True)
class _Due:
    """Something that the network will tell."""

    at: datetime
    place: int
    event: Event = field(compare=False)


class _Play:
    """One performance: the stage's campaign, the senders' leases, and what the network has in store."""

    def __init__(self, clock: Clock, campaign_id: int, behaviour: Behaviour, tell: Tell) -> None:
        self.clock = clock
        self.campaign = Campaign.objects.select_related("organization", "batch").get(pk=campaign_id)
        self.behaviour = behaviour
        self.acknowledged_after = timedelta(milliseconds=behaviour.ack_ms)
        self.tell = tell
        self.told_at = 0.0
        self.due: list[_Due] = []
        self.places = count()
        self.worker = SessionWorker.objects.create(name="rehearsal", capacity=100_000)
        senders = list(Sender.objects.values_list("pk", flat=True))
        SessionLease.objects.bulk_create(
            SessionLease(sender_id=sender, worker=self.worker, epoch=1, expires_at=clock() + 2 * LONGEST_RUN)
            for sender in senders
        )
        self.held = [(sender, 1, behaviour.keeps_message_ids) for sender in senders]

    def perform(self, begins_at: datetime | None) -> dict[str, Any]:
        began, opened = time.monotonic(), self.clock()
        begins_at = max(begins_at or opened, opened)
        while self.clock() < begins_at:  # what the others send before
            self._step(until=begins_at)
        try:
            services.start_batch(batch=self.campaign.batch)
        except services.NotAllowed as error:
            raise CannotRehearse(str(error)) from error
        foreseen = forecast.forecast(Campaign.objects.select_related("organization", "batch").get(pk=self.campaign.pk))
        while self._left():
            if self.clock() > begins_at + LONGEST_RUN:
                raise CannotRehearse(_("It would take more than a year. The forecast says what holds it back."))
            self._step()
        ended = self.clock()
        while self.due and self.due[0].at < ended + LONGEST_TAIL:
            self.clock.set(max(self.clock(), self.due[0].at + BUSY_STEP))
            self._hear()
            planner.plan_organization(self.campaign.organization)  # answers to those who opted out
            self._send()
        return self._result(begins_at, foreseen.ends_at, time.monotonic() - began)

    def _step(self, until: datetime | None = None) -> None:
        """Plans, sends and hears at the present moment, and goes on to the next one at which something can happen."""
        planned = planner.plan_organization(self.campaign.organization)
        sent = self._send()
        self._hear()
        if self.campaign_has_test:
            decision.go_on()
        self._note_progress()
        moment = self.clock()
        if sent or planned:
            following = moment + (BUSY_STEP if planned >= planner.MOST_A_PASS else STEP)
        else:
            following = self._next_event(moment)
        self.clock.set(min(following, until) if until is not None else following)

    @property
    def campaign_has_test(self) -> bool:
        return hasattr(self.campaign.batch, "experiment")

    def _next_event(self, moment: datetime) -> datetime:
        """When the next message or the next word of the network is due; else the next full quarter of an hour. What is
        due and does not leave waits for a quota, or for its sender."""
        quarter = IDLE_STEP.total_seconds()
        edges = [datetime.fromtimestamp((moment.timestamp() // quarter + 1) * quarter, moment.tzinfo) + MOMENT]
        if self.due:
            edges.append(self.due[0].at)
        queued = (
            Message.objects.filter(status=MessageStatus.QUEUED).order_by("due_at").values_list("due_at", flat=True)
        )
        if (first := queued.first()) is not None:
            edges.append(first if first > moment else moment + STEP)
        return max(min(edges), moment + BUSY_STEP)

    def _send(self) -> int:
        sent = 0
        while leased := self._leased():
            results = [self._fate(message) for message in leased]
            moment = self.clock()
            self.clock.set(moment + self.acknowledged_after)
            changes = Changes()
            with transaction.atomic():
                ledger.write_results(results, changes)
                changes.save()
            self.clock.set(moment)
            sent += len(leased)
        return sent

    def _leased(self) -> list[OutgoingMessage]:
        changes = Changes()
        with transaction.atomic():
            leased = lease_due(worker_id=self.worker.pk, held=self.held, room=LEASED_AT_ONCE, changes=changes)
            changes.save()
        return leased

    def _fate(self, message: OutgoingMessage) -> SendResult:
        """What the simulated network does with a message; what follows is noted for later."""
        fate = self.behaviour.fate_of(message, message.whatsapp_id)
        for delay_ms, event in fate.events:
            at = self.clock() + timedelta(milliseconds=delay_ms)
            heard = parse(message.sender_id, event, at.timestamp() * 1000)
            heapq.heappush(self.due, _Due(at, next(self.places), heard))
        if fate.bans:
            Sender.objects.filter(pk=message.sender_id).update(status=SenderStatus.BANNED)
        return SendResult(message.id, message.epoch, fate.outcome, fate.code, fate.detail)

    def _hear(self) -> None:
        heard: list[Event] = []
        while self.due and self.due[0].at <= self.clock():
            heard.append(heapq.heappop(self.due).event)
        for events in _pieces(heard, LEASED_AT_ONCE):
            ledger.record(events)

    def _left(self) -> int:
        figures = counts.of_batches([self.campaign.batch_id])[self.campaign.batch_id]
        return sum(figures.get((status, ""), 0) for status in OPEN_STATUSES)

    def _note_progress(self) -> None:
        if time.monotonic() - self.told_at < TOLD_EVERY:
            return
        self.told_at = time.monotonic()
        figures = counts.of_batches([self.campaign.batch_id])[self.campaign.batch_id]
        people = sum(figures.values())
        self.tell({"moment": self.clock().isoformat(), "people": people, "done": people - self._left()})

    def _result(self, begins_at: datetime, foreseen: datetime | None, took: float) -> dict[str, Any]:
        campaign = Campaign.objects.select_related("organization", "batch__organization").get(pk=self.campaign.pk)
        sent = Message.objects.filter(batch=campaign.batch_id, attempts__gt=0)
        first = sent.order_by("due_at").values_list("due_at", flat=True).first()
        last = sent.order_by("-due_at").values_list("due_at", flat=True).first()
        report.count_report(campaign_id=campaign.pk)
        found = report.report_of(campaign)
        ends_at = last + self.acknowledged_after if last is not None else begins_at
        return {
            "starts_at": (first or begins_at).isoformat(),
            "ends_at": ends_at.isoformat(),
            "forecast_ends_at": foreseen.isoformat() if foreseen is not None else None,
            "took_seconds": round(took, 2),
            "times_real_speed": round((self.clock() - begins_at).total_seconds() / took) if took else None,
            "stats": counts.by_name(counts.of_batches([campaign.batch_id])[campaign.batch_id]),
            "people": found.people,
            "funnel": [[step.code, step.people, step.of, step.share] for step in found.funnel],
            "details": found.details,
            "as_of": found.as_of.isoformat(),
        }


def _pieces(events: list[Event], size: int) -> list[Sequence[Event]]:
    return [events[at : at + size] for at in range(0, len(events), size)]
