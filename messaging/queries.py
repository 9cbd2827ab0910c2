"""Reads that pages, API and admin share."""

from collections.abc import Collection
from typing import Any

from messaging import counts
from messaging.models import Message, MessageStatus


def batch_stats(batch_id: int) -> dict[str, Any]:
    """Messages of a batch by present status: `total`, a number a status name, and `skipped` by reason."""
    return stats_of(counts.of_batches([batch_id])[batch_id])


def stats_of(figures: dict[counts.Key, int]) -> dict[str, Any]:
    """The same from figures already read."""
    stats: dict[str, Any] = {"total": sum(figures.values()), **counts.by_name(figures)}
    stats["skipped"] = {
        reason: number for (status, reason), number in sorted(figures.items()) if status == MessageStatus.SKIPPED
    }
    return stats


def quoted_by(messages: Collection[Message]) -> dict[int, int]:
    """The ids of the messages that these quote, by the id of the quoting one, as far as we have them."""
    quotes = {
        message.pk: (message.sender_id, message.content["reply_to"]["whatsapp_id"])
        for message in messages
        if "reply_to" in message.content
    }
    if not quotes:
        return {}
    found = Message.objects.filter(
        sender_id__in={sender_id for sender_id, _ in quotes.values()},
        whatsapp_id__in={whatsapp_id for _, whatsapp_id in quotes.values()},
    ).exclude(whatsapp_id="")
    ids = {(message.sender_id, message.whatsapp_id): message.pk for message in found.only("sender_id", "whatsapp_id")}
    return {quoting: ids[reference] for quoting, reference in quotes.items() if reference in ids}
