"""Tells open pages that something changed. A topic is `<kind>.<id>`, such as `sender.12`.

Nothing is kept: whoever listens at this moment gets the event, and a page fetches the truth after a reconnect.
"""

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def topic_group(topic: str) -> str:
    """The name of the Channels group that carries a topic."""
    return f"live.{topic}"


def publish(topic: str, event: dict[str, Any]) -> None:
    """Sends `event` (JSON types only; its "type" is what the browser tells events apart by) to a topic's listeners.

    Call it when the change is committed. A broken Redis costs the live update, never the change itself.
    """
    message = {"type": "live.event", "topic": topic, "event": event}
    try:
        async_to_sync(get_channel_layer().group_send)(topic_group(topic), message)
    except (RedisError, OSError) as error:
        log.warning("No live update of %s: %s", topic, error)
