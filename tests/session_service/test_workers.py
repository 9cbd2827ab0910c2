"""Workers as people and programs see them: page, API, metrics, admin; and senders that wait for one."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEntry, Organization, User
from messaging import planner
from messaging.models import MessageStatus
from senders.models import Sender, SenderStatus
from session_service import leases, registry, states
from session_service.models import SessionLease, SessionWorker
from tests.factories import assert_counters_true, make_batch, make_lease, make_organization, make_sender
from tests.fixtures_people import api_client
from whatsapp_automation import health

pytestmark = pytest.mark.django_db


def make_worker(name: str = "host:1", **fields: Any) -> SessionWorker:
    worker = leases.register(name=name, capacity=10)
    SessionWorker.objects.filter(pk=worker.pk).update(**fields)
    worker.refresh_from_db()
    return worker


@pytest.fixture
def worker() -> SessionWorker:
    return make_worker(cpu_percent=42.4, memory_bytes=300 * 1024**2, messages_a_minute=1234, connected=1)


def page(organization: Organization) -> str:
    return reverse("sending:workers", args=[organization.slug])


# -- State --


def test_a_worker_is_alive_draining_drained_lost_or_stopped(worker: SessionWorker, organization: Organization) -> None:
    lease = make_lease(make_sender(organization), worker)
    assert registry.get(worker.pk).state == "alive"
    registry.set_draining(worker_id=worker.pk, draining=True)
    assert registry.get(worker.pk).state == "draining"
    lease.delete()
    assert registry.get(worker.pk).state == "drained"
    SessionWorker.objects.update(heartbeat_at=now() - leases.lost_after())
    assert registry.get(worker.pk).state == "lost"
    assert not registry.set_draining(worker_id=worker.pk, draining=False)
    leases.stop(worker_id=worker.pk)
    with pytest.raises(registry.NoSuchWorker):
        registry.get(worker.pk)


def test_a_lost_worker_is_shown_for_a_while() -> None:
    worker = make_worker(heartbeat_at=now() - timedelta(minutes=5))
    assert [(each.pk, each.state) for each in registry.present()] == [(worker.pk, "lost")]
    SessionWorker.objects.update(heartbeat_at=now() - timedelta(hours=2))
    assert registry.present() == []


# -- Page --


def test_the_page_shows_every_figure(worker: SessionWorker, organization: Organization, owner_client: Client) -> None:
    make_lease(make_sender(organization), worker)
    text = owner_client.get(page(organization)).text
    for expected in ("host:1", "Alive", "1 / 10", "42 % of a core", "300.0\xa0MB", "1,234", "Drain the worker"):
        assert expected in text
    assert f'href="{page(organization)}"' in owner_client.get(reverse("sending:page", args=[organization.slug])).text


def test_the_live_part_comes_alone(worker: SessionWorker, organization: Organization, owner_client: Client) -> None:
    text = owner_client.get(page(organization), headers={"HX-Request": "true"}).text
    assert "host:1" in text
    assert "<html" not in text


def test_an_empty_page_says_what_is_missing(organization: Organization, owner_client: Client) -> None:
    text = owner_client.get(page(organization)).text
    assert "No worker of the session service is running" in text
    assert "manage.py run_session_service" in text


def test_a_worker_is_drained_and_undrained(
    worker: SessionWorker, organization: Organization, owner_client: Client
) -> None:
    make_lease(make_sender(organization), worker)
    drain, undrain = (
        reverse(f"sending:{name}", args=[organization.slug, worker.pk]) for name in ("drain_worker", "undrain_worker")
    )
    text = owner_client.post(drain, follow=True).text
    assert "host:1 hands its sessions over and takes none." in text
    assert "No other worker has room." in text
    make_worker("host:2")
    assert "No other worker has room." not in owner_client.get(page(organization)).text
    worker.refresh_from_db()
    assert worker.draining
    assert "takes sessions again." in owner_client.post(undrain, follow=True).text
    worker.refresh_from_db()
    assert not worker.draining
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions)[-2:] == ["worker.drained", "worker.undrained"]


def test_a_worker_that_is_gone_is_not_drained(
    worker: SessionWorker, organization: Organization, owner_client: Client
) -> None:
    leases.stop(worker_id=worker.pk)
    assert owner_client.post(reverse("sending:drain_worker", args=[organization.slug, worker.pk])).status_code == 404


def test_one_organization_among_others_only_looks(
    worker: SessionWorker,
    organization: Organization,
    other_organization: Organization,
    owner: User,
    owner_client: Client,
) -> None:
    address = reverse("sending:drain_worker", args=[organization.slug, worker.pk])
    text = owner_client.get(page(organization)).text
    assert "host:1" in text
    assert "Drain the worker" not in text
    assert owner_client.post(address).status_code == 403
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    assert owner_client.post(address).status_code == 302


def test_viewers_drain_nothing(worker: SessionWorker, organization: Organization, teammate_client: Client) -> None:
    address = reverse("sending:drain_worker", args=[organization.slug, worker.pk])
    assert "Drain the worker" not in teammate_client.get(page(organization)).text
    assert teammate_client.post(address).status_code == 403


# -- API --


def test_the_api_shows_and_drains(worker: SessionWorker, organization: Organization) -> None:
    make_lease(make_sender(organization), worker)
    api = api_client(organization, "workers.view", "workers.manage")
    [shown] = api.get("/api/workers").json()["results"]
    figures = {"sessions": 1, "connected": 1, "capacity": 10, "cpu_percent": 42.4, "messages_a_minute": 1234}
    assert shown.items() >= {"id": worker.pk, "name": "host:1", "state": "alive", **figures}.items()
    drained = api.post(f"/api/workers/{worker.pk}/drain")
    assert (drained.status_code, drained.json()["state"]) == (202, "draining")
    undrained = api.post(f"/api/workers/{worker.pk}/undrain")
    assert (undrained.status_code, undrained.json()["state"]) == (202, "alive")
    assert api.post(f"/api/workers/{worker.pk + 99}/drain").status_code == 404


def test_a_key_without_the_scope_drains_nothing(worker: SessionWorker, organization: Organization) -> None:
    looks = api_client(organization, "workers.view")
    assert looks.get("/api/workers").status_code == 200
    assert looks.post(f"/api/workers/{worker.pk}/drain").status_code == 403
    assert api_client(organization, "senders.view").get("/api/workers").status_code == 403


def test_a_key_from_the_command_line_may_drain(
    worker: SessionWorker, organization: Organization, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_api_key", organization=organization.slug, name="all")
    key = capsys.readouterr().out.strip()
    address = f"/api/workers/{worker.pk}/drain"
    assert Client(headers={"X-Api-Key": key}).post(address).status_code == 202


# -- Metrics --


@pytest.mark.django_db(transaction=True)
async def test_metrics_name_each_worker() -> None:
    await SessionWorker.objects.acreate(name="host:1", capacity=10, cpu_percent=42.4, memory_bytes=300, draining=True)
    text = (await health.metrics(RequestFactory().get("/metrics"))).content.decode()
    for line in (
        'whatsapp_session_worker_sessions{worker="host:1"} 0.0',
        'whatsapp_session_worker_capacity{worker="host:1"} 10.0',
        'whatsapp_session_worker_cpu_percent{worker="host:1"} 42.4',
        'whatsapp_session_worker_memory_bytes{worker="host:1"} 300.0',
        'whatsapp_session_worker_draining{worker="host:1"} 1.0',
        "whatsapp_senders_waiting 0.0",
    ):
        assert line in text


# -- Senders that wait --


@pytest.fixture
def waiting() -> Sender:
    """A sender whose worker has been gone for a while, with the state that this one wrote last."""
    sender = make_sender(make_organization(), status_at=now() - timedelta(hours=1))
    lease = make_lease(sender, make_worker("gone", heartbeat_at=now() - timedelta(minutes=5)))
    SessionLease.objects.filter(pk=lease.pk).update(expires_at=now() - timedelta(minutes=4))
    return sender


def reason(sender: Sender) -> str:
    states.show_waiting()
    sender.refresh_from_db()
    assert sender.status == SenderStatus.CONNECTING
    return sender.status_detail


def test_a_sender_that_waits_says_why(waiting: Sender) -> None:
    assert reason(waiting) == "Waits for a worker: no worker of the session service is running."
    assert states.show_waiting() == []
    worker = make_worker("full", capacity=0, draining=True)
    waiting.status_at = now() - timedelta(minutes=1)
    waiting.save()
    assert reason(waiting) == "Waits for a worker: all of them are draining and take no sessions."
    SessionWorker.objects.filter(pk=worker.pk).update(draining=False)
    Sender.objects.update(status_at=now() - timedelta(minutes=1))
    assert reason(waiting) == "Waits for a worker: the only one is full with 0 sessions. Start another one."
    make_worker("other", capacity=0)
    assert reason(waiting) == "Waits for a worker: all 2 are full with 0 sessions. Start another one."
    make_worker("roomy")
    assert reason(waiting) == "Waits for its turn: sessions are opened a few at a time."


def test_the_queue_of_a_sender_that_waits_goes_to_others(waiting: Sender) -> None:
    batch = make_batch(waiting.organization, [waiting], 3)
    planner.plan_all()
    assert batch.messages.filter(stage=MessageStatus.QUEUED).count() == 3
    assert states.show_waiting() == [waiting.pk]
    assert batch.messages.filter(stage=MessageStatus.PENDING).count() == 3
    assert_counters_true(batch)


def test_senders_that_are_held_or_were_a_moment_ago_do_not_wait(waiting: Sender) -> None:
    SessionLease.objects.update(expires_at=now() - timedelta(seconds=3))
    assert states.show_waiting() == []
    SessionLease.objects.update(expires_at=now() + timedelta(seconds=9))
    assert states.show_waiting() == []
    assert not registry.waiting().exists()


def test_the_page_and_the_api_name_senders_that_wait(waiting: Sender) -> None:
    user = User.objects.create_user(email="boss@example.com")
    waiting.organization.memberships.create(user=user, role="owner")
    client = Client()
    client.force_login(user)
    text = client.get(page(waiting.organization)).text
    assert waiting.name in text
    assert "no worker of the session service is running" in text
    assert api_client(waiting.organization).get("/api/workers").json()["waiting"] == 1
    assert api_client(make_organization()).get("/api/workers").json()["waiting"] == 0
