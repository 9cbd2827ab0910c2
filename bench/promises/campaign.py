"""A campaign to thousands of people over many simulated senders, made as people make it, and its outcome."""

import io
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError, connection
from openpyxl import Workbook

from accounts import services as accounts
from accounts.models import Organization
from bench.promises.stack import Stack
from campaigns import services as campaigns
from campaigns.models import Campaign
from contacts import services as contacts
from messaging import counts, planner
from messaging.models import OPEN_STATUSES, Batch, BatchStatus, Message, MessageStatus
from senders import services as senders
from senders.models import Provider, Sender, SenderStatus
from session_service.providers.simulated import network

T = TypeVar("T")

TEXT = "Hi {{name}}, your parcel {{parcel}} is on its way."
NOT_REACHABLE = 20  # people who are blocked, and as many who are not on WhatsApp
REPEATED_ROWS = 10
ARRIVED = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)


@dataclass
class Audience:
    """Who must get which text, and who must get nothing."""

    texts: dict[str, str] = field(default_factory=dict)
    never: set[str] = field(default_factory=set)


def patiently(stack: Stack, call: Callable[[], T], seconds: float = 120) -> T:
    """What `call` gives, tried again while the database is away."""
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except (OperationalError, InterfaceError):
            if time.monotonic() > until:
                raise
            connection.close()
            stack.sleep(0.3)


def make_organization(
    number_of_senders: int, provider: Provider = Provider.SIMULATED
) -> tuple[Organization, list[Sender]]:
    """A shop whose senders should be connected. Those of the simulated network are linked to it already."""
    organization = accounts.create_organization(name="Parcels", slug="parcels", time_zone="Asia/Jakarta")
    made = []
    for index in range(1, number_of_senders + 1):
        number = f"+62811{index:07}"
        sender = senders.create_sender(
            organization=organization,
            name=f"Sender {index}",
            provider=provider,
            phone_number=number if provider == Provider.SIMULATED else "",
            quota_per_minute=None,
            quota_per_hour=None,
            quota_per_day=None,
        )
        if provider == Provider.SIMULATED:
            network.link(number, sender.pk)
        made.append(senders.request_connect(sender=sender))
    return organization, made


def make_campaign(
    organization: Organization, people: int, delays_ms: tuple[int, int], randomness: random.Random
) -> tuple[Campaign, Audience]:
    """A campaign from a sheet that is read and ready: people, some rows twice, some who must not or cannot get it."""
    audience = Audience()
    rows: list[tuple[str, str, str]] = []
    number = 0
    while len(rows) < people:
        number += 1
        if number % 10_000 == 0:
            continue  # the simulated network has nobody there
        rows.append((f"Person {number}", f"0812{number:08}", f"P{number}"))
        audience.texts[f"+62812{number:08}"] = f"Hi Person {number}, your parcel P{number} is on its way."
    rows += randomness.sample(rows, min(REPEATED_ROWS, people))
    for index in range(1, NOT_REACHABLE + 1):
        blocked, absent = f"0813{index:08}", f"0814{index:04}0000"
        contacts.block(organization=organization, phone_number=blocked)
        rows += [(f"Blocked {index}", blocked, "P0"), (f"Absent {index}", absent, "P0")]
        audience.never |= {f"+62{blocked[1:]}", f"+62{absent[1:]}"}
    randomness.shuffle(rows)
    campaign = campaigns.create_campaign(
        organization=organization,
        name="Parcels",
        template=TEXT,
        file=SimpleUploadedFile("parcels.xlsx", sheet_of([("Name", "Phone", "Parcel"), *rows])),
        file_name="parcels.xlsx",
        min_delay_ms=delays_ms[0],
        max_delay_ms=delays_ms[1],
    )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
    return campaign, audience


def sheet_of(rows: Iterable[tuple[str, ...]]) -> bytes:
    """An xlsx file; the first row has the names of the columns."""
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def planning(condition: Callable[[], object]) -> Callable[[], bool]:
    """The condition, with a pass of the planner before it: where no Celery runs, whoever waits plans as well."""

    def checked() -> bool:
        planner.plan_all()
        return bool(condition())

    return checked


def all_connected() -> bool:
    return not Sender.objects.exclude(status=SenderStatus.CONNECTED).exists()


def is_finished(batch_id: int) -> bool:
    return Batch.objects.filter(pk=batch_id, finished_at__isnull=False).exists()


@dataclass
class Outcome:
    """What became of a campaign: figures, and every promise that was broken, in words."""

    figures: dict[str, int]
    broken: list[str]


def judge(
    batch_id: int, audience: Audience, *, keeps_ids: bool, deliveries: Iterable[dict[str, Any]] | None = None
) -> Outcome:
    """Compares what arrived at the phones with the audience and with the ledger. Nothing may be running any more.

    `deliveries` are like the simulated network's, which are taken if there are none.
    """
    arrivals: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for delivery in network.deliveries() if deliveries is None else deliveries:
        arrivals[delivery["to"]].append(delivery)
    seen = {to: [each for each in found if not each["duplicate"]] for to, found in arrivals.items()}
    messages = dict(Message.objects.filter(batch_id=batch_id).values_list("phone_number", "status"))
    lost = [to for to in audience.texts if to not in seen]
    unsure = {to for to, status in messages.items() if status == MessageStatus.UNKNOWN}
    statuses = Counter(messages.values())
    broken = [
        *_said(len([to for to in seen if len(seen[to]) > 1]), "people saw the message more than once"),
        *_said(
            len([to for to in audience.texts if to in seen and _texts(seen[to]) != {audience.texts[to]}]),
            "texts differ",
        ),
        *_said(len([to for to in seen if to not in audience.texts]), "people got a message who must not"),
        *_said(len([to for to in lost if to not in unsure]), "people got nothing and are not shown as unknown"),
        *_said(sum(statuses[status] for status in OPEN_STATUSES), "messages are pending, queued or sending"),
        *_said(
            len([to for to in seen if messages.get(to) not in (*ARRIVED, MessageStatus.UNKNOWN)]), "arrived untold"
        ),
        *_said(
            len([to for to in messages if messages[to] in ARRIVED and to not in seen]), "shown as sent, never arrived"
        ),
        *_said(len(unsure) if keeps_ids else 0, "messages are unknown although the network keeps ids"),
        *(
            []
            if set(messages) == {*audience.texts, *audience.never}
            else ["the ledger's recipients are not the list's"]
        ),
        *([] if counts.are_true(batch_id) else ["the counters differ from a recount"]),
    ]
    status = Batch.objects.get(pk=batch_id).status
    if status != BatchStatus.COMPLETED:
        broken.append(f"the batch is {status}")
    figures = {
        "delivered_once": len([to for to in audience.texts if len(seen.get(to, ())) == 1]),
        "duplicates_dropped": sum(len(found) for found in arrivals.values())
        - sum(len(found) for found in seen.values()),
        "unknown": len(unsure),
        "unknown_that_arrived": len([to for to in unsure if to in seen]),
        "lost": len([to for to in lost if to not in unsure]),
        "most_in_a_second": _most_in_a_second(each for found in arrivals.values() for each in found),
        "skipped": statuses[MessageStatus.SKIPPED],
        "failed": statuses[MessageStatus.FAILED],
    }
    return Outcome(figures, broken)


def _most_in_a_second(arrivals: Iterable[dict[str, Any]]) -> int:
    """The most messages that arrived from one sender within a second: more than the pace allows is a rush."""
    seconds = Counter((each["from"], each["at"][:19]) for each in arrivals)
    return max(seconds.values(), default=0)


def _texts(found: list[dict[str, Any]]) -> set[str]:
    return {each["text"] for each in found}


def _said(number: int, what: str) -> list[str]:
    return [f"{number} {what}"] if number else []
