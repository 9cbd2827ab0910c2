"""How templates show a message of any kind."""

from typing import Any

from django import template
from django.urls import reverse

from messaging import shown
from messaging.models import Message

register = template.Library()


@register.inclusion_tag("components/message_content.html")
def message_content(message: Message, file_url: str = "") -> dict[str, Any]:
    """What the message says, for the inside of a bubble. `file_url` replaces the address of the file on the pages."""
    if message.media_id is not None and not file_url:
        file_url = reverse("messaging:media", args=[message.organization.slug, message.pk])
    return {"shown": shown.shown(message), "file_url": file_url}
