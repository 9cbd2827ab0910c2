"""Workers that run: restoring gently, evening out, draining, stopping, while messages are on their way."""

import asyncio
import threading
import time
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db.models import Count
from pytest_django.fixtures import Settings

from messaging import planner
from messaging.models import Batch
from senders.models import Sender, SenderStatus
from session_service import balance, leases, registry
from session_service.models import SessionLease, SessionWorker
from session_service.providers.base import Events, SenderToOpen
from session_service.providers.simulated import network
from session_service.providers.simulated.provider import SimulatedProvider, SimulatedSession
from session_service.registry import WorkerState
from session_service.worker import Worker
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender, phone_number
from tests.session_service.running import running_worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SIMULATOR_ACK_MS = 50
    settings.SIMULATOR_DELIVERED_MS = 20
    settings.SIMULATOR_READ_MS = 20
    settings.SESSION_RESTORE_RATE = 100
    settings.SESSION_MOVE_RATE = 10
    monkeypatch.setattr(balance, "SETTLED_AFTER", 0.0)


def make_senders(number: int) -> list[Sender]:
    """Senders that are linked and wanted, not yet connected."""
    organization = make_organization()
    made = [make_sender(organization, status=SenderStatus.CONNECTING) for _ in range(number)]
    for sender in made:
        network.link(sender.phone_number, sender.pk)
    return made


def connected() -> bool:
    return not Sender.objects.exclude(status=SenderStatus.CONNECTED).exists()


def held() -> dict[int, int]:
    """Leases by worker."""
    rows = SessionLease.objects.filter(worker__isnull=False).values_list("worker").annotate(number=Count("pk"))
    return dict(rows.order_by("worker"))


def plan_until_finished(batch: Batch) -> None:
    def finished() -> bool:
        planner.plan_all()
        batch.refresh_from_db()
        return batch.finished_at is not None

    wait_until(finished, "the batch is finished")


def everybody_got_one(batch: Batch, number: int) -> None:
    assert Counter(each["to"] for each in network.deliveries()) == {phone_number(index): 1 for index in range(number)}
    assert_counters_true(batch)


def fences() -> dict[int, int]:
    return dict(SessionLease.objects.values_list("sender_id", "epoch"))


def test_a_start_opens_so_many_a_second(settings: Settings) -> None:
    settings.SESSION_RESTORE_RATE = 4
    make_senders(12)
    with running_worker() as worker:
        wait_until(lambda: worker.sessions.senders, "the first are taken")
        began = time.monotonic()
        assert len(worker.sessions.senders) <= 4
        wait_until(connected, "all are connected")
        assert time.monotonic() - began >= 1.5


def test_a_second_worker_gets_its_share_while_messages_are_sent() -> None:
    senders = make_senders(20)
    batch = make_batch(senders[0].organization, senders, 800, min_delay_ms=100, max_delay_ms=200)
    with running_worker() as first:
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        with running_worker() as second:
            wait_until(lambda: held() == {first.id: 10, second.id: 10}, "the senders are divided")
            epochs = fences()
            plan_until_finished(batch)
            assert fences() == epochs, "a sender moved although all was even"
    everybody_got_one(batch, 800)
    assert max(fences().values()) == 2


def test_a_drained_worker_hands_over_everything_and_takes_nothing_until_it_may() -> None:
    senders = make_senders(20)
    batch = make_batch(senders[0].organization, senders, 800, min_delay_ms=100, max_delay_ms=200)
    with running_worker() as first, running_worker() as second:
        wait_until(connected, "the senders are connected")
        planner.plan_all()
        said = StringIO()
        call_command("drain_worker", str(first.id), wait=True, stdout=said)
        assert "is drained." in said.getvalue()
        wait_until(lambda: held() == {second.id: 20}, "the other has all of them")
        assert registry.get(first.id).state == WorkerState.DRAINED
        plan_until_finished(batch)
        assert held() == {second.id: 20}
        call_command("drain_worker", str(first.id), undo=True, stdout=said)
        wait_until(lambda: held() == {first.id: 10, second.id: 10}, "it has its share again")
    everybody_got_one(batch, 800)


def test_a_session_that_nobody_has_room_for_stays_open() -> None:
    make_senders(5)
    with running_worker() as first:
        wait_until(connected, "the senders are connected")
        with running_worker(capacity=2) as second:
            registry.set_draining(worker_id=first.id, draining=True)
            wait_until(lambda: held() == {first.id: 3, second.id: 2}, "the other is full")
            with pytest.raises(CommandError, match="still holds 3 sessions: no other worker has room, start one"):
                call_command("drain_worker", str(first.id), wait=True, timeout=0.5, stdout=StringIO())
            assert registry.get(first.id).state == WorkerState.DRAINING
            wait_until(connected, "all are connected again")
            assert len(first.sessions.senders) == 3


def test_a_worker_that_is_stopped_hands_over_at_once() -> None:
    senders = make_senders(20)
    batch = make_batch(senders[0].organization, senders, 600, min_delay_ms=100, max_delay_ms=200)
    with running_worker() as second:
        with running_worker() as first:
            wait_until(lambda: len(held()) == 2 and connected(), "both hold some")
            planner.plan_all()
            wait_until(lambda: any(True for _ in network.deliveries()), "something is sent")
        assert first.id not in held()
        wait_until(lambda: held() == {second.id: 20}, "the other has all of them")
        plan_until_finished(batch)
    everybody_got_one(batch, 600)


def test_nothing_is_handed_over_while_it_waits_for_its_answer(settings: Settings) -> None:
    settings.SIMULATOR_ACK_MS = 4000
    senders = make_senders(1)
    batch = make_batch(senders[0].organization, senders, 1)
    with running_worker() as first:
        wait_until(connected, "the sender is connected")
        planner.plan_all()
        wait_until(lambda: first.sessions.in_flight, "it is on its way")
        with running_worker() as second:
            wait_until(lambda: second.id, "the second worker runs")
            registry.set_draining(worker_id=first.id, draining=True)
            wait_until(lambda: not held() or second.id in held(), "the sender is handed over")
            assert not batch.messages.exclude(sent_at__isnull=False).exists(), "it was closed before its answer"
            wait_until(lambda: held() == {second.id: 1} and connected(), "the other has it")
    everybody_got_one(batch, 1)


def test_figures_come_with_the_heartbeat() -> None:
    senders = make_senders(2)
    batch = make_batch(senders[0].organization, senders, 30)
    with running_worker() as worker:
        wait_until(connected, "the senders are connected")
        plan_until_finished(batch)
        wait_until(lambda: shown(worker).messages_a_minute == 30, "the messages are counted")
        found = shown(worker)
        assert (found.sessions, found.connected, found.state) == (2, 2, WorkerState.ALIVE)
        assert found.memory_bytes > 10_000_000
        wait_until(lambda: shown(worker).cpu_percent > 0, "the processor is measured")


def shown(worker: Worker) -> Any:
    return registry.get(worker.id)


def test_a_worker_whose_row_is_gone_ends(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AssertionError, match="is gone"), running_worker() as worker:  # noqa: PT012
        wait_until(lambda: worker.id, "it is registered")
        SessionWorker.objects.all().delete()
        time.sleep(2)


def test_rows_of_workers_that_ended_are_removed() -> None:
    worker = leases.register(name="old", capacity=1)
    leases.register(name="new", capacity=1)
    assert leases.forget_ended() == 0
    SessionWorker.objects.filter(pk=worker.pk).update(heartbeat_at=worker.heartbeat_at - leases.FORGOTTEN_AFTER)
    assert leases.forget_ended() == 1
    assert SessionWorker.objects.get().name == "new"


def test_a_worker_is_found_by_name_or_id() -> None:
    worker = leases.register(name="host:12", capacity=1)
    assert registry.find("host:12").pk == registry.find(str(worker.pk)).pk == worker.pk
    with pytest.raises(CommandError, match=r"There is no running worker 'else'. Running: \d+ \(host:12\)."):
        call_command("drain_worker", "else")


def test_what_is_still_opening_is_closed_before_it_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another worker opens it at the same time."""
    make_senders(1)
    opens, leased_at_close = threading.Event(), []
    original_open, original_close = SimulatedProvider.open, SimulatedSession.close

    async def open_slowly(self: SimulatedProvider, sender: SenderToOpen, events: Events) -> SimulatedSession:
        opens.set()
        await asyncio.sleep(1)
        return await original_open(self, sender, events)

    async def close(self: SimulatedSession) -> None:
        leased_at_close.append(await sync_to_async(lambda: bool(held()), thread_sensitive=False)())
        await original_close(self)

    monkeypatch.setattr(SimulatedProvider, "open", open_slowly)
    monkeypatch.setattr(SimulatedSession, "close", close)
    with running_worker() as worker:
        wait_until(opens.is_set, "the session is being opened")
        [sender] = worker.sessions.senders.values()
        Sender.objects.update(wanted=False)
        wait_until(lambda: not held(), "the sender is released")
        assert sender.opened.is_set()
    assert leased_at_close == [True]


def test_slow_closing_does_not_make_a_worker_give_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is let go and not yet released still counts as on its way to the other."""
    make_senders(12)
    original = SimulatedSession.close

    async def close_slowly(self: SimulatedSession) -> None:
        await asyncio.sleep(2.5)
        await original(self)

    with running_worker() as first:
        wait_until(connected, "the senders are connected")
        monkeypatch.setattr(SimulatedSession, "close", close_slowly)
        with running_worker() as second:
            wait_until(lambda: held() == {first.id: 6, second.id: 6}, "the senders are divided")
            time.sleep(2)
            assert sorted(fences().values()) == [1] * 6 + [2] * 6
            monkeypatch.setattr(SimulatedSession, "close", original)
