"""Tickets for WebSockets: what a program shows instead of its API key, which would end up in logs with the address.

A ticket is random, lives 30 seconds, opens one connection, and only for the organization and topic it was made for.
Redis keeps a digest, so that reading Redis does not open sockets.
"""

import hashlib
import json
import secrets
from functools import cache

from asgiref.sync import sync_to_async
from django.conf import settings
from redis import Redis

LIFETIME = 30
"""Seconds between asking for a ticket and opening the socket."""


def issue(*, organization_id: int, topic: str) -> str:
    ticket = secrets.token_urlsafe(32)
    _redis().set(_name(ticket), json.dumps({"organization": organization_id, "topic": topic}), ex=LIFETIME)
    return ticket


def redeem(ticket: str, topic: str) -> int | None:
    """The id of the organization that the ticket speaks for, or None. Whatever the answer, the ticket is used up."""
    kept = _redis().getdel(_name(ticket))
    if not isinstance(kept, bytes | str):
        return None
    content = json.loads(kept)
    return content["organization"] if content["topic"] == topic else None


aredeem = sync_to_async(redeem, thread_sensitive=False)


def _name(ticket: str) -> str:
    return f"websocket_ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


@cache
def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_CACHE_URL, socket_timeout=2)
