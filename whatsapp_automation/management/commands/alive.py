import socket
import time
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now
from redis import Redis

from session_service.leases import lost_after
from session_service.models import SessionWorker
from whatsapp_automation.celery import PLANNER_RAN_AT
from whatsapp_automation.health import PLANNER_IS_LATE_AFTER


class Command(BaseCommand):
    help = "Exits 0 if a process of this machine does its work; the health checks of docker-compose.yml ask it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=["web", "planner", "session-service"])

    def handle(self, *args: Any, **options: Any) -> None:
        problem = getattr(self, options["process"].replace("-", "_"))()
        if problem:
            raise CommandError(problem)

    def web(self) -> str | None:
        # The host must be one that Django answers, whatever address the process listens on.
        host = settings.ALLOWED_HOSTS[0].lstrip("*.") or "localhost"
        request = urllib.request.Request(f"http://127.0.0.1:{settings.PORT}/health", headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310  always http
                return None
        except urllib.error.HTTPError as error:
            return error.read().decode(errors="replace")
        except OSError as error:
            return f"Nothing answers on port {settings.PORT}: {error}"

    def planner(self) -> str | None:
        ran_at = Redis.from_url(settings.REDIS_CACHE_URL, socket_timeout=5).get(PLANNER_RAN_AT)
        is_late = ran_at is None or time.time() - float(ran_at) > PLANNER_IS_LATE_AFTER
        return "The planner has not run lately." if is_late else None

    def session_service(self) -> str | None:
        here = SessionWorker.objects.filter(name__startswith=socket.gethostname(), stopped_at=None)
        if here.filter(heartbeat_at__gt=now() - lost_after()).exists():
            return None
        return "No worker of this machine has a recent heartbeat."
