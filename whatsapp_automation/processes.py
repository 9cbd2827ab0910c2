"""The processes that make up the product, in one table.

`manage.py demo` runs it on one machine; a test compares `docker-compose.yml` with it.
"""

from dataclasses import dataclass

WORKER_OPTIONS = ("--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=INFO")


@dataclass(frozen=True)
class Process:
    """One kind of process. `{host}` and `{port}` in the command are where the pages are served."""

    name: str
    command: tuple[str, ...]

    def arguments(self, host: str, port: int) -> list[str]:
        return [part.format(host=host, port=port) for part in self.command]


PROCESSES = (
    Process(
        "web",
        (
            *("uvicorn", "whatsapp_automation.asgi:application", "--host", "{host}", "--port", "{port}"),
            *("--no-access-log", "--timeout-graceful-shutdown", "3"),  # open WebSockets would hold it up forever
        ),
    ),
    # The planner and inbound messages have workers of their own: a large import must never delay a pause.
    Process(
        "celery-control",
        ("celery", "-A", "whatsapp_automation", "worker", "-Q", "control", "-n", "control@%h", *WORKER_OPTIONS),
    ),
    Process(
        "celery",
        (
            *("celery", "-A", "whatsapp_automation", "worker", "-Q", "default,imports,webhooks", "-n", "celery@%h"),
            *WORKER_OPTIONS,
        ),
    ),
    Process("beat", ("celery", "-A", "whatsapp_automation", "beat", "--pidfile=", "--loglevel=WARNING")),
    Process("session-service", ("python", "manage.py", "run_session_service")),
)
