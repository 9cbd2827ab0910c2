"""The rate limit of an API key: so many requests a calendar minute, counted in Redis for all web processes."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiKey


class ApiKeyThrottle(BaseThrottle):
    """Pages of our own are not limited here: only requests with a key are."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key = request.auth
        if not isinstance(key, ApiKey):
            return True
        self.now = time.time()
        counter = f"api_key_requests:{key.pk}:{int(self.now // 60)}"
        cache.add(counter, 0, timeout=120)
        limit = key.requests_per_minute or settings.API_KEY_REQUESTS_PER_MINUTE
        return cache.incr(counter) <= limit

    def wait(self) -> float:
        """Seconds until the next minute begins: what `Retry-After` says."""
        return 60 - self.now % 60
