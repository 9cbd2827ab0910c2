"""Campaign, broadcast and bulk send side by side: the same people, as many senders each, all at the same time.

Each strategy has an organization and 40 senders of its own, so that none waits for another one's. What is printed of each: how
long it took, how fast it was, and what a sender looks like to WhatsApp meanwhile.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bench import engine
from bench.results import emit, percentile
from broadcasts import services as broadcasts
from campaigns import services as campaigns
from contacts import services as contacts
from contacts.models import Contact
from messaging import counts
from messaging.models import Batch, BatchStatus, Message
from messaging.sends import SendPlan
from senders.models import Sender

PEOPLE = 10_000
SENDERS = 40
LATENCY_MS = 50
TEXT = "Halo, promo hari ini sampai pukul 20.00."
LONGEST_SECONDS = 3_600


def run(*, quick: bool) -> None:
    number, size = (4, 600) if quick else (SENDERS, PEOPLE)
    numbers = [f"+62812{index + 1:07}" for index in range(size)]
    engine.remove_messages()
    starts: dict[str, Callable[[list[Sender], list[str], bool], Batch]] = {
        "campaign": _campaign,
        "broadcast": _broadcast,
        "bulk": _bulk,
    }
    pools = {
        name: engine.make_senders(engine.make_organization(f"strategy-{name}-{int(time.time())}"), number)
        for name in starts
    }
    with engine.running(latency_ms=LATENCY_MS):
        batches = {name: start(pools[name], numbers, quick) for name, start in starts.items()}
        ended = Batch.objects.filter(pk__in=[batch.pk for batch in batches.values()], finished_at__isnull=False)
        engine.wait_until(lambda: ended.count() == len(batches), seconds=LONGEST_SECONDS)
        time.sleep(1)
        for name, batch in batches.items():
            _tell(name, batch)


def _campaign(senders: list[Sender], numbers: list[str], quick: bool) -> Batch:
    """With the usual pause of 3 to 8 s between two messages of a sender."""
    organization = senders[0].organization
    people = contacts.create_list(organization=organization, name="Everybody")
    made = Contact.objects.bulk_create(Contact(organization=organization, phone_number=number) for number in numbers)
    people.contacts.add(*made)
    campaign = campaigns.create_campaign(
        organization=organization,
        name="Promo",
        template=TEXT,
        contact_list=people,
        start=True,
        accept_lint=True,
        min_delay_ms=5 if quick else 1_000,
        max_delay_ms=20 if quick else 3_000,
    )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
    return campaign.batch


def _broadcast(senders: list[Sender], numbers: list[str], quick: bool) -> Batch:
    """In groups of 256, with 10 s between them."""
    made = broadcasts.create_list(
        organization=senders[0].organization, name="Everybody", gap_seconds=1 if quick else 10, numbers=numbers
    )
    return broadcasts.send_broadcast(broadcast_list=made, text=TEXT).batch


def _bulk(senders: list[Sender], numbers: list[str], quick: bool) -> Batch:
    """Without a pace, by one request."""
    organization = senders[0].organization
    began = time.monotonic()
    people = broadcasts.recipients(organization, [(number, "") for number in numbers])
    plan = SendPlan(text=TEXT, senders=senders)
    _made, (batch,) = broadcasts.send_bulk(organization=organization, people=people, plan=plan)
    emit("strategies", f"bulk: {len(numbers)} people accepted", time.monotonic() - began, "s")
    return batch


def _tell(name: str, batch: Batch) -> None:
    batch.refresh_from_db()
    assert batch.status == BatchStatus.COMPLETED, batch.status
    assert counts.are_true(batch.pk), "the counters differ from a recount"
    left = Message.objects.filter(batch=batch, leased_at__isnull=False).order_by("leased_at")
    rows: list[Any] = list(left.values_list("sender_id", "leased_at", "wave"))
    begins, ends = rows[0][1], rows[-1][1]
    took = (ends - begins).total_seconds()
    emit("strategies", f"{name}: from the first to the last message", took, "s")
    emit("strategies", f"{name}: messages", len(rows) / max(took, 0.001), "messages/s")
    by_sender: defaultdict[int, list[datetime]] = defaultdict(list)
    for sender_id, leased_at, _wave in rows:
        by_sender[sender_id or 0].append(leased_at)
    busiest = max(
        max(Counter((at - begins) // timedelta(minutes=1) for at in moments).values())
        for moments in by_sender.values()
    )
    emit("strategies", f"{name}: most from one sender in a minute", busiest, "messages")
    pauses = [(later - at).total_seconds() for moments in by_sender.values() for at, later in pairwise(moments)]
    emit("strategies", f"{name}: pause of a sender, median", percentile(pauses, 0.5), "s")
    groups: defaultdict[int, list[datetime]] = defaultdict(list)
    for _sender_id, leased_at, wave in rows:
        if wave is not None:
            groups[wave].append(leased_at)
    gaps = [
        (min(groups[wave + 1]) - max(groups[wave])).total_seconds() for wave in sorted(groups) if wave + 1 in groups
    ]
    if gaps:
        emit("strategies", f"{name}: groups", len(groups), "groups")
        emit("strategies", f"{name}: pause between groups, shortest", min(gaps), "s")
        emit("strategies", f"{name}: pause between groups, longest", max(gaps), "s")
        spans = [(max(moments) - min(moments)).total_seconds() for moments in groups.values()]
        emit("strategies", f"{name}: a group, longest", max(spans), "s")
