"""What every test stands on: a real PostgreSQL and a real Redis."""

from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from whatsapp_automation import private_servers


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
