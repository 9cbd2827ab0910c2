"""The report of a large campaign: how long it takes to open, to find people and to export them; and what it costs the
ledger to know who answered."""

import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any
from unittest.mock import patch

import psutil
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from accounts import services
from accounts.models import Organization, User
from bench import engine
from bench.results import emit
from campaigns import people, people_export, report
from campaigns.models import Campaign
from campaigns.people import PeopleFilter
from contacts import streamed_files
from messaging import counts, ledger, replies
from messaging.events import Inbound
from messaging.models import Batch, BatchStatus
from senders.models import Sender

PEOPLE, A_PAGE, ROUNDS = 1_000_000, 50, 5
ANSWERS, DAYS = 5_000, 4
HOST = "localhost"

# 55 % read, 30 % have it, 10 % on the way, 3 % failed, 2 % skipped; sent in a day, read for another two.
_FILL_SQL = """
INSERT INTO messaging_message (organization_id, batch_id, direction, phone_number, status, skip_reason, error_code, error,
    variables, text, priority, whatsapp_id, attempts, lease_epoch, keeps_id, created_at, sender_id, sent_at, delivered_at,
    read_at, ended_at)
SELECT %(organization)s, %(batch)s, 'out', '+628' || lpad((n * 7919 %% 100000000)::text, 9, '0'),
    CASE WHEN n %% 100 < 55 THEN 60 WHEN n %% 100 < 85 THEN 50 WHEN n %% 100 < 95 THEN 40 WHEN n %% 100 < 98 THEN 70 ELSE 100 END,
    CASE WHEN n %% 100 >= 98 THEN 'not_on_whatsapp' ELSE '' END, CASE WHEN n %% 100 IN (95, 96, 97) THEN '131026' ELSE '' END,
    '', jsonb_build_object('name', 'Person ' || n, 'order', n),
    'Hi Person ' || n || ', your order ' || n || ' is on its way. Reply STOP to hear no more from us.', 5,
    '3EB0' || lpad(n::text, 18, '0'), 1, 1, TRUE, now(), (%(senders)s::bigint[])[1 + n %% cardinality(%(senders)s::bigint[])],
    CASE WHEN n %% 100 < 95 THEN %(began)s::timestamptz + n * %(pause)s::interval END,
    CASE WHEN n %% 100 < 85 THEN %(began)s::timestamptz + n * %(pause)s::interval + interval '5 s' END,
    CASE WHEN n %% 100 < 55 THEN %(began)s::timestamptz + n * %(pause)s::interval * 3 END,
    CASE WHEN n %% 100 >= 95 THEN now() END
FROM generate_series(1::bigint, %(people)s) AS n
"""
_ANSWER_SQL = """
INSERT INTO messaging_batchreply (batch_id, message_id, reply_id, replied_at)
SELECT batch_id, id, id, read_at + interval '2 minutes' FROM messaging_message
WHERE batch_id = %(batch)s AND status = 60 AND id %% 5 = 0
"""
FILTERS = {
    "everybody": PeopleFilter(),
    "who did not read": PeopleFilter(did="not_read"),
    "who replied": PeopleFilter(did="replied"),
    "who failed for a reason": PeopleFilter(status="failed", reason="131026"),
    "who clicked, which is nobody": PeopleFilter(did="clicked"),
    "a number": PeopleFilter(number="+628000791"),
}


def run(*, quick: bool = False) -> None:
    size = 20_000 if quick else PEOPLE
    organization = engine.make_organization(f"report-{time.time_ns()}")
    senders = engine.make_senders(organization, 20)
    campaign = _fill(organization, senders, size)
    name = f"{size} people"
    began = time.perf_counter()
    report.count_details(campaign)
    emit("report", f"{name}: counting the details", (time.perf_counter() - began) * 1000, "ms")
    client = _signed_in(organization)
    pages = f"/o/{organization.slug}/campaigns/{campaign.pk}"
    _measure(f"{name}: the figures", partial(report.report_of, campaign))
    _measure(f"{name}: the page", partial(_get, client, pages))
    for what, wanted in FILTERS.items():
        _measure(f"{name}: a page of {what}", partial(_first, campaign, wanted))
    _export(campaign, size)
    _answers(organization, senders[0])


def _fill(organization: Organization, senders: list[Sender], size: int) -> Campaign:
    began = now().replace(microsecond=0) - timedelta(days=DAYS)
    batch = Batch.objects.create(
        organization=organization,
        text="Hi {{name}}",
        status=BatchStatus.COMPLETED,
        started_at=began,
        finished_at=now(),
    )
    batch.senders.set(senders)
    with connection.cursor() as cursor:
        given: dict[str, Any] = {
            "organization": organization.pk,
            "batch": batch.pk,
            "senders": [sender.pk for sender in senders],
            "began": began,
            "pause": f"{86_400 / size} seconds",
            "people": size,
        }
        cursor.execute(_FILL_SQL, given)
        cursor.execute(_ANSWER_SQL, given)
        counts.rebuild(batch.pk)
        cursor.execute("VACUUM ANALYZE messaging_message")
        cursor.execute("VACUUM ANALYZE messaging_batchreply")
    return Campaign.objects.create(organization=organization, name="Report", batch=batch, frozen_at=now())


def _signed_in(organization: Organization) -> Client:
    person = User.objects.create_user(email=f"{organization.slug}@example.com", password="bench", name="Bench")
    services.add_member(organization=organization, user=person, role="owner")
    client = Client(headers={"host": HOST})
    client.force_login(person)
    return client


def _get(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 200, response.status_code


def _first(campaign: Campaign, wanted: PeopleFilter) -> None:
    list(people.found(campaign, wanted)[:A_PAGE])


def _measure(subject: str, do: Callable[[], object]) -> None:
    took = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        do()
        took.append((time.perf_counter() - began) * 1000)
    emit("report", subject, median(took), "ms", first=round(took[0]), largest=round(max(took)))


def _export(campaign: Campaign, size: int) -> None:
    """All of it, once for the rate and for the memory of the process, once in part for Python's own."""
    process = psutil.Process()
    for file_type, pieces in (("csv", streamed_files.csv_pieces), ("xlsx", streamed_files.xlsx_pieces)):
        before, most = process.memory_info().rss, 0
        began = time.perf_counter()
        first = 0.0
        for place, _piece in enumerate(pieces(people_export.rows(campaign, PeopleFilter()))):
            first = first or (time.perf_counter() - began) * 1000
            if place % 20 == 0:
                most = max(most, process.memory_info().rss)
        rate = size / (time.perf_counter() - began)
        grown = max(0, most - before) / 2**20
        emit("report", f"export as {file_type}", rate, "people/s", grown_mib=round(grown, 1), first_ms=round(first))
    tracemalloc.start()
    for place, _piece in enumerate(streamed_files.xlsx_pieces(people_export.rows(campaign, PeopleFilter()))):
        if place == 5:
            break
    emit("report", "memory of an export", tracemalloc.get_traced_memory()[1] / 2**20, "MiB")
    tracemalloc.stop()


def _answers(organization: Organization, sender: Sender) -> None:
    """Inbound messages of people who have a campaign's message, with and without looking for what they answer."""

    def write(text: str) -> float:
        found = organization.messages.filter(sender=sender, sent_at__lt=now()).order_by("pk")
        numbers = list(found.values_list("phone_number", flat=True)[:ANSWERS])
        events: list[Any] = [
            Inbound(sender.pk, number, f"{text}{place}", text, at=now()) for place, number in enumerate(numbers)
        ]
        assert events
        began = time.perf_counter()
        for first in range(0, len(events), 100):
            ledger.record(events[first : first + 100])
        return (time.perf_counter() - began) / len(events) * 1e6

    without, with_it = [], []
    for number in range(3):
        with patch.object(replies, "attribute"):
            without.append(write(f"without{number}-"))
        with_it.append(write(f"with{number}-"))
    base, ours = median(without), median(with_it)
    emit("report", "an inbound message, without looking for what it answers", base, "µs")
    emit("report", "an inbound message, with it", ours, "µs", ratio_to="without", base=base)
