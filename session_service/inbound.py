"""What a worker does with inbound messages around their commit: their files before it, what they teach after it.

Both take time, so they run beside the hot path; a provider waits for them before it forgets the messages.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.db import DatabaseError, InterfaceError

from contacts import phone_variants
from messaging import media, people
from messaging.events import Changed, Event, Inbound, ReceivedMedia
from senders import wire_numbers
from senders.models import Sender
from session_service.background import Background

STORAGE_TRIES = 4
SECONDS_BETWEEN_TRIES = 2.0

logger = logging.getLogger(__name__)


Forms = dict[tuple[int, str], str]  # of numbers on the wire, by sender id and canonical number


def with_canonical_numbers(events: Sequence[Event]) -> tuple[Sequence[Event], Forms]:
    """The same events, each person under one number; and the forms of those numbers that have several."""
    forms: Forms = {}
    unified: list[Event] = []
    for event in events:
        if isinstance(event, Inbound | Changed) and event.phone_number:
            number = phone_variants.canonical(event.phone_number)
            if phone_variants.others(number):
                forms[event.sender_id, number] = event.phone_number
            if number != event.phone_number:
                event = replace(event, phone_number=number)  # noqa: PLW2901
        unified.append(event)
    return unified, forms


async def with_files_stored(background: Background, events: Sequence[Event]) -> Sequence[Event]:
    """The same events, those with a file knowing its place in the storage."""
    if not any(isinstance(event, Inbound) and event.media for event in events):
        return events
    return [await _stored(background, event) for event in events]


async def _stored(background: Background, event: Event) -> Event:
    """A storage that stays away costs the file, not the message: what it said is written without it."""
    if not isinstance(event, Inbound) or event.media is None or not event.media.path:
        return event
    file = event.media
    for tries_left in reversed(range(STORAGE_TRIES)):
        try:
            media_id = await background.database(background.slow, partial(_store, event.sender_id, file))
        except (DatabaseError, InterfaceError):
            raise
        except Exception:  # whatever a storage raises
            logger.exception("a file for sender %s could not be stored", event.sender_id)
            if tries_left:
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return replace(event, media=replace(file, media_id=media_id))
    return replace(event, media=replace(file, error="failed"))


def _store(sender_id: int, file: ReceivedMedia) -> int:
    organization_id = Sender.objects.values_list("organization_id", flat=True).get(pk=sender_id)
    with Path(file.path).open("rb") as content:
        return media.store(
            organization_id=organization_id,
            file=content,
            mime_type=file.mime_type or "application/octet-stream",
            file_name=file.file_name.replace("\x00", ""),
        ).pk


async def learn(background: Background, events: Sequence[Event], forms: Forms) -> None:
    """Joins people to contacts. What cannot be written now is learned when the person writes again."""
    messages = [event for event in events if isinstance(event, Inbound)]
    if messages:
        await background.database(background.slow, lambda: people.learn_from(messages))
    if forms:
        await background.database(background.slow, lambda: remember_forms(forms))


def remember_forms(forms: Forms) -> None:
    """Keeps under which form WhatsApp knows numbers, so that messages to them go there."""
    owners = dict(
        Sender.objects.filter(pk__in={sender_id for sender_id, _number in forms}).values_list("pk", "organization_id")
    )
    by_organization: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for (sender_id, number), form in forms.items():
        if sender_id in owners:
            by_organization[owners[sender_id]][number] = form
    for organization_id, known in by_organization.items():
        wire_numbers.remember(organization_id=organization_id, forms=known)
