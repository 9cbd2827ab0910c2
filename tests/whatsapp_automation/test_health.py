"""`/health` and `/metrics`, also while a dependency is down or hangs."""

import json
import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient, RequestFactory
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from session_service.models import SessionWorker
from whatsapp_automation import health
from whatsapp_automation.celery import PLANNER_RAN_AT

pytestmark = pytest.mark.django_db(transaction=True)  # health asks over connections of its own


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not a dependency that hangs."""
    monkeypatch.setattr(health, "ANSWER_WITHIN", 30)


async def ask() -> tuple[int, dict[str, Any]]:
    response = await health.health(RequestFactory().get("/health"))
    return response.status_code, json.loads(response.content)


async def figures() -> dict[tuple[str, ...], float]:
    """Each sample of `/metrics` under its name and the values of its labels."""
    response = await health.metrics(RequestFactory().get("/metrics"))
    families = text_string_to_metric_families(response.content.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def test_all_is_well(redis_client: redis.Redis) -> None:
    redis_client.set(PLANNER_RAN_AT, time.time() - 2)
    await SessionWorker.objects.acreate(name="somewhere-1", capacity=10)
    status, body = await ask()
    assert status == 200
    assert body["status"] == "ok"
    assert set(body["dependencies"]) == {"database", "broker", "channels", "cache", "planner", "session_workers"}
    assert body["dependencies"]["session_workers"] == {"ok": True, "alive": 1}
    assert 2 <= body["dependencies"]["planner"]["seconds_since_last_run"] < 5


async def test_pages_without_planner_and_workers_are_degraded(redis_client: redis.Redis) -> None:
    redis_client.set(PLANNER_RAN_AT, time.time() - 60)
    status, body = await ask()
    assert status == 200
    assert body["status"] == "degraded"
    assert [name for name, each in body["dependencies"].items() if not each["ok"]] == ["planner", "session_workers"]


@pytest.mark.parametrize("role", ["broker", "channels", "cache"])
async def test_redis_that_is_down_is_named(role: str, settings: Settings) -> None:
    setattr(settings, f"REDIS_{role.upper()}_URL", "unix:///nowhere/redis.sock")
    status, body = await ask()
    assert status == 503
    assert body["status"] == "down"
    assert body["dependencies"][role] == {"ok": False, "problem": "cannot be reached"}
    assert body["dependencies"]["database"]["ok"]


async def test_database_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    status, body = await ask()
    assert status == 503
    assert body["dependencies"]["database"] == {"ok": False, "problem": "cannot be reached"}
    assert body["dependencies"]["broker"]["ok"]


async def test_dependencies_that_hang_are_given_up(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN", 0.5)
    with TemporaryDirectory(prefix="wa-") as folder, socket.socket(socket.AF_UNIX) as postgres:
        postgres.bind(str(Path(folder) / ".s.PGSQL.5432"))
        postgres.listen()
        monkeypatch.setitem(connection.settings_dict, "HOST", folder)
        settings.REDIS_CACHE_URL = f"unix://{folder}/.s.PGSQL.5432"
        status, body = await ask()
    assert status == 503
    assert body["dependencies"]["database"]["problem"] == "no answer within 0.5 s"
    assert body["dependencies"]["cache"]["problem"] == "no answer within 0.5 s"


async def test_metrics_count_what_is_there(redis_client: redis.Redis) -> None:
    redis_client.set(PLANNER_RAN_AT, time.time() - 3)
    redis_client.lpush("imports", "a task", "another")
    await SessionWorker.objects.acreate(name="somewhere-1", capacity=10)
    samples = await figures()
    assert samples["whatsapp_dependency_up", "database"] == 1
    assert samples["whatsapp_session_workers",] == 1
    assert samples["whatsapp_tasks_waiting", "imports"] == 2
    assert samples["whatsapp_tasks_waiting", "control"] == 0
    assert 3 <= samples["whatsapp_planner_age_seconds",] < 6
    assert samples["whatsapp_queue_lag_seconds",] == 0


async def test_metrics_without_database_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    samples = await figures()
    assert samples["whatsapp_dependency_up", "database"] == 0
    assert samples["whatsapp_dependency_up", "broker"] == 1
    assert ("whatsapp_session_workers",) not in samples


async def test_addresses_answer_without_login(async_client: AsyncClient) -> None:
    assert (await async_client.get("/health")).status_code == 200
    response = await async_client.get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert await sync_to_async(SessionWorker.objects.count)() == 0
