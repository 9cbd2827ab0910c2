"""Shows “typing…” to people shortly before their message is due, where its batch asks for it.

Nothing is leased for it, so a pause in these seconds still holds the message back.
"""

import time

from django.db import DatabaseError, InterfaceError

from session_service.background import Background, complain
from session_service.queue import about_to_type
from session_service.sessions import Sessions

LOOK_SECONDS = 0.25


class Typing:
    """One worker's. `_shown` has until when each message needs no other look, by message id."""

    def __init__(self, sessions: Sessions, background: Background) -> None:
        self._sessions = sessions
        self._background = background
        self._shown: dict[int, float] = {}

    async def run(self) -> None:
        while not self._background.stopping.is_set():
            try:
                await self._look()
            except (DatabaseError, InterfaceError) as error:
                complain("the database does not answer; nobody is shown as typing", error)
            await self._background.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        moment = time.monotonic()
        self._shown = {message_id: until for message_id, until in self._shown.items() if until >= moment}
        sender_ids = [sender_id for sender_id, _, _ in self._sessions.sendable()]
        if not sender_ids:
            return
        due = await self._background.database(self._background.calm, lambda: about_to_type(sender_ids, LOOK_SECONDS))
        for message_id, sender_id, phone_number, seconds in due:
            sender = self._sessions.senders.get(sender_id)
            if message_id not in self._shown and sender is not None and sender.session is not None:
                self._shown[message_id] = moment + seconds + LOOK_SECONDS
                self._background.start(sender.session.typing(phone_number, seconds))
