"""Every WebSocket address of the product."""

from django.urls import path

from messaging.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/<str:topic>", LiveConsumer.as_asgi())]
