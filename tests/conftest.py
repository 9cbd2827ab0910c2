"""What every test stands on: a real PostgreSQL and a real Redis, and for some the whole running product."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections

from tests import product
from whatsapp_automation import private_servers

pytest_plugins = ["tests.fixtures_people"]


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[None]:
    try:
        with private_servers.running(settings.DATA_DIR):
            yield
    except private_servers.InUse as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: None, django_db_modify_db_settings_parallel_suffix: None) -> None:
    """pytest-django makes the test database after this; the servers must run by then."""


@pytest.fixture(autouse=True)
def redis_client(servers: None) -> Iterator[redis.Redis]:
    """Redis as the product sees it, emptied after each test."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client
        client.flushall()


@pytest.fixture(autouse=True)
def close_connections_of_async_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """An async test reaches the database from a thread of asgiref's, whose connection nobody else closes."""
    yield
    if inspect.iscoroutinefunction(request.function):
        SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(scope="session")
def running_product(servers: None) -> Iterator[product.Product]:
    """Every process of the product, with the demo organization; one for all tests that ask for it."""
    with product.running() as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the running product go to one worker of pytest-xdist: two products would only slow each other."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here / "browser") or "running_product" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("running_product"))
