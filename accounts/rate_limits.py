"""Counts tries in Redis, so that passwords cannot be guessed and nobody's mailbox be flooded."""

import contextlib
import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache
from django.http import HttpRequest


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `tries` within each stretch of `seconds` of the clock."""

    name: str
    tries: int
    seconds: int

    def take(self, *who: str) -> int:
        """Counts a try before it is made, so that a hundred at once are a hundred. Returns the seconds to wait,
        or 0 if the try may go on."""
        now = time.time()
        key = self._key(who, now)
        cache.add(key, 0, timeout=self.seconds)
        return 0 if cache.incr(key) <= self.tries else max(1, round(self.seconds - now % self.seconds))

    def give_back(self, *who: str) -> None:
        """The try was a good one: it does not count."""
        with contextlib.suppress(ValueError):  # the stretch ended meanwhile
            cache.decr(self._key(who, time.time()))

    def _key(self, who: tuple[str, ...], now: float) -> str:
        digest = hashlib.sha256("|".join(who).lower().encode()).hexdigest()
        return f"limit:{self.name}:{digest}:{int(now // self.seconds)}"


def address_of(request: HttpRequest) -> str:
    """The client's IP address. Behind a proxy, uvicorn puts the forwarded one here (`--forwarded-allow-ips`)."""
    return request.META.get("REMOTE_ADDR") or "unknown"
