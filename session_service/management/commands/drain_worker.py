"""`manage.py drain_worker NAME|ID`: a worker hands its sessions over to the others, before it is stopped or updated."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from session_service import registry
from session_service.registry import WorkerState

LOOK_SECONDS = 0.5
SAYS_EVERY = 10.0  # seconds


class Command(BaseCommand):
    help = (
        "Lets a worker hand its sessions over, one by one, as far as the others have room. It takes none until --undo, or "
        "until it is stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("worker", metavar="NAME|ID", help="As the page of workers and GET /api/workers show it.")
        parser.add_argument("--wait", action="store_true", help="Return when it holds no session any more.")
        parser.add_argument("--timeout", type=float, default=300, help="Seconds to --wait at most (default 300).")
        parser.add_argument("--undo", action="store_true", help="Let it take sessions again.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            worker = registry.find(options["worker"])
        except registry.NoSuchWorker as error:
            raise CommandError(str(error)) from error
        if not registry.set_draining(worker_id=worker.pk, draining=not options["undo"]):
            raise CommandError(f"{worker.name} has just stopped.")
        if options["undo"]:
            self.stdout.write(f"{worker.name} takes sessions again.")
        elif options["wait"]:
            self._wait(worker.pk, options["timeout"])
        else:
            self.stdout.write(f"{worker.name} hands {worker.sessions} sessions over.")

    def _wait(self, worker_id: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        said = 0.0
        while True:
            try:
                worker = registry.get(worker_id)
            except registry.NoSuchWorker:
                self.stdout.write("It has stopped.")
                return
            if worker.state == WorkerState.DRAINED:
                self.stdout.write(f"{worker.name} is drained.")
                return
            if worker.state == WorkerState.LOST:
                raise CommandError(f"{worker.name} was lost; others take its {worker.sessions} sessions over.")
            if not worker.draining:
                raise CommandError(f"Somebody lets {worker.name} take sessions again.")
            if time.monotonic() > deadline:
                raise CommandError(f"{worker.name} still holds {worker.sessions} sessions{self._why(worker_id)}.")
            if time.monotonic() - said > SAYS_EVERY:
                said = time.monotonic()
                self.stdout.write(f"{worker.name} holds {worker.sessions} sessions{self._why(worker_id)}.")
            time.sleep(LOOK_SECONDS)

    def _why(self, worker_id: int) -> str:
        return "" if registry.room_elsewhere(worker_id) else ": no other worker has room, start one"
