"""A thousand senders at twenty messages a minute each, one worker: is every message sent when it is due, and at what
cost?"""

import time

import psutil
from django.db import connection

from bench import engine
from bench.results import emit, percentile
from messaging.models import Batch

SENDERS = 1_000
A_MINUTE = 20
SECONDS = 120


def run(*, quick: bool) -> None:
    number, seconds = (20, 5) if quick else (SENDERS, SECONDS)
    engine.remove_messages()
    senders = engine.make_senders(engine.make_organization("paced"), number, quota_per_minute=A_MINUTE)
    batch = engine.make_batch(senders, number * A_MINUTE * (seconds // 60 + 2), min_delay_ms=2_400, max_delay_ms=3_600)
    with engine.running() as started:
        time.sleep(0 if quick else 5)  # what opening the sessions costs is not measured here
        before, began = started.cpu(), time.monotonic()
        started.start(batch)
        time.sleep(seconds)
        took = time.monotonic() - began
        used = started.cpu().since(before)
        memory = psutil.Process(started.workers[0].pid).memory_info().rss
        lateness, sent = _lateness(batch)
    name = f"{number} senders, {A_MINUTE} a minute each"
    emit("paced", f"{name}: sent", sent / took, "messages/s")
    emit("paced", f"{name}: lateness, median", percentile(lateness, 0.5), "s")
    emit("paced", f"{name}: lateness, p95", percentile(lateness, 0.95), "s")
    emit("paced", f"{name}: lateness, largest", max(lateness), "s")
    emit("paced", f"{name}: worker", used.worker / took * 100, "% of a core")
    emit("paced", f"{name}: planner", used.planner / took * 100, "% of a core")
    emit("paced", f"{name}: PostgreSQL", used.postgres / took * 100, "% of a core")
    emit("paced", f"{name}: worker's memory", memory / 2**20, "MiB")


def _lateness(batch: Batch) -> tuple[list[float], int]:
    """Seconds from due to acknowledged, of every message that was due at all; what was not sent yet counts up to now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT extract(epoch FROM COALESCE(sent_at, clock_timestamp()) - due_at)::float, sent_at IS NOT NULL
            FROM messaging_message WHERE batch_id = %s AND sender_id IS NOT NULL AND due_at < clock_timestamp()
            """,
            [batch.pk],
        )
        rows = cursor.fetchall()
    return [seconds for seconds, _ in rows], sum(is_sent for _, is_sent in rows)
