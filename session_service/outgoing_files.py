"""Fetches the files of leased messages to where a session can read them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from messaging import media
from messaging.events import Outcome, SendResult
from messaging.kinds import WITH_FILE
from messaging.ledger import MEDIA_MISSING
from session_service.background import Background
from session_service.providers.base import OutgoingMessage

logger = logging.getLogger(__name__)


def needs_file(message: OutgoingMessage) -> bool:
    return message.kind in WITH_FILE


async def with_files(
    background: Background, messages: Sequence[OutgoingMessage]
) -> tuple[list[OutgoingMessage], list[SendResult]]:
    """The messages with their files at hand, and results for those whose file could not be had: they did not leave."""
    ready, refused = [], []
    for message in messages:
        found = await background.database(background.slow, partial(_with_file, message))
        ready.append(found) if isinstance(found, OutgoingMessage) else refused.append(found)
    return ready, refused


def _with_file(message: OutgoingMessage) -> OutgoingMessage | SendResult:
    if message.media is None:
        return _refusal(message, Outcome.REJECTED, MEDIA_MISSING, "The file of this message was removed.")
    try:
        path = media.local_copy(message.media.name, message.media.size)
    except media.NoSuchFile:
        return _refusal(message, Outcome.REJECTED, MEDIA_MISSING, "The storage has no such file any more.")
    except Exception:  # whatever a storage raises
        logger.exception("the file of message %s could not be fetched", message.id)
        return _refusal(message, Outcome.CLOSED, "storage_away", "The storage of files did not answer.")
    return replace(message, media=replace(message.media, path=path))


def _refusal(message: OutgoingMessage, outcome: Outcome, code: str, detail: str) -> SendResult:
    return SendResult(message.id, message.epoch, outcome, code, detail)
