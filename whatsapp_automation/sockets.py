"""Every WebSocket address of the product."""

from typing import Any, cast

from django.urls import path

from messaging.consumers import LiveConsumer

websocket_urlpatterns = [
    path("ws/<str:topic>", cast(Any, LiveConsumer.as_asgi()))
]  # Channels routes by the same patterns
