"""Tickets open one live connection, for one organization and one topic, soon or never."""

import pytest
import redis
from rest_framework.test import APIClient

from accounts import tickets
from accounts.models import Organization


def test_a_ticket_works_once() -> None:
    ticket = tickets.issue(organization_id=7, topic="batch.12")
    assert tickets.redeem(ticket, "batch.12") == 7
    assert tickets.redeem(ticket, "batch.12") is None


async def test_a_ticket_works_once_from_async_code() -> None:
    ticket = tickets.issue(organization_id=7, topic="batch.12")
    assert await tickets.aredeem(ticket, "batch.12") == 7
    assert await tickets.aredeem(ticket, "batch.12") is None


def test_a_ticket_for_another_topic_is_used_up_too() -> None:
    ticket = tickets.issue(organization_id=7, topic="batch.12")
    assert tickets.redeem(ticket, "batch.13") is None
    assert tickets.redeem(ticket, "batch.12") is None


def test_guesses_and_nothing_open_nothing() -> None:
    assert tickets.redeem("", "batch.12") is None
    assert tickets.redeem("guess", "batch.12") is None


def test_a_ticket_lives_thirty_seconds_and_is_stored_as_a_digest(redis_client: redis.Redis) -> None:
    ticket = tickets.issue(organization_id=7, topic="batch.12")
    [name] = redis_client.keys("websocket_ticket:*")
    assert 0 < redis_client.ttl(name) <= tickets.LIFETIME == 30
    assert ticket.encode() not in name


def test_a_key_gets_a_ticket(owner_api: APIClient, organization: Organization) -> None:
    response = owner_api.post("/api/websocket-tickets", {"topic": "batch.12"})
    assert response.status_code == 201
    assert response.json()["expires_in"] == 30
    assert tickets.redeem(response.json()["ticket"], "batch.12") == organization.pk


@pytest.mark.parametrize("topic", ["", "batch", "batch.", "batch.x", "batch.1.2", "batch.-1", "admin.1", "batch.²"])
def test_a_topic_that_cannot_be_is_named(owner_api: APIClient, topic: str) -> None:
    response = owner_api.post("/api/websocket-tickets", {"topic": topic})
    assert response.status_code == 400
    assert list(response.json()) == ["topic"]
