"""A WebSocket client for tests, without a server. (The one in Channels needs daphne, which the product does not use.)"""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

from whatsapp_automation.asgi import application


class Socket(ApplicationCommunicator):
    """One connection to `path`, as a browser with that cookie and origin opens it."""

    def __init__(self, path: str, *, cookie: str = "", origin: str = "http://testserver") -> None:
        path, _, query = path.partition("?")
        headers = [(b"host", b"testserver"), (b"origin", origin.encode()), (b"cookie", cookie.encode())]
        super().__init__(
            application,
            {
                "type": "websocket",
                "path": path,
                "query_string": query.encode(),
                "headers": headers,
                "subprotocols": [],
            },
        )

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(timeout=3))["type"] == "websocket.accept"

    async def receive_json(self) -> dict[str, Any]:
        message = await self.receive_output(timeout=3)
        assert message["type"] == "websocket.send", message
        content: dict[str, Any] = json.loads(message["text"])
        return content

    async def close_code(self) -> int | None:
        """The code with which the socket is closed at once; None if it stays open."""
        await self.connect()
        while not await self.receive_nothing(timeout=0.4):
            message = await self.receive_output()
            if message["type"] == "websocket.close":
                return int(message["code"])
        await self.disconnect()
        return None

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=3)
