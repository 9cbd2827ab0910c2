"""HTTP and WebSocket entry point: `uvicorn whatsapp_automation.asgi:application`."""

import os
from typing import Any, cast

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whatsapp_automation.settings")
django_application = get_asgi_application()

from whatsapp_automation.sockets import websocket_urlpatterns  # noqa: E402  needs the app registry

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": CookieMiddleware(SessionMiddleware(URLRouter(cast(Any, websocket_urlpatterns)))),
    }
)
