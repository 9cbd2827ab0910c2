"""Reads that pages, API and admin share."""

from typing import Any

from messaging import counts
from messaging.models import MessageStatus


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
