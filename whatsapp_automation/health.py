"""`/health` for load balancers and people, `/metrics` for Prometheus. Neither shows anything about a tenant."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from messaging.models import BatchCount, Message, MessageStatus
from senders.models import Sender
from session_service import registry as session_registry
from session_service.leases import lost_after
from session_service.models import SessionWorker
from session_service.registry import WorkerState
from whatsapp_automation.celery import PLANNER_RAN_AT

ANSWER_WITHIN = 1.0  # seconds for each dependency
PLANNER_IS_LATE_AFTER = 15.0  # seconds; it runs every second
REQUIRED = ("database", "broker", "channels", "cache")  # without one of these no page works

logger = logging.getLogger(__name__)


async def health(request: HttpRequest) -> JsonResponse:
    """200 with status "ok", or "degraded" when pages work but nothing is sent; 503 with "down" otherwise."""
    dependencies = await check_dependencies()
    if not all(dependencies[name]["ok"] for name in REQUIRED):
        status = "down"
    else:
        status = "ok" if all(each["ok"] for each in dependencies.values()) else "degraded"
    return JsonResponse({"status": status, "dependencies": dependencies}, status=503 if status == "down" else 200)


async def check_dependencies() -> dict[str, dict[str, Any]]:
    """Each dependency as {"ok": bool, ...}, all asked at the same time."""
    checks: dict[str, Awaitable[dict[str, Any]]] = {
        "database": _check("database", _ask_database),
        "broker": _check("broker", lambda: _ask_redis(settings.REDIS_BROKER_URL)),
        "channels": _check("channels", lambda: _ask_redis(settings.REDIS_CHANNELS_URL)),
        "cache": _check("cache", lambda: _ask_redis(settings.REDIS_CACHE_URL)),
        "planner": _check("planner", _ask_planner),
        "session_workers": _check("session_workers", _ask_session_workers),
    }
    return dict(zip(checks, await asyncio.gather(*checks.values()), strict=True))


async def _check(name: str, ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await ask()
    except TimeoutError:
        return {"ok": False, "problem": f"no answer within {ANSWER_WITHIN:g} s"}
    except (OSError, psycopg.Error, redis.RedisError) as error:
        logger.warning("%s cannot be reached: %s", name, error)  # the address belongs in the log, not on the page
        return {"ok": False, "problem": "cannot be reached"}


async def _connect() -> psycopg.AsyncConnection:
    """A connection of its own: Django's could be one that hangs."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    return await psycopg.AsyncConnection.connect(**parameters, autocommit=True)


async def _ask_database() -> dict[str, Any]:
    async with await _connect() as database:
        await database.execute("SELECT 1")
    return {"ok": True}


async def _ask_redis(url: str) -> dict[str, Any]:
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.ping()
    return {"ok": True}


async def _ask_planner() -> dict[str, Any]:
    async with redis.asyncio.Redis.from_url(settings.REDIS_CACHE_URL) as client:
        ran_at = await client.get(PLANNER_RAN_AT)
    if ran_at is None:
        return {"ok": False, "problem": "has not run yet"}
    age = max(0.0, time.time() - float(ran_at))
    return {"ok": age < PLANNER_IS_LATE_AFTER, "seconds_since_last_run": round(age, 1)}


async def _ask_session_workers() -> dict[str, Any]:
    table = SessionWorker._meta.db_table
    query = f"SELECT count(*) FROM {table} WHERE stopped_at IS NULL AND heartbeat_at > %s"
    async with await _connect() as database:
        row = await (await database.execute(query, [now() - lost_after()])).fetchone()
    alive = row[0] if row else 0
    return {"ok": alive > 0, "alive": alive}


async def metrics(request: HttpRequest) -> HttpResponse:
    """Always 200; a dependency that is down shows as `whatsapp_dependency_up 0`, and its figures are left out."""
    dependencies = await check_dependencies()
    registry = CollectorRegistry()
    up = Gauge("whatsapp_dependency_up", "Whether it answers.", ["dependency"], registry=registry)
    for name, result in dependencies.items():
        up.labels(name).set(result["ok"])
    planner_age = dependencies["planner"].get("seconds_since_last_run")
    if planner_age is not None:
        Gauge("whatsapp_planner_age_seconds", "Since the planner last ran.", registry=registry).set(planner_age)
    if dependencies["database"]["ok"]:
        await sync_to_async(_measure_database)(registry)
    if dependencies["broker"]["ok"]:
        await _measure_queues(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _measure_database(registry: CollectorRegistry) -> None:
    messages = Gauge("whatsapp_batch_messages", "Messages of batches by status.", ["status"], registry=registry)
    of_messages = BatchCount.objects.exclude(status=MessageStatus.RECEIVED)
    for number, total in of_messages.values_list("status").annotate(total=Sum("count")):
        messages.labels(MessageStatus(number).name.lower()).set(total)
    senders = Gauge("whatsapp_senders", "Senders by the status of their session.", ["status"], registry=registry)
    for status, total in Sender.objects.order_by().values_list("status").annotate(total=Count("id")):
        senders.labels(status).set(total)
    _measure_workers(registry)
    lag = Gauge("whatsapp_queue_lag_seconds", "How late the oldest due message is.", registry=registry)
    oldest = Message.objects.filter(status=MessageStatus.QUEUED).aggregate(due=Min("due_at"))["due"]
    lag.set(max(0.0, (now() - oldest).total_seconds()) if oldest else 0)


WORKER_FIGURES = {
    "sessions": "Senders that a worker of the session service holds.",
    "connected": "Of those, the ones that are connected.",
    "capacity": "Senders that it takes at most.",
    "cpu_percent": "Of one core, with its child processes.",
    "memory_bytes": "Resident, with its child processes.",
    "messages_a_minute": "Acknowledged in the last 60 seconds.",
}


def _measure_workers(registry: CollectorRegistry) -> None:
    running = [worker for worker in session_registry.present() if worker.state != WorkerState.LOST]
    alive = Gauge("whatsapp_session_workers", "Workers of the session service that are alive.", registry=registry)
    alive.set(len(running))
    gauges = {
        name: Gauge(f"whatsapp_session_worker_{name}", description, ["worker"], registry=registry)
        for name, description in WORKER_FIGURES.items()
    }
    draining = Gauge(
        "whatsapp_session_worker_draining", "Whether it hands its sessions over.", ["worker"], registry=registry
    )
    age = Gauge(
        "whatsapp_session_worker_heartbeat_age_seconds", "Since its last heartbeat.", ["worker"], registry=registry
    )
    for worker in running:
        for name, gauge in gauges.items():
            gauge.labels(worker.name).set(getattr(worker, name))
        draining.labels(worker.name).set(worker.draining)
        age.labels(worker.name).set(max(0.0, (now() - worker.heartbeat_at).total_seconds()))
    waiting = Gauge("whatsapp_senders_waiting", "Senders that no worker holds and should.", registry=registry)
    waiting.set(session_registry.waiting().count())


async def _measure_queues(registry: CollectorRegistry) -> None:
    waiting = Gauge("whatsapp_tasks_waiting", "Tasks in a Celery queue.", ["queue"], registry=registry)
    async with redis.asyncio.Redis.from_url(settings.REDIS_BROKER_URL) as client:
        for queue in ("control", "default", "imports", "webhooks"):
            waiting.labels(queue).set(await client.llen(queue))
