"""Where people arrive who follow a short link: at its target, in two statements. A redirect is worth more than its count."""

import json
import logging
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from accounts.rate_limits import Limit, address_of
from messaging.links import bots, clicks, tokens
from messaging.links.clicks import Followed
from messaging.links.texts import target

logger = logging.getLogger(__name__)

WRONG_LINKS = Limit(name="wrong_links", tries=60, seconds=60)  # an address; whole regions may share one
COUNTED_CLICKS = Limit(name="counted_clicks", tries=20, seconds=60)  # a message; more lead on, and are not counted


@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    named = tokens.read(token)
    if named is None:
        wait = _wait(WRONG_LINKS, address_of(request))
        if wait:
            return HttpResponse(status=429, headers={"Retry-After": str(wait)})
        return _gone(request, 404)
    followed = clicks.find(*named)
    url = target(followed.url, json.loads(followed.variables)) if followed is not None else ""
    if followed is None or not url:
        return _gone(request, 410)
    _count(request, followed)
    return _answer(HttpResponseRedirect(url))


def _count(request: HttpRequest, followed: Followed) -> None:
    if not followed.counts or followed.reached_at is None or _wait(COUNTED_CLICKS, str(followed.message_id)):
        return
    reason = bots.reason(
        method=request.method or "",
        headers=request.headers,
        address=address_of(request),
        after=now() - followed.reached_at,
    )
    try:
        clicks.count(followed, reason)
    except DatabaseError as error:  # it may have been erased at this moment
        logger.warning("a click of message %s is not counted: %s", followed.message_id, error)


def _wait(limit: Limit, who: str) -> int:
    """Seconds; 0 also where Redis is away."""
    try:
        return limit.take(who)
    except RedisError:
        return 0


def _gone(request: HttpRequest, status: int) -> HttpResponse:
    return _answer(render(request, "links/gone.html", status=status))


def _answer(response: Any) -> Any:
    """The address is a person's own: it goes into no cache, no search engine and no other site's log."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
