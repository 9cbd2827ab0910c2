"""The product's own engine for measurements: planner and session service as processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from accounts.models import Organization
from bench.surroundings import child, cpu_seconds, postgres
from messaging import counts, services
from messaging.models import Batch, BatchStatus, MessageStatus
from senders.models import Sender, SenderStatus

LOOK_SECONDS = 0.05
CONCURRENCY = 1_000  # SEND_CONCURRENCY of the measured workers


@dataclass(frozen=True)
class CpuSeconds:
    """What the three parts have used so far."""

    worker: float
    planner: float
    postgres: float

    def since(self, earlier: "CpuSeconds") -> "CpuSeconds":
        return CpuSeconds(
            self.worker - earlier.worker, self.planner - earlier.planner, self.postgres - earlier.postgres
        )

    @property
    def total(self) -> float:
        return self.worker + self.planner + self.postgres


@dataclass
class Engine:
    """A running planner and its workers."""

    planner: subprocess.Popen[str]
    workers: list[psutil.Process]

    def start(self, batch: Batch) -> None:
        """Starts a batch as the page does, which asks for a planner pass at once."""
        services.start_batch(batch=batch)
        assert self.planner.stdin is not None
        self.planner.stdin.write("\n")
        self.planner.stdin.flush()

    def cpu(self) -> CpuSeconds:
        return CpuSeconds(
            worker=sum(cpu_seconds(worker) for worker in self.workers),
            planner=cpu_seconds(psutil.Process(self.planner.pid)),
            postgres=cpu_seconds(postgres(data_dir())),
        )

    def end_planner(self) -> list[float]:
        """Stops the planner; returns the length of each of its passes in milliseconds."""
        printed, _ = self.planner.communicate()
        passes: list[float] = json.loads(printed)
        return passes


def data_dir() -> Path:
    return Path(settings.DATA_DIR)


@contextmanager
def running(*, workers: int = 1, latency_ms: int = 0) -> Iterator[Engine]:
    """Planner and workers, once every wanted sender is connected. The workers hold equal shares of the senders."""
    waiting = Sender.objects.filter(wanted=True).exclude(status=SenderStatus.CONNECTED)
    variables = {
        "BENCH_LATENCY_MS": str(latency_ms),
        "SEND_CONCURRENCY": str(CONCURRENCY),
        "SESSION_RESTORE_RATE": "1000",
        "SESSION_MOVE_RATE": "0",
        "SESSION_WORKER_CAPACITY": str(-(-Sender.objects.filter(wanted=True).count() // workers)),
    }
    with ExitStack() as stack:
        planner = stack.enter_context(child(sys.executable, "-m", "bench.planner_process"))
        started = [
            stack.enter_context(child(sys.executable, "-m", "bench.session_process", **variables))
            for _ in range(workers)
        ]
        Sender.objects.update(status=SenderStatus.CONNECTING)
        wait_until(lambda: _ended(started) or not waiting.exists(), seconds=120)
        assert not _ended(started), "a session service has ended"
        yield Engine(planner, [psutil.Process(worker.pid) for worker in started])


def _ended(processes: list[subprocess.Popen[str]]) -> bool:
    return any(process.poll() is not None for process in processes)


def wait_until(condition: Callable[[], object], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"nothing happened for {seconds} s"
        time.sleep(LOOK_SECONDS)


def make_organization(name: str) -> Organization:
    return Organization.objects.create(name=name, slug=name, timezone="Asia/Jakarta")


def make_senders(organization: Organization, number: int, *, quota_per_minute: int | None = None) -> list[Sender]:
    """Linked senders without quotas a day or an hour, which the next worker connects."""
    first = Sender.objects.count()
    return Sender.objects.bulk_create(
        Sender(
            organization=organization,
            name=f"Sender {first + index}",
            phone_number=f"+62811{first + index:07}",
            wanted=True,
            linked_at=now() - timedelta(days=90),
            quota_per_minute=quota_per_minute,
            quota_per_hour=None,
            quota_per_day=None,
        )
        for index in range(number)
    )


def make_batch(senders: list[Sender], size: int, *, min_delay_ms: int = 0, max_delay_ms: int = 0) -> Batch:
    """A batch that is ready, with `size` pending messages whose text has two variables."""
    organization = senders[0].organization
    batch = Batch.objects.create(
        organization=organization,
        text="Hi {{name}}, your order {{order}} is on its way. Reply STOP to hear no more from us.",
        status=BatchStatus.READY,
        min_delay_ms=min_delay_ms,
        max_delay_ms=max_delay_ms,
    )
    batch.senders.set(senders)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO messaging_message (organization_id, batch_id, direction, phone_number, status, skip_reason,
                error_code, error, variables, text, priority, whatsapp_id, attempts, lease_epoch, keeps_id, created_at)
            SELECT %s, %s, 'out', '+628' || lpad(number::text, 9, '0'), %s, '', '', '',
                jsonb_build_object('name', 'Person ' || number, 'order', 100000 + number), '', 5, '', 0, 0, TRUE, now()
            FROM generate_series(1, %s) AS number
            """,
            [organization.pk, batch.pk, MessageStatus.PENDING, size],
        )
        counts.add(batch.pk, {(MessageStatus.PENDING, ""): size})
        cursor.execute("ANALYZE messaging_message")
    return batch


def number_at(batch: Batch, status: MessageStatus) -> int:
    return counts.of_batches([batch.pk])[batch.pk].get((status, ""), 0)


def send_all(engine: Engine, batch: Batch, size: int) -> float:
    """Starts the batch and waits until every message is read. Returns seconds; asserts that the counters are true."""
    began = time.monotonic()
    engine.start(batch)
    wait_until(lambda: number_at(batch, MessageStatus.READ) >= size, seconds=120 + size / 500)
    seconds = time.monotonic() - began
    assert counts.are_true(batch.pk), "the counters differ from a recount"
    return seconds


def remove_messages() -> None:
    """Empties the ledger, so that one measurement does not stand in another one's way."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE messaging_message, messaging_batchcount, messaging_batch CASCADE")
    os.sync()
