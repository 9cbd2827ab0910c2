"""Asks the worker that holds a sender's session to do something with it, and waits for the answer.

A question goes through Redis: its text under a key that expires, so that nobody answers what nobody waits for any more,
and its id on the list of the worker. `ask` is for web processes and tasks, `Answering` for the worker.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, cast

import redis
from django.conf import settings
from django.utils.translation import gettext as _
from redis.asyncio import Redis
from redis.exceptions import RedisError

from session_service.background import Background
from session_service.leases import ClockTimestamp
from session_service.models import SessionLease
from session_service.providers.base import NotPossible, Session
from session_service.sessions import Sessions

SECONDS_FOR_AN_ANSWER = 20
SECONDS_TO_PICK_UP = 1  # how long the worker listens before it looks whether it is to stop
AT_ONCE = 8
ANSWER_KEPT_SECONDS = 60
OPENING_SECONDS = 3.0

logger = logging.getLogger(__name__)


class NotAnswered(Exception):
    """There is no answer: nobody holds the session, it is not connected, or WhatsApp refused. The text is for people."""


def ask(*, sender_id: int, do: str, seconds: float = SECONDS_FOR_AN_ANSWER, **arguments: Any) -> Any:
    """Lets the sender's session do one of `ORDERS`. Raises `NotAnswered`; then it may have been done all the same, where
    the time ran out."""
    lease = SessionLease.objects.filter(sender_id=sender_id, expires_at__gt=ClockTimestamp()).first()
    if lease is None or lease.worker_id is None:
        raise NotAnswered(_("The sender is not connected. Connect it first."))
    question = secrets.token_hex(16)
    text = json.dumps({"sender": sender_id, "epoch": lease.epoch, "do": do, "arguments": arguments})
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=seconds + 5)
    try:
        with client.pipeline() as pipeline:
            pipeline.set(_question(question), text, px=round(seconds * 1000))
            pipeline.rpush(_questions_for(lease.worker_id), question)
            pipeline.expire(_questions_for(lease.worker_id), ANSWER_KEPT_SECONDS)
            pipeline.execute()
        found = cast(tuple[str, str] | None, client.blpop([_answer(question)], timeout=seconds))
        client.delete(_question(question))
    except RedisError as error:
        raise NotAnswered(_("The session service cannot be reached. Try again.")) from error
    finally:
        client.close()
    if found is None:
        raise NotAnswered(_("WhatsApp did not answer in time. Try again."))
    answer = json.loads(found[1])
    if "error" in answer:
        raise NotAnswered(answer["error"])
    return answer["ok"]


def _question(question: str) -> str:
    return f"session:question:{question}"


def _answer(question: str) -> str:
    return f"session:answer:{question}"


def _questions_for(worker_id: int) -> str:
    return f"session:questions:{worker_id}"


async def _check_numbers(session: Session, numbers: list[str]) -> Any:
    return {number: asdict(info) for number, info in (await session.check_numbers(numbers)).items()}


async def _groups(session: Session) -> Any:
    return [asdict(group) for group in await session.groups()]


async def _create_group(session: Session, subject: str, numbers: list[str]) -> Any:
    return asdict(await session.create_group(subject, numbers))


async def _group_members(session: Session, group: str) -> Any:
    return [asdict(member) for member in await session.group_members(group)]


ORDERS: dict[str, Callable[..., Awaitable[Any]]] = {
    "check_numbers": _check_numbers,
    "groups": _groups,
    "create_group": _create_group,
    "group_members": _group_members,
}


class Answering:
    """The worker's end: takes questions about the senders that it holds, a few at a time."""

    def __init__(self, sessions: Sessions, background: Background) -> None:
        self._sessions = sessions
        self._background = background
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        client = Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=SECONDS_TO_PICK_UP + 5)
        try:
            while not self._background.stopping.is_set():
                try:
                    await self._take_next(client)
                except (RedisError, OSError) as error:
                    logger.warning("questions to sessions cannot be heard: %s", error)
                    await self._background.sleep(SECONDS_TO_PICK_UP)
        finally:
            await client.aclose()

    async def _take_next(self, client: Redis) -> None:
        async with self._room:  # else the question stays on the list
            pass
        taking = client.blpop([_questions_for(self._sessions.worker_id)], timeout=SECONDS_TO_PICK_UP)
        if found := await cast(Awaitable[list[str] | None], taking):
            self._background.start(self._answer(client, found[1]))

    async def _answer(self, client: Redis, question: str) -> None:
        async with self._room:
            text = await client.getdel(_question(question))
            if text is None:  # nobody waits for it any more
                return
            answer = await self._answer_to(json.loads(text))
        async with client.pipeline() as pipeline:
            pipeline.rpush(_answer(question), json.dumps(answer))
            pipeline.expire(_answer(question), ANSWER_KEPT_SECONDS)
            await pipeline.execute()

    async def _answer_to(self, question: dict[str, Any]) -> dict[str, Any]:
        sender = self._sessions.senders.get(question["sender"])
        if sender is not None and sender.connected:  # perhaps a moment before its session is at hand
            with suppress(TimeoutError):
                await asyncio.wait_for(sender.opened.wait(), OPENING_SECONDS)
        if sender is None or sender.held.epoch != question["epoch"] or sender.session is None or not sender.connected:
            return {"error": _("The sender is not connected. Connect it first.")}
        try:
            done = ORDERS[question["do"]](sender.session, **question["arguments"])
            return {"ok": await asyncio.wait_for(done, SECONDS_FOR_AN_ANSWER)}
        except NotPossible as error:
            return {"error": str(error)}
        except TimeoutError:
            return {"error": _("WhatsApp did not answer in time. Try again.")}
        except Exception:
            logger.exception("sender %s could not %s", question["sender"], question["do"])
            return {"error": _("This failed in the session service; its log says why.")}
