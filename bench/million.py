"""A campaign to a million people: the planner's passes, how soon a pause stops it, and the worker's memory."""

import time

import psutil
from django.db import connection

from bench import engine
from bench.results import emit, percentile
from messaging import services
from messaging.models import Batch, MessageStatus

SIZE = 1_000_000
SENDERS = 1_000
A_MINUTE = 20
SECONDS = 120
SETTLED_SECONDS = 30  # the memory after so long is what it should stay at
PAUSES = 5


def run(*, quick: bool) -> None:
    size, number, seconds = (2_000, 20, 4) if quick else (SIZE, SENDERS, SECONDS)
    engine.remove_messages()
    senders = engine.make_senders(engine.make_organization("million"), number, quota_per_minute=A_MINUTE)
    batch = engine.make_batch(senders, size, min_delay_ms=2_400, max_delay_ms=3_600)
    memory: list[int] = []
    with engine.running() as started:
        worker = psutil.Process(started.workers[0].pid)
        started.start(batch)
        for _ in range(seconds):
            time.sleep(1)
            memory.append(worker.memory_info().rss)
        stops = [_pause_and_resume(batch) for _ in range(1 if quick else PAUSES)]
        passes = started.end_planner()
    name = f"{size} pending, {number} senders"
    settled = memory[min(SETTLED_SECONDS, len(memory) // 2)]
    emit("million", f"{name}: planner's pass, median", percentile(passes, 0.5), "ms")
    emit("million", f"{name}: planner's pass, p95", percentile(passes, 0.95), "ms", passes=len(passes))
    emit("million", f"{name}: planner's pass, longest", max(passes), "ms")
    emit("million", f"{name}: from pause to last send, longest of {len(stops)}", max(stops), "s")
    emit("million", f"{name}: worker's memory, most", max(memory) / 2**20, "MiB")
    emit("million", f"{name}: worker's memory, growth after it settled", (memory[-1] - settled) / 2**20, "MiB")


def _pause_and_resume(batch: Batch) -> float:
    """Pauses for a little and goes on. Returns seconds from the order to pause to the last acknowledged send after it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (ordered,) = cursor.fetchone()
        services.pause_batch(batch=batch)
        time.sleep(3)
        cursor.execute(
            "SELECT COALESCE(extract(epoch FROM max(sent_at) - %s)::float, 0) FROM messaging_message"
            " WHERE batch_id = %s AND sent_at > %s",
            [ordered, batch.pk, ordered],
        )
        (stopped_after,) = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM messaging_message WHERE batch_id = %s AND status IN (%s, %s)",
            [batch.pk, MessageStatus.QUEUED, MessageStatus.SENDING],
        )
        assert cursor.fetchone()[0] == 0, "something is still on its way"
    services.resume_batch(batch=batch)
    time.sleep(5)
    return float(stopped_after)
