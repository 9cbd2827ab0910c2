"""What a forecast starts from: the senders as the planner sees them now, what every batch that shares them still has to
send, and how many of the pending messages will be skipped.

A handful of queries, whatever the size of the batch: the figures of batches are kept as messages change, and what is
not (who will be skipped, who lives in which time zone, what failed lately) is judged by a sample.
"""

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max, Q
from django.utils.timezone import now as clock

from accounts.models import Organization
from contacts.phone_zones import zone_of
from messaging import counts, sources, windows
from messaging.forecasting.simulation import Cohort, Load, SenderOutlook
from messaging.models import Batch, BatchStatus, Message, MessageStatus
from messaging.planner import SendableSender, paces
from messaging.sources import KNOWN_OF_BATCH_SQL, PendingMessage, Source
from messaging.variants import waiting
from messaging.variants.waiting import Rest
from messaging.windows import Windows
from senders import health, quota
from senders.models import Sender, SenderStatus
from senders.pace import Plan, SenderPace

SAMPLED = 1_000
SAMPLED_ZONES = 250  # telling the zone of a number is slow
SAMPLED_ATTEMPTS = 500
FEW_ATTEMPTS = 50
LEFT = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


@dataclass(frozen=True)
class Terms:
    """How a batch is sent, or might be: what a what-if changes. `starts_at` is None where it starts or runs now."""

    sender_ids: tuple[int, ...]
    min_delay: timedelta
    max_delay: timedelta
    windows: tuple[dict[str, Any], ...]
    timezone: str
    recipient_time: bool
    starts_at: datetime | None = None


def terms_of(batch: Batch) -> Terms:
    """The terms as they are."""
    return Terms(
        sender_ids=tuple(sorted(batch.senders.values_list("pk", flat=True))),
        min_delay=timedelta(milliseconds=batch.min_delay_ms),
        max_delay=timedelta(milliseconds=batch.max_delay_ms),
        windows=tuple(batch.windows),
        timezone=batch.timezone,
        recipient_time=batch.recipient_time,
    )


@dataclass
class Failures:
    """How many of the latest attempts failed through the sender's fault."""

    attempts: int = 0
    failed: int = 0

    # Until much is known, senders are taken to work nearly always.
    @property
    def share(self) -> float:
        return self.failed / (self.attempts + 50)

    @property
    def worst_share(self) -> float:
        """With the little that is known, hardly more than this."""
        known = self.attempts + 200
        share = (self.failed + 1) / known
        return min(0.9, max(self.share, share + 1.64 * (share * (1 - share) / known) ** 0.5))

    @property
    def best_share(self) -> float:
        known = self.attempts + 50
        return max(0.0, self.share - 1.64 * (self.share * (1 - self.share) / known) ** 0.5)


@dataclass
class Facts:
    """`senders` may send now or at a known time; `away` are those of the pool that may not, for no known time. `open`
    messages are pending, queued or under way; of the pending ones about `skipped_share` will be skipped. What is queued
    leaves until `queued_until`. `others` are the batches that share the senders, with their pending messages."""

    now: datetime
    organization: Organization
    terms: Terms
    target: int
    pending: int = 0
    open: int = 0
    queued_until: datetime | None = None
    skipped_share: float = 0.0
    sampled: int = 0
    loads: list[Load] = field(default_factory=list)
    senders: list[SenderOutlook] = field(default_factory=list)
    away: list[Sender] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    failures: Failures = field(default_factory=Failures)
    others: dict[int, int] = field(default_factory=dict)
    rest: Rest | None = None

    @property
    def pool(self) -> list[SenderOutlook]:
        return [outlook for outlook in self.senders if outlook.pace.sender_id in self.terms.sender_ids]


def gather(batch: Batch, terms: Terms, later: Mapping[int, datetime] | None = None) -> Facts:
    """Everything about a batch that is ready or running, as if it were sent on these terms. `later` says when other
    batches, which are ready, will start (id to moment)."""
    organization = batch.organization
    facts = Facts(now=clock(), organization=organization, terms=terms, target=batch.pk)
    rivals = _rivals(batch, terms, later or {})
    figures = counts.of_batches([batch.pk, *(rival.pk for rival, _ in rivals)])
    pending = {each: found.get((MessageStatus.PENDING, ""), 0) for each, found in figures.items()}
    facts.pending = pending[batch.pk]
    own = figures[batch.pk]
    facts.open = (
        sum(own.get((status, ""), 0) for status in (MessageStatus.QUEUED, MessageStatus.SENDING)) + facts.pending
    )
    if own.get((MessageStatus.QUEUED, "")):
        facts.queued_until = _queued_until(batch)
    facts.others = {rival.pk: pending[rival.pk] for rival, _ in rivals}
    target = _load(facts, batch, terms, pending[batch.pk], is_target=True)
    facts.loads = [target, *(_load(facts, rival, has, pending[rival.pk]) for rival, has in rivals)]
    sender_ids = {sender_id for load in facts.loads for sender_id in load.sender_ids}
    _look_at_senders(facts, sender_ids)
    facts.failures = _failures(batch, own)
    return facts


def _rivals(batch: Batch, terms: Terms, later: Mapping[int, datetime]) -> list[tuple[Batch, Terms]]:
    """The other batches that compete for the senders, or compete with one that does: they run, or will."""
    running = Q(status=BatchStatus.RUNNING, finished_at=None) | Q(status=BatchStatus.READY, pk__in=later)
    others = Batch.objects.for_organization(batch.organization).filter(running).exclude(pk=batch.pk)
    waiting = [(each, replace(terms_of(each), starts_at=later.get(each.pk))) for each in others.order_by("pk")]
    pool, found = set(terms.sender_ids), []
    while near := [each for each in waiting if pool & set(each[1].sender_ids)]:
        found += near
        waiting = [each for each in waiting if each not in near]
        pool.update(*(each[1].sender_ids for each in near))
    return found


def _queued_until(batch: Batch) -> datetime | None:
    queued = Message.objects.filter(sender__in=batch.senders.all(), stage=MessageStatus.QUEUED, batch=batch)
    latest: datetime | None = queued.aggregate(latest=Max("due_at"))["latest"]
    return latest


def _load(facts: Facts, batch: Batch, terms: Terms, pending: int, *, is_target: bool = False) -> Load:
    sample = _sample(facts.organization, batch) if pending and (is_target or terms.recipient_time) else []
    skipped_share = sum(bool(each.blocked_as) for each in sample) / len(sample) if sample else 0.0
    if is_target:
        facts.sampled, facts.skipped_share = len(sample), skipped_share
    cohorts = _cohorts(facts.organization, terms, pending * (1 - skipped_share), sample)
    if pending and (rest := waiting.rest_of(batch)) is not None and rest.number:
        cohorts = _with_rest(cohorts, rest, min(1.0, rest.number / pending), facts.now)
        if is_target:
            facts.rest = rest
    return Load(
        key=batch.pk,
        sender_ids=list(terms.sender_ids),
        min_delay=terms.min_delay,
        max_delay=terms.max_delay,
        cohorts=cohorts,
        priority=batch.priority,
    )


def _with_rest(cohorts: list[Cohort], rest: Rest, share: float, now: datetime) -> list[Cohort]:
    """The same people, of whom a share waits for the winner: as if the test had been sent by now, if it is not known
    when."""
    goes_at = ((rest.tested_at or now) + rest.measured).timestamp()
    tested = [each.copied(1 - share) for each in cohorts] if share < 1 else []
    later = [replace(each.copied(share), not_before=max(goes_at, each.not_before), is_rest=True) for each in cohorts]
    return [*tested, *later]


def _sample(organization: Organization, batch: Batch) -> list[PendingMessage]:
    """Some of the batch's pending messages, all of a small one, with the reasons for which they would be skipped now."""
    waiting = Message.objects.filter(batch=batch, stage=MessageStatus.PENDING).order_by("due_at", "id")
    ends = [each.pk for each in (waiting.first(), waiting.last()) if each is not None]
    if not ends:
        return []
    low, high = min(ends), max(ends)
    ids: Sequence[int] = range(low, high + 1)
    if len(ids) > SAMPLED:
        # Ids of other batches may lie between, and those that have left: drawing more makes up for them.
        ids = random.Random(batch.pk).sample(ids, min(len(ids), 3 * SAMPLED))
    source = Source(organization, Plan(0, [], 0), "message.batch_id = %(p0)s", [batch.pk], batch=batch)
    return sources.some_pending(source, ids)[:SAMPLED]


def _cohorts(organization: Organization, terms: Terms, pending: float, sample: list[PendingMessage]) -> list[Cohort]:
    parsed = windows.parse(list(terms.windows))
    own = ZoneInfo(organization.timezone)
    not_before = terms.starts_at.timestamp() if terms.starts_at else 0.0
    if not (terms.recipient_time and parsed and sample):
        zone = ZoneInfo(terms.timezone) if terms.timezone else own
        return [Cohort(pending, Windows(parsed, zone), not_before)]
    step = -(-len(sample) // SAMPLED_ZONES)
    zones = Counter(zone_of(message.phone_number, own) for message in sample[::step])
    return [
        Cohort(pending * number / zones.total(), Windows(parsed, zone), not_before) for zone, number in zones.items()
    ]


def _look_at_senders(facts: Facts, sender_ids: Collection[int]) -> None:
    """Sorts the senders into those that may send, now or at a known time, and those that are away."""
    found = list(Sender.objects.for_organization(facts.organization).filter(pk__in=sender_ids))
    facts.names = {sender.pk: sender.name for sender in found}
    usable = [sender for sender in found if _comes_back(sender)]
    facts.away = [sender for sender in found if sender not in usable and sender.pk in facts.terms.sender_ids]
    ids = [sender.pk for sender in usable]
    days = quota.quotas_of_days_ahead(ids)
    views = paces([_as_planned(sender) for sender in usable], facts.organization, facts.now) if ids else {}
    _count_singles(facts, views)
    for sender in usable:
        available_from, why = _available_from(sender, facts.now)
        held_until = sender.first_contacts_held_until
        if held_until is not None and held_until <= facts.now:
            held_until = None
        outlook = SenderOutlook(
            pace=replace(views[sender.pk], health=100),  # what slows it is the simulation's to say
            quotas_of_days=days[sender.pk],
            available_from=available_from,
            away=why,
            held_until=held_until,
            known=_known(facts.target, sender.pk) if held_until else 0,
        )
        facts.senders.append(outlook)


def _comes_back(sender: Sender) -> bool:
    """Whether the sender sends now or will by itself: a rest ends, and health grows."""
    return sender.wanted and sender.status == SenderStatus.CONNECTED and sender.paused_at is None


def _as_planned(sender: Sender) -> SendableSender:
    return SendableSender(sender.pk, health.of(sender), sender.planned_until, most=1_000_000, is_on_hold=False)


def _available_from(sender: Sender, now: datetime) -> tuple[datetime, str]:
    """From when on the sender may send, and what keeps it until then."""
    moment, why = now, ""
    unwell = health.of(sender)
    if unwell < health.LOWEST_HEALTH:
        moment, why = now + timedelta(minutes=health.LOWEST_HEALTH - unwell), "health"
    if sender.resting_until is not None and sender.resting_until > moment:
        moment, why = sender.resting_until, "resting"
    return moment, why


def _count_singles(facts: Facts, views: dict[int, SenderPace]) -> None:
    """Single messages that wait and are due go first, and spend quotas."""
    singles = Message.objects.for_organization(facts.organization).filter(batch=None, stage=MessageStatus.PENDING)
    waiting = singles.filter(due_at__lte=facts.now)
    asked = Counter[int | None](waiting.values_list("sender_id", flat=True)[:SAMPLED])
    for sender_id, view in views.items():
        number = asked[sender_id] + asked[None] // len(views)
        if number:
            view.count(facts.now, number)


def _known(batch_id: int, sender_id: int) -> int:
    """How many of the batch's people wrote to this sender before: it may write to them while it is on hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*) FROM messaging_message AS message
            WHERE message.stage = %(pending)s AND {KNOWN_OF_BATCH_SQL}""",
            {"pending": MessageStatus.PENDING, "p0": batch_id, "p1": sender_id},
        )
        return int(cursor.fetchone()[0])


def _failures(batch: Batch, own: dict[counts.Key, int]) -> Failures:
    """From the batch's latest attempts; before it has any, from the organization's latest batches."""
    done = sum(own.get((status, ""), 0) for status in (*LEFT, MessageStatus.FAILED))
    if done >= FEW_ATTEMPTS:
        return _latest_attempts(batch)
    others = Batch.objects.for_organization(batch.organization).filter(started_at__isnull=False).exclude(pk=batch.pk)
    found = Failures()
    for figures in counts.of_batches(list(others.order_by("-started_at").values_list("pk", flat=True)[:5])).values():
        failed = figures.get((MessageStatus.FAILED, ""), 0)
        found.failed += failed
        found.attempts += failed + sum(figures.get((status, ""), 0) for status in LEFT)
    # Long ago may have been different: not more than about as many as would be looked at in this batch.
    times = min(1.0, SAMPLED_ATTEMPTS / found.attempts) if found.attempts else 1.0
    return Failures(round(found.attempts * times), round(found.failed * times))


def _latest_attempts(batch: Batch) -> Failures:
    """Messages leave about in the order of their ids: those just before the first that waits left last."""
    first = Message.objects.filter(batch=batch, stage=MessageStatus.PENDING).order_by("due_at", "id").first()
    if first is None:
        return Failures()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT COALESCE(sum(attempts), 0), count(*) FILTER (WHERE status = ANY(%s))
            FROM (
                SELECT attempts, status FROM messaging_message WHERE id < %s AND id > %s AND batch_id = %s
                    AND status = ANY(%s) ORDER BY id DESC LIMIT %s
            ) AS latest
            """,
            [
                list(LEFT),
                first.pk,
                first.pk - 20 * SAMPLED_ATTEMPTS,
                batch.pk,
                [*LEFT, MessageStatus.FAILED],
                SAMPLED_ATTEMPTS,
            ],
        )
        attempts, sent = cursor.fetchone()
    return Failures(attempts=int(attempts), failed=int(attempts - sent))
