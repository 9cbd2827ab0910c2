"""What every single person of a campaign would read, a page at a time, however many they are.

While people wait, the pages show those, in the order of the list. Afterwards, and for one finding of the check, they go by
phone number. A cursor names the last row that was seen, so the thousandth page costs what the first one does.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from campaigns.lint import Code, Lint
from campaigns.models import Campaign
from messaging import counts, rendering
from messaging.models import Media, Message, MessageStatus
from messaging.template_text import TemplateError

MOST_A_PAGE = 100
AFTER, BEFORE = "after", "before"


class InvalidCursor(ValueError):
    """It was not made here."""


@dataclass(frozen=True)
class Page:
    """Messages with their texts; a cursor is empty where there is nothing further."""

    messages: list[Message]
    following: str = ""
    previous: str = ""


@dataclass(frozen=True)
class _Cursor:
    """`last` is what stands at the edge of the page: a due time and an id, or a phone number."""

    side: str = AFTER
    last: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.side, *self.last]).encode()).decode()


def page(campaign: Campaign, *, limit: int, cursor: str = "", search: str = "", code: Code | None = None) -> Page:
    """The next people; by part of a number or a name, or those whom one finding concerns. Raises `InvalidCursor`."""
    limit = min(limit, MOST_A_PAGE)
    at = _read(cursor)
    if code is not None:
        ids = _concerned(campaign, at, limit + 1, code)
        by_number = True
    else:
        by_number = len(at.last) == 1 if at.last else not _any_pending(campaign)
        ids = _ids(campaign, at, limit + 1, search.strip(), by_number=by_number)
    has_more = len(ids) > limit
    ids = ids[-limit:] if at.side == BEFORE else ids[:limit]
    messages = with_texts(campaign, ids)
    if not messages:
        return Page([])
    first, last = (_edge(message, by_number=by_number) for message in (messages[0], messages[-1]))
    goes_on, goes_back = (bool(at.last), has_more) if at.side == BEFORE else (has_more, bool(at.last))
    return Page(
        messages,
        following=str(_Cursor(AFTER, last)) if goes_on else "",
        previous=str(_Cursor(BEFORE, first)) if goes_back else "",
    )


def with_texts(campaign: Campaign, ids: Sequence[int]) -> list[Message]:
    """These messages in their order, with the texts and files that they have or will have."""
    found = Message.objects.filter(batch=campaign.batch_id).select_related("media").in_bulk(list(ids))
    messages = [found[message_id] for message_id in ids if message_id in found]
    try:
        render = rendering.renderer_of(campaign.batch, campaign.organization)
    except TemplateError:  # a draft's, which may be anything
        return messages
    waiting = {message.pk: render(message) for message in messages if message.status == MessageStatus.PENDING}
    files = Media.objects.in_bulk({said.media_id for said in waiting.values() if said.media_id is not None})
    for message in messages:
        if said := waiting.get(message.pk):
            message.text, message.kind, message.media = said.text, said.kind, files.get(said.media_id or 0)
    return messages


def _edge(message: Message, *, by_number: bool) -> tuple[Any, ...]:
    return (message.phone_number,) if by_number else (message.due_at.isoformat(), message.pk)


def _read(cursor: str) -> _Cursor:
    if not cursor:
        return _Cursor()
    try:
        side, *last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error, TypeError) as error:
        raise InvalidCursor from error
    is_number = len(last) == 1 and isinstance(last[0], str)
    is_due = len(last) == 2 and isinstance(last[0], str) and isinstance(last[1], int)
    if side not in (AFTER, BEFORE) or not (is_number or is_due):
        raise InvalidCursor
    return _Cursor(side, tuple(last))


def _any_pending(campaign: Campaign) -> bool:
    return bool(counts.of_batches([campaign.batch_id])[campaign.batch_id].get((MessageStatus.PENDING, "")))


def _concerned(campaign: Campaign, at: _Cursor, limit: int, code: Code) -> list[int]:
    edge = str(at.last[0]) if at.last else ""
    sides = {"before": edge} if at.side == BEFORE and edge else {"after": edge}
    return Lint(campaign).people(code, limit=limit, **sides)


def _ids(campaign: Campaign, at: _Cursor, limit: int, search: str, *, by_number: bool) -> list[int]:
    """The ids of the next messages, along an index either way."""
    backwards = at.side == BEFORE
    keys = "phone_number" if by_number else "due_at, id"
    those = "phone_number <> '' AND stage <> %(skipped)s" if by_number else "stage = %(pending)s"
    parameters: dict[str, Any] = {
        "batch": campaign.batch_id,
        "pending": MessageStatus.PENDING,
        "skipped": MessageStatus.SKIPPED,
        "limit": limit,
    }
    if at.last:
        casts = "%(last_0)s" if by_number else "%(last_0)s::timestamptz, %(last_1)s"
        those += f" AND ({keys}) {'<' if backwards else '>'} ({casts})"
        parameters |= {f"last_{index}": value for index, value in enumerate(at.last)}
    if search:
        those += " AND (phone_number LIKE %(digits)s OR variables ->> 'name' ILIKE %(name)s)"
        is_number = not any(sign.isalpha() for sign in search)
        digits = "".join(sign for sign in search if sign.isdigit()).lstrip("0") if is_number else ""
        parameters |= {"digits": f"%{digits}%" if digits else "", "name": f"%{_escaped(search)}%"}
    order = ", ".join(f"{key} DESC" if backwards else key for key in keys.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM messaging_message WHERE batch_id = %(batch)s AND {those} ORDER BY {order} LIMIT %(limit)s",
            parameters,
        )
        ids = [row[0] for row in cursor.fetchall()]
    return ids[::-1] if backwards else ids


def _escaped(search: str) -> str:
    return search.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
