"""Many people watch one running campaign: how soon progress arrives, and what that costs the web process.

Each viewer holds a WebSocket, and asks for the page's parts as often as the page does (static/src/components).
"""

import asyncio
import json
import socket
import sys
import time
from datetime import datetime
from http.cookies import SimpleCookie

import psutil
import websockets
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.timezone import now

from accounts import services, tickets
from accounts.models import Organization, User
from bench import engine
from bench.results import emit, percentile
from bench.surroundings import child, cpu_seconds
from campaigns.models import Campaign
from messaging import counts
from messaging.models import OPEN_STATUSES, Batch

VIEWERS, PEOPLE, SENDERS = 500, 100_000, 100
PACED_SECONDS = 90  # how long sending takes: an order of magnitude more than a page needs to open
LIVE_EVERY, REPORT_EVERY = 30, 60  # seconds, as the page does
OPENED_AT_ONCE = 25
STARTING_SECONDS = 30


def run(*, quick: bool = False) -> None:
    viewers, people, seconds = (20, 1_000, 8) if quick else (VIEWERS, PEOPLE, PACED_SECONDS)
    organization = engine.make_organization(f"viewers-{time.time_ns()}")
    senders = engine.make_senders(organization, min(SENDERS, people // 50))
    delay = seconds * 1000 * len(senders) // people
    batch = engine.make_batch(senders, people, min_delay_ms=delay, max_delay_ms=delay)
    campaign = Campaign.objects.create(organization=organization, name="Watched", batch=batch, frozen_at=now())
    cookie, port = _session(organization), _free_port()
    addresses = [f"/o/{organization.slug}/campaigns/{campaign.pk}/{part}" for part in ("live", "report")]
    command = ("-m", "uvicorn", "whatsapp_automation.asgi:application", "--port", str(port), "--log-level", "warning")
    with engine.running() as started, child(sys.executable, *command) as web:
        _wait_for(port)
        process = psutil.Process(web.pid)
        for is_watched in (False, True):
            number = viewers if is_watched else 0
            asyncio.run(_watch(started, batch, organization, process, (cookie, port, addresses), number, seconds))
            if not is_watched:  # the same once more, from the beginning
                engine.remove_messages()
                batch = engine.make_batch(senders, people, min_delay_ms=delay, max_delay_ms=delay)
                Campaign.objects.create(
                    pk=campaign.pk, organization=organization, name="Watched", batch=batch, frozen_at=now()
                )


def _session(organization: Organization) -> str:
    person = User.objects.create_user(email=f"{organization.slug}@example.com", password="bench", name="Bench")
    services.add_member(organization=organization, user=person, role="viewer")
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    cookie = SimpleCookie({settings.SESSION_COOKIE_NAME: session.session_key or ""})
    return cookie.output(header="", sep=";").strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the web process did not start"
            time.sleep(0.1)


class Seen:
    """What all viewers saw: delays in milliseconds of events and of fetched parts."""

    def __init__(self) -> None:
        self.events: list[float] = []
        self.fetches: list[float] = []
        self.counted = False


async def _watch(
    started: engine.Engine,
    batch: Batch,
    organization: Organization,
    process: psutil.Process,
    page: tuple[str, int, list[str]],
    number: int,
    seconds: int,
) -> None:
    seen = Seen()
    cookie, port, (live, figures) = page
    tasks = []
    for first in range(0, number, OPENED_AT_ONCE):
        for _viewer in range(first, min(number, first + OPENED_AT_ONCE)):
            topic = f"batch.{batch.pk}"
            ticket = await asyncio.to_thread(tickets.issue, organization_id=organization.pk, topic=topic)
            socket_address = f"ws://127.0.0.1:{port}/ws/{topic}?ticket={ticket}"
            tasks.append(asyncio.create_task(_follow(socket_address, seen)))
        await asyncio.sleep(0.5)
    for place in range(number):
        for address, every in ((live, LIVE_EVERY), (figures, REPORT_EVERY)):
            fetching = _fetch(port, address, cookie, every, every * place / max(1, number), seen)
            tasks.append(asyncio.create_task(fetching))
    await asyncio.to_thread(started.start, batch)
    await asyncio.sleep(2)  # who has just opened the page is not what is measured
    seen.counted, before, began = True, cpu_seconds(process), time.monotonic()
    while await asyncio.to_thread(_left, batch) and time.monotonic() - began < 4 * seconds:  # noqa: ASYNC110  # another process sends
        await asyncio.sleep(0.2)
    share = (cpu_seconds(process) - before) / (time.monotonic() - began) * 100
    seen.counted = False
    failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not failed, failed[:3]
    _tell(number, share, seen)


def _left(batch: Batch) -> int:
    figures = counts.of_batches([batch.pk])[batch.pk]
    return sum(figures.get((status, ""), 0) for status in OPEN_STATUSES)


async def _follow(address: str, seen: Seen) -> None:
    async with websockets.connect(address, ping_interval=None, max_queue=None) as connection:
        async for text in connection:
            at = datetime.fromisoformat(json.loads(text)["at"])
            if seen.counted:
                seen.events.append((time.time() - at.timestamp()) * 1000)


async def _fetch(port: int, address: str, cookie: str, every: float, first: float, seen: Seen) -> None:
    request = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    await asyncio.sleep(first)
    while True:
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode())
        answer = await reader.read()
        writer.close()
        assert b" 200 " in answer[:20], answer[:200]
        if seen.counted:
            seen.fetches.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))


def _tell(number: int, share: float, seen: Seen) -> None:
    if not number:
        emit("viewers", "web process, nobody watches", share, "% of a core")
        return
    name = f"{number} viewers"
    emit("viewers", f"{name}: web process", share, "% of a core", a_viewer=round(share / number, 3))
    emit("viewers", f"{name}: an event arrives, median", percentile(seen.events, 0.5), "ms", events=len(seen.events))
    emit(
        "viewers",
        f"{name}: an event arrives, p95",
        percentile(seen.events, 0.95),
        "ms",
        largest=round(max(seen.events)),
    )
    if seen.fetches:
        p95 = percentile(seen.fetches, 0.95)
        emit("viewers", f"{name}: a part of the page is fetched, p95", p95, "ms", fetches=len(seen.fetches))
