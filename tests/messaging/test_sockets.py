"""Live pages: who may watch what, and that events reach those who watch."""

import asyncio
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from accounts import live, services, tickets
from accounts.models import Organization, Role, User
from messaging import consumers, progress
from messaging.models import Batch
from senders import linking
from tests.factories import make_batch, make_organization, make_sender
from tests.messaging.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def batch() -> Batch:
    organization = make_organization()
    return make_batch(organization, [make_sender(organization)], 3)


def person(organization: Organization | None, email: str) -> User:
    user = User.objects.create_user(email=email, password="pass")
    if organization is not None:
        services.add_member(organization=organization, user=user, role=Role.VIEWER)
    return user


def cookie_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"sessionid={session.session_key}"


async def test_a_member_watches_a_batch(batch: Batch) -> None:
    member = await asyncio.to_thread(person, batch.organization, "member@example.com")
    cookie = await asyncio.to_thread(cookie_of, member)
    watching = Socket(f"/ws/{progress.topic(batch.pk)}", cookie=cookie)
    await watching.connect()
    await asyncio.sleep(0.2)
    await asyncio.to_thread(progress.publish, {batch.pk}, at_once=True)
    event: dict[str, Any] = await watching.receive_json()
    assert event["type"] == "progress"
    assert (event["total"], event["done"], event["counts"]["pending"]) == (3, 0, 3)
    await watching.disconnect()


async def test_a_slow_watcher_gets_the_newest_state_only(batch: Batch) -> None:
    member = await asyncio.to_thread(person, batch.organization, "member@example.com")
    cookie = await asyncio.to_thread(cookie_of, member)
    watching = Socket(f"/ws/batch.{batch.pk}", cookie=cookie)
    await watching.connect()
    await asyncio.sleep(0.2)
    for number in range(200):
        await asyncio.to_thread(live.publish, f"batch.{batch.pk}", {"type": "progress", "number": number})
    numbers = []
    while not numbers or numbers[-1] != 199:
        numbers.append((await watching.receive_json()).get("number", -1))
    assert numbers == sorted(numbers)
    await watching.disconnect()


@pytest.mark.parametrize("topic", ["batch", "sender", "import"])
async def test_an_outsider_learns_nothing(batch: Batch, topic: str) -> None:
    outsider = await asyncio.to_thread(lambda: person(make_organization(), "outsider@example.com"))
    cookie = await asyncio.to_thread(cookie_of, outsider)
    assert await Socket(f"/ws/{topic}.{batch.pk}", cookie=cookie).close_code() == 4404
    assert await Socket(f"/ws/{topic}.999999", cookie=cookie).close_code() == 4404


@pytest.mark.parametrize("path", ["/ws/nonsense", "/ws/batch.x", "/ws/batch.99999999999999999999999", "/ws/batch"])
async def test_nonsense_is_refused(batch: Batch, path: str) -> None:
    member = await asyncio.to_thread(person, batch.organization, "member@example.com")
    assert await Socket(path, cookie=await asyncio.to_thread(cookie_of, member)).close_code() == 4404


async def test_nobody_watches_without_signing_in(batch: Batch) -> None:
    assert await Socket(f"/ws/batch.{batch.pk}").close_code() == 4401


async def test_another_site_cannot_use_the_session(batch: Batch) -> None:
    member = await asyncio.to_thread(person, batch.organization, "member@example.com")
    cookie = await asyncio.to_thread(cookie_of, member)
    assert await Socket(f"/ws/batch.{batch.pk}", cookie=cookie, origin="https://evil.example").close_code() == 4401
    assert await Socket(f"/ws/batch.{batch.pk}", cookie=cookie, origin="").close_code() == 4401


async def test_a_ticket_opens_its_topic_once(batch: Batch) -> None:
    topic = f"batch.{batch.pk}"
    ticket = await asyncio.to_thread(lambda: tickets.issue(organization_id=batch.organization_id, topic=topic))
    address = f"/ws/{topic}?ticket={ticket}"
    assert await Socket(address, origin="https://elsewhere.example").close_code() is None
    assert await Socket(address, origin="https://elsewhere.example").close_code() == 4401


async def test_a_ticket_is_for_its_topic_and_organization_only(batch: Batch) -> None:
    other = await asyncio.to_thread(make_organization)
    topic = f"batch.{batch.pk}"
    foreign = await asyncio.to_thread(lambda: tickets.issue(organization_id=other.pk, topic=topic))
    assert await Socket(f"/ws/{topic}?ticket={foreign}").close_code() == 4404
    ticket = await asyncio.to_thread(lambda: tickets.issue(organization_id=batch.organization_id, topic=topic))
    assert await Socket(f"/ws/sender.1?ticket={ticket}").close_code() == 4401


async def test_a_page_learns_that_the_line_stands(batch: Batch) -> None:
    topic = f"batch.{batch.pk}"
    ticket = await asyncio.to_thread(lambda: tickets.issue(organization_id=batch.organization_id, topic=topic))
    watching = Socket(f"/ws/{topic}?ticket={ticket}")
    await watching.connect()
    for nonsense in ("", "{", '{"type": "drop table"}'):
        await watching.send_input({"type": "websocket.receive", "text": nonsense})
    await watching.send_input({"type": "websocket.receive", "text": '{"type": "ping"}'})
    assert {"type": "pong"} in [await watching.receive_json(), await watching.receive_json()]
    await watching.disconnect()


async def test_a_new_watcher_is_told_the_present_state_at_once(batch: Batch) -> None:
    member = await asyncio.to_thread(person, batch.organization, "member@example.com")
    watching = Socket(f"/ws/batch.{batch.pk}", cookie=await asyncio.to_thread(cookie_of, member))
    await watching.connect()
    event = await watching.receive_json()
    assert (event["type"], event["total"]) == ("progress", 3)
    await watching.disconnect()


@pytest.mark.parametrize("end", ["sign out", "leave"])
async def test_a_socket_ends_with_the_session_or_the_membership(batch: Batch, monkeypatch, end: str) -> None:
    monkeypatch.setattr(consumers, "CHECK_AGAIN_SECONDS", 0.2)
    member = await asyncio.to_thread(person, batch.organization, "member@example.com")
    watching = Socket(f"/ws/batch.{batch.pk}", cookie=await asyncio.to_thread(cookie_of, member))
    await watching.connect()
    await watching.receive_json()
    if end == "sign out":
        await asyncio.to_thread(lambda: Session.objects.all().delete())
    else:
        await asyncio.to_thread(lambda: member.memberships.all().delete())
    assert (await watching.receive_output(timeout=3))["code"] == (4401 if end == "sign out" else 4404)


async def test_codes_come_over_the_socket_to_those_who_may_link_a_phone(batch: Batch) -> None:
    sender = await batch.senders.aget()
    topic = linking.topic(sender.pk)
    viewer = await asyncio.to_thread(person, batch.organization, "viewer@example.com")
    assert await Socket(f"/ws/{topic}", cookie=await asyncio.to_thread(cookie_of, viewer)).close_code() == 4404
    await asyncio.to_thread(linking.show_qr, sender.pk, "2@first", 20)
    ticket = await asyncio.to_thread(lambda: tickets.issue(organization_id=batch.organization_id, topic=topic))
    watching = Socket(f"/ws/{topic}?ticket={ticket}")
    await watching.connect()
    event = await watching.receive_json()
    assert (event["type"], event["text"]) == ("qr", "2@first")
    assert event["svg"].startswith("<svg")
    await asyncio.to_thread(linking.show_pairing_code, sender.pk, "ABCD1234", 60)
    event = await watching.receive_json()
    assert (event["type"], event["code"]) == ("pairing_code", "ABCD1234")
    await watching.disconnect()
