"""The workers of the session service as people see them, and their wish that one be drained."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.timezone import now

from session_service.leases import ClockTimestamp, lost_after
from session_service.models import SessionWorker

LOST_SHOWN = timedelta(hours=1)  # after its last heartbeat a lost worker is history


class WorkerState(StrEnum):
    ALIVE = "alive"
    DRAINING = "draining"  # hands its sessions over and takes none
    DRAINED = "drained"  # has none left; may be stopped
    LOST = "lost"  # no recent heartbeat: others take its senders over
    STOPPED = "stopped"


class NoSuchWorker(Exception):
    """No worker that runs has this name or id. The message is for people."""


def with_sessions(workers: QuerySet[SessionWorker]) -> QuerySet[SessionWorker]:
    """Adds `sessions`, the number of senders that a worker holds."""
    held = Q(leases__expires_at__gt=ClockTimestamp())
    return workers.annotate(sessions=Count("leases", filter=held))


def state_of(worker: Any) -> WorkerState:
    """Of a worker that `with_sessions` read."""
    if worker.stopped_at is not None:
        return WorkerState.STOPPED
    if worker.heartbeat_at < now() - lost_after():
        return WorkerState.LOST
    if worker.draining:
        return WorkerState.DRAINING if worker.sessions else WorkerState.DRAINED
    return WorkerState.ALIVE


def present() -> list[Any]:
    """Workers that run or were lost lately, each with `sessions` and `state`; those that were started first come first."""
    shown = SessionWorker.objects.filter(stopped_at=None, heartbeat_at__gt=now() - max(LOST_SHOWN, lost_after()))
    return _described(shown.order_by("started_at", "pk"))


def get(worker_id: int) -> Any:
    """One worker that has not stopped, as in `present`. Raises `NoSuchWorker`."""
    found = _described(SessionWorker.objects.filter(pk=worker_id, stopped_at=None))
    if not found:
        raise NoSuchWorker(f"No worker {worker_id} is running.")
    return found[0]


def find(name_or_id: str) -> Any:
    """A worker that runs, by its name or id. Raises `NoSuchWorker`, naming those that run."""
    running = [worker for worker in present() if worker.state != WorkerState.LOST]
    for worker in running:
        if name_or_id in (worker.name, str(worker.pk)):
            return worker
    known = ", ".join(f"{worker.pk} ({worker.name})" for worker in running) or "none"
    raise NoSuchWorker(f"There is no running worker {name_or_id!r}. Running: {known}.")


def _described(workers: QuerySet[SessionWorker]) -> list[Any]:
    found: list[Any] = list(with_sessions(workers))
    for worker in found:
        worker.state = state_of(worker)
    return found


def set_draining(*, worker_id: int, draining: bool) -> bool:
    """Asks a worker to hand its sessions over and to take none, or to work again. It sees it within a second.

    False where no such worker runs.
    """
    running = SessionWorker.objects.filter(pk=worker_id, stopped_at=None, heartbeat_at__gt=now() - lost_after())
    return bool(running.update(draining=draining))


def room_elsewhere(worker_id: int) -> int:
    """How many sessions the other workers can take that run and do not drain."""
    running = SessionWorker.objects.filter(stopped_at=None, heartbeat_at__gt=now() - lost_after(), draining=False)
    rows = with_sessions(running.exclude(pk=worker_id)).values_list(F("capacity"), F("sessions"))
    return sum(max(0, capacity - sessions) for capacity, sessions in rows)
