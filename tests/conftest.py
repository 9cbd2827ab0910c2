"""What every test stands on: a real PostgreSQL and a real Redis, and for some the whole running product."""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import redis
from django.conf import settings
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker
from xdist.scheduler import LoadScopeScheduling

from tests import product
from whatsapp_automation import private_servers

# How long one example takes says more about the machine than about the code. The examples are the same every time, so
# that a change never fails for somebody else's reason; `EXPLORE=1` looks at new ones.
hypothesis.settings.register_profile("product", deadline=None, derandomize=not os.environ.get("EXPLORE"))
hypothesis.settings.load_profile("product")

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


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Async tests reach the database from threads whose connections nobody closes; they would keep it from going."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def redis_client(servers: None) -> Iterator[redis.Redis]:
    """Redis as the product sees it, emptied after each test."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client
        client.flushall()


@pytest.fixture(scope="session")
def running_product(servers: None) -> Iterator[product.Product]:
    """Every process of the product, with the demo organization; one for all tests that ask for it."""
    with product.running() as running:
        yield running


class FilesToWorkers(LoadScopeScheduling):
    """How pytest-xdist hands out tests: by file, except that all tests of the running product go to one worker.

    Two products at once would only slow each other. (The mark `xdist_group` does nothing under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "running product" if file.startswith(("tests/browser/", "tests/end_to_end/")) else file


PLACES = {"tests/browser/": 0, "tests/end_to_end/": 0, "tests/session_service/": 2, "tests/promises/": 3}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The running product begins, beside tests that need little of the machine; what kills many processes comes last."""
    items.sort(key=lambda item: next((PLACES[folder] for folder in PLACES if item.nodeid.startswith(folder)), 1))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesToWorkers:
    return FilesToWorkers(config, log)
