"""`manage.py run_session_service`: one worker of the session service, until SIGTERM or Ctrl-C."""

import asyncio
import signal
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandParser
from django.db.backends.signals import connection_created

from session_service import leases
from session_service.worker import Worker


class Command(BaseCommand):
    help = "Holds WhatsApp sessions and sends what is due, until it is stopped. Start as many as are needed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--capacity", type=int, help="The most sessions this worker takes.")

    def handle(self, *args: Any, **options: Any) -> None:
        connection_created.connect(leases.limit_idle_transactions)
        uvloop.run(self._run(options["capacity"]))

    async def _run(self, capacity: int | None) -> None:
        worker = Worker(capacity)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, worker.stop)
        await worker.run()
