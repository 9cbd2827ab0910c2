"""A worker while the database or Redis is away: it waits, loses nothing, and goes on where it was."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.db import OperationalError, connection

from messaging import planner
from messaging.models import MessageStatus
from senders.models import Sender, SenderStatus
from session_service import leases
from session_service.breakers import BreakerState
from session_service.models import SessionLease
from session_service.providers.simulated import network
from session_service.worker import Worker
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender, phone_number
from tests.session_service.running import running_worker, wait_until
from tests.session_service.test_worker import at, connected, plan_until_finished
from whatsapp_automation import private_servers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings) -> None:
    settings.SIMULATOR_ACK_MS = 5
    settings.SIMULATOR_DELIVERED_MS = 20
    settings.SIMULATOR_READ_MS = 20
    settings.SESSION_LEASE_SECONDS = 3


@pytest.fixture
def senders() -> list[Sender]:
    """Two senders that are linked and wanted, not yet connected."""
    organization = make_organization()
    made = [make_sender(organization, status=SenderStatus.CONNECTING) for _ in range(2)]
    for sender in made:
        network.link(sender.phone_number, sender.pk)
    return made


@contextmanager
def database_away(settings: Any) -> Iterator[None]:
    """Nobody but this test reaches its database: open connections are cut, and new ones are refused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), pg_backend_pid()")
        name, own = cursor.fetchone()
    # Asynchronous tests before have left one open, in the thread that they share.
    SyncToAsync.single_thread_executor.submit(lambda: connection.close()).result()
    with private_servers.connect(settings.DATA_DIR) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s", [name, own]
            )
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def arrived(*, duplicates: bool = False) -> Counter[str]:
    return Counter(each["to"] for each in network.deliveries() if duplicates or not each["duplicate"])


def everyone(size: int) -> dict[str, int]:
    return {phone_number(index): 1 for index in range(size)}


def planning(condition: Callable[[], bool]) -> Callable[[], bool]:
    """The planner goes on while something is waited for."""

    def checked() -> bool:
        planner.plan_all()
        return condition()

    return checked


def test_a_worker_that_starts_before_the_database_waits_for_it(senders: list[Sender], settings) -> None:
    with ExitStack() as running:
        with database_away(settings):
            worker = running.enter_context(running_worker())
            time.sleep(0.5)
            assert worker.id == 0
        wait_until(connected, "the senders are connected")
        assert worker.id > 0


def test_a_worker_can_be_stopped_while_it_waits_for_the_database(settings) -> None:
    with database_away(settings), running_worker():
        time.sleep(0.3)


def have_arrived(number: int) -> bool:
    return len(arrived()) >= number


def test_a_campaign_survives_a_database_that_goes_away(senders: list[Sender], settings) -> None:
    batch = make_batch(senders[0].organization, senders, 80, min_delay_ms=80, max_delay_ms=120)
    with running_worker():
        wait_until(connected, "the senders are connected")
        for some in (5, 15):
            wait_until(planning(partial(have_arrived, some)), "some have arrived")
            with database_away(settings):
                time.sleep(0.5)
                assert len(arrived()) < 80
        plan_until_finished(batch)
    assert arrived() == everyone(80)
    assert_counters_true(batch)


def test_what_piled_up_while_the_database_was_away_does_not_leave_at_once(senders: list[Sender], settings) -> None:
    settings.SESSION_LEASE_SECONDS = 60  # the senders stay with their worker
    batch = make_batch(senders[0].organization, senders[:1], 30, min_delay_ms=150, max_delay_ms=150)
    with running_worker():
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        with database_away(settings):
            time.sleep(3)
            before = len(arrived())
        wait_until(planning(lambda: len(arrived()) > before), "it sends again")
        time.sleep(0.4)
        assert len(arrived()) - before <= 6, "of some twenty that were due meanwhile"
        plan_until_finished(batch)
    assert arrived() == everyone(30)


def test_what_piled_up_while_the_network_was_away_does_not_leave_at_once(senders: list[Sender]) -> None:
    batch = make_batch(senders[0].organization, senders[:1], 30, min_delay_ms=150, max_delay_ms=150)
    with running_worker() as worker:
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        breaker = worker.sessions.breakers[senders[0].provider]
        breaker.failures, breaker._open_for, breaker._opened_at = breaker.threshold, 3.0, time.monotonic()
        time.sleep(2.9)
        before = len(arrived())
        wait_until(planning(lambda: len(arrived()) > before), "it sends again")
        time.sleep(0.4)
        assert len(arrived()) - before <= 6, "of some twenty that were due meanwhile"
        plan_until_finished(batch)
    assert arrived() == everyone(30)


def test_a_campaign_survives_commits_whose_answer_is_lost(senders: list[Sender], monkeypatch) -> None:
    """They took place, leases and all, and the worker hears of a broken connection instead."""
    batch = make_batch(senders[0].organization, senders, 100, min_delay_ms=5, max_delay_ms=10)
    commit, lost = Worker._commit, Counter[str]()

    def unlucky(self: Worker, work: Any) -> None:
        commit(self, work)
        if work.leased and lost["leased"] < 5:
            lost["leased"] += len(work.leased)
            raise OperationalError("the connection broke")
        if work.results and lost["results"] < 5:
            lost["results"] += len(work.results)
            raise OperationalError("the connection broke")

    monkeypatch.setattr(Worker, "_commit", unlucky)
    monkeypatch.setattr("session_service.background.OUTAGE_SECONDS", 0.05)
    with running_worker():
        wait_until(connected, "the senders are connected")
        plan_until_finished(batch)
    assert lost["leased"] >= 5
    assert lost["results"] >= 5
    assert arrived(duplicates=True) == everyone(100), "what was leased in doubt had not left, and left once"
    assert_counters_true(batch)


def test_a_lease_that_could_not_be_released_runs_out(senders: list[Sender], monkeypatch) -> None:
    release, failures = leases.release, []

    def fails_once(**arguments: Any) -> None:
        if not failures:
            failures.append(arguments)
            raise OperationalError("the connection broke")
        release(**arguments)

    monkeypatch.setattr(leases, "release", fails_once)
    with running_worker() as worker:
        wait_until(connected, "the senders are connected")
        network.logout_phone(senders[0].phone_number)
        wait_until(lambda: failures, "its session is closed")
        wait_until(lambda: senders[0].pk not in worker.sessions.senders, "it is let go")
        network.link(senders[0].phone_number, senders[0].pk)
        Sender.objects.filter(pk=senders[0].pk).update(wanted=True)
        wait_until(connected, "it is connected again")
    assert SessionLease.objects.get(sender=senders[0]).epoch == 2


def test_sessions_open_while_nobody_can_be_told(senders: list[Sender], settings, tmp_path) -> None:
    """The cache and the live updates are away; the network of these senders is not."""
    nowhere = f"unix://{tmp_path}/redis.sock"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": nowhere}}
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {"hosts": [{"address": nowhere}]}}}
    batch = make_batch(senders[0].organization, senders, 20)
    with running_worker():
        wait_until(connected, "the senders are connected")
        plan_until_finished(batch)
        wait_until(lambda: at(batch, MessageStatus.READ) == 20 or len(arrived()) == 20, "all have it")
    assert arrived() == everyone(20)


def test_whichever_sender_has_a_message_tries_an_endpoint_again(senders: list[Sender]) -> None:
    with running_worker() as worker:
        wait_until(connected, "the senders are connected")
        for number, sender in enumerate(senders):
            breaker = worker.sessions.breakers[sender.provider]
            breaker.failures = breaker.threshold
            assert breaker.state is BreakerState.HALF_OPEN
            plan_until_finished(make_batch(sender.organization, [sender], 3))
            assert breaker.state is BreakerState.CLOSED
            assert len(arrived(duplicates=True)) == 3, f"sender {number}"
            network.reset_deliveries()
