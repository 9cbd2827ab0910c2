"""While Redis is away pages are not told, and everything else goes on: every fact is in PostgreSQL."""

import pytest

from messaging import planner, services
from messaging.models import BatchStatus, Message, MessageStatus
from tests.factories import make_batch, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def redis_is_away(settings, tmp_path) -> None:
    nowhere = f"unix://{tmp_path}/redis.sock"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": nowhere}}
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {"hosts": [{"address": nowhere}]}}}


def test_a_planner_pass_reaches_every_organization() -> None:
    for _ in range(2):
        organization = make_organization()
        make_batch(organization, [make_sender(organization)], 3)
    assert planner.plan_all() == 6


def test_pausing_resuming_and_cancelling_take_effect() -> None:
    organization = make_organization()
    batch = make_batch(organization, [make_sender(organization)], 3)
    planner.plan_all()
    services.pause_batch(batch=batch)
    assert not Message.objects.filter(status=MessageStatus.QUEUED).exists()
    services.resume_batch(batch=batch)
    services.cancel_batch(batch=batch)
    batch.refresh_from_db()
    assert batch.status == BatchStatus.CANCELLED
