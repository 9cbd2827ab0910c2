"""The message log: every message of an organization, newest first, found by number, text, sender, origin, status, time.

Read backwards along one index, in portions: what a search costs is bounded by how far it looks, not by how many
messages there are, and writing messages pays for no index of texts. Where a search finds too little within its time it
says until when it has looked, and goes on from there when it is asked to.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Min, Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, is_naive, make_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Organization
from contacts.phone_numbers import find_mobile
from messaging.models import Batch, Message, MessageStatus

PORTION = 50_000  # messages that one statement looks at
SECONDS_TO_LOOK = 2.0
OUT_OF_ORDER = timedelta(hours=1)  # ids are given in the order of `created_at`, but for transactions that last
STATUSES: Final = {status.label: status for status in MessageStatus}
# Beside the origins of batches: single messages, by the idempotency keys that the product itself gives them.
SINGLE, RECEIVED = "single", "received"
KEYS: Final = {"reminder": "reminder:", "flow": "flow:", "auto_reply": "autoreply:"}
ORIGINS: Final[dict[str, Any]] = {
    **{origin.value: origin.label for origin in Batch.Origin},
    SINGLE: gettext_lazy("Single message"),
    "reminder": gettext_lazy("Reminder"),
    "flow": gettext_lazy("Flow"),
    "auto_reply": gettext_lazy("Auto-reply"),
    "opt_out": gettext_lazy("Answer to an opt-out"),
    RECEIVED: gettext_lazy("Received"),
}


def origin_of(message: Message) -> str:
    """A key of `ORIGINS`. Reads `batch`: fetch it with `select_related`."""
    if message.direction == Message.Direction.IN:
        return RECEIVED
    if message.batch is not None:
        return str(message.batch.origin)
    if message.confirms_id is not None:
        return "opt_out"
    key = message.idempotency_key or ""
    return next((origin for origin, begins in KEYS.items() if key.startswith(begins)), SINGLE)


def _has_origin(origin: str) -> Q:
    out = Q(direction=Message.Direction.OUT)
    if origin == RECEIVED:
        return ~out
    if origin in Batch.Origin.values:
        return Q(batch__origin=origin)
    of_product = Q(*(Q(idempotency_key__startswith=begins) for begins in KEYS.values()), _connector=Q.OR)
    alone = out & Q(batch=None)
    if origin == "opt_out":
        return alone & Q(confirms__isnull=False)
    if origin == SINGLE:
        return alone & Q(confirms=None) & (Q(idempotency_key=None) | ~of_product)
    return alone & Q(idempotency_key__startswith=KEYS[origin])


@dataclass(frozen=True)
class LogFilter:
    """Conditions that all hold; an empty one says nothing. `number` is a whole number or how it begins; times are those
    of `created_at`."""

    number: str = ""
    text: str = ""
    sender: int | None = None
    origin: str = ""
    status: str = ""
    batch: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str], organization: Organization) -> "LogFilter":
        """From an address. Raises `ValidationError` by parameter."""
        errors: dict[str, Any] = {}

        def one_of(name: str, known: Mapping[str, Any]) -> str:
            if (value := query.get(name, "")) and value not in known:
                errors[name] = _("Write one of %(all)s.") % {"all": ", ".join(known)}
            return value

        def number(name: str) -> int | None:
            written = query.get(name, "")
            if written and not (written.isdecimal() and len(written) < 18):
                errors[name] = _("Write a number.")
                return None
            return int(written) if written else None

        def moment(name: str) -> datetime | None:
            if not (written := query.get(name, "")):
                return None
            try:
                found = parse_datetime(written) or parse_datetime(f"{written}T00:00")
            except ValueError:
                found = None
            if found is None:
                errors[name] = _("Write a time such as 2026-12-01T09:00.")
            return make_aware(found, get_current_timezone()) if found and is_naive(found) else found

        made = cls(
            number=_number(query.get("number", ""), organization),
            text=" ".join(query.get("text", "").replace("\x00", "").split())[:200],
            sender=number("sender"),
            origin=one_of("origin", ORIGINS),
            status=one_of("status", STATUSES),
            batch=number("batch"),
            since=moment("since"),
            until=moment("until"),
        )
        if errors:
            raise ValidationError(errors)
        return made

    @property
    def condition(self) -> Q:
        wanted = Q()
        if self.number:
            # Numbers are compared by characters: this is the end of what begins so.
            wanted &= Q(phone_number__gte=self.number, phone_number__lt=f"{self.number}:")
        if self.text:
            wanted &= Q(text__icontains=self.text)
        if self.sender is not None:
            wanted &= Q(sender=self.sender)
        if self.origin:
            wanted &= _has_origin(self.origin)
        if self.status:
            wanted &= Q(status=STATUSES[self.status])
        if self.batch is not None:
            wanted &= Q(batch=self.batch)
        if self.since is not None:
            wanted &= Q(created_at__gte=self.since)
        if self.until is not None:
            wanted &= Q(created_at__lt=self.until)
        return wanted


def _number(written: str, organization: Organization) -> str:
    if whole := find_mobile(written, organization.default_region):
        return whole
    digits = "".join(sign for sign in written if sign.isdecimal())
    return f"+{digits}" if digits else ""


@dataclass(frozen=True)
class LogPage:
    """`before` is what the next page is asked for with, None at the end. `looked_until` is when the oldest message was
    made that was looked at, where the search stopped for time and not because the page was full."""

    messages: list[Message]
    before: int | None
    looked_until: datetime | None = None


def page(organization: Organization, wanted: LogFilter, *, before: int | None = None, limit: int = 50) -> LogPage:
    """The next messages that fit, newest first, from the one with the id `before` on."""
    deadline = time.monotonic() + SECONDS_TO_LOOK
    every = Message.objects.for_organization(organization).select_related("sender", "batch", "media", "group")
    before, lowest = _bounds(organization, wanted, before)
    found: list[Message] = []
    while True:
        begins = _portion_begins(organization, before, lowest)
        if begins is None:
            return LogPage(found, None)
        portion = every.filter(wanted.condition, pk__gte=begins, **({} if before is None else {"pk__lt": before}))
        found += portion.order_by("-pk")[: limit + 1 - len(found)]
        if len(found) > limit:
            return LogPage(found[:limit], found[limit - 1].pk)
        before = begins
        if time.monotonic() > deadline:
            oldest = every.filter(pk=begins).values_list("created_at", flat=True).first()
            return LogPage(found, before, looked_until=oldest)


def _portion_begins(organization: Organization, before: int | None, lowest: int | None) -> int | None:
    """The id of the oldest of the next messages to look at; None where there are none."""
    older: QuerySet[Message] = Message.objects.for_organization(organization)
    if before is not None:
        older = older.filter(pk__lt=before)
    if lowest is not None:
        older = older.filter(pk__gte=lowest)
    portion = older.order_by("-pk").values("pk")[:PORTION]
    return Message.objects.filter(pk__in=portion).aggregate(first=Min("pk"))["first"] if portion.exists() else None


def _bounds(organization: Organization, wanted: LogFilter, before: int | None) -> tuple[int | None, int | None]:
    """From which id on, and down to which, messages of that time lie."""
    if wanted.until is not None:
        ends = first_id_from(organization, wanted.until + OUT_OF_ORDER)
        before = min((each for each in (before, ends) if each is not None), default=None)
    lowest = None
    if wanted.since is not None:
        lowest = first_id_from(organization, wanted.since - OUT_OF_ORDER)
        if lowest is None:  # nothing is so new
            return before, 2**62
    return before, lowest


def first_id_from(organization: Organization, moment: datetime) -> int | None:
    """The id of about the first message that was made at this moment or later; None where there is none. Looks it up in
    the order of the ids, as in a dictionary: thirty looks at an index for a billion messages."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM messaging_message WHERE organization_id = %s", [organization.pk])
        low, high = 0, cursor.fetchone()[0]
        if high is None:
            return None
        found = None
        while low <= high:
            middle = (low + high) // 2
            cursor.execute(
                """
                SELECT id, created_at FROM messaging_message WHERE organization_id = %s AND id >= %s
                ORDER BY organization_id, id LIMIT 1
                """,
                [organization.pk, middle],
            )
            row = cursor.fetchone()
            if row[1] >= moment:
                found, high = row[0], middle - 1
            else:
                low = row[0] + 1
    return found


def every_message(organization: Organization, wanted: LogFilter, at_a_time: int = 2_000) -> Iterator[Message]:
    """All that fit, newest first, in portions: nothing stays open between them."""
    found = page(organization, wanted, limit=at_a_time)
    while True:
        yield from found.messages
        if found.before is None:
            return
        found = page(organization, wanted, before=found.before, limit=at_a_time)
