"""Tasks run at once, so that a test sees the mail that a page asked for."""

from collections.abc import Iterator

import pytest

from whatsapp_automation.celery import app


@pytest.fixture(autouse=True)
def tasks_at_once() -> Iterator[None]:
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
