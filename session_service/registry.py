"""The workers of the session service as people see them, and their wish that one be drained."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Organization
from accounts.services import Actor, record
from senders.models import Sender
from session_service import leases
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


def running() -> list[Any]:
    """Those of `present` that were not lost."""
    return [worker for worker in present() if worker.state != WorkerState.LOST]


def get(worker_id: int) -> Any:
    """One worker that has not stopped, as in `present`. Raises `NoSuchWorker`."""
    found = _described(SessionWorker.objects.filter(pk=worker_id, stopped_at=None))
    if not found:
        raise NoSuchWorker(_("No worker %(worker)s is running.") % {"worker": worker_id})
    return found[0]


def find(name_or_id: str) -> Any:
    """A worker that runs, by its name or id. Raises `NoSuchWorker`, naming those that run."""
    found = running()
    for worker in found:
        if name_or_id in (worker.name, str(worker.pk)):
            return worker
    known = ", ".join(f"{worker.pk} ({worker.name})" for worker in found) or "none"
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
    return bool(leases.running().filter(pk=worker_id).update(draining=draining))


@transaction.atomic
def drain(*, worker_id: int, draining: bool, organization: Organization, by: Actor) -> Any:
    """`set_draining` for somebody, written to the log of the organization through which they asked. Returns the worker
    as in `get`. Raises `NoSuchWorker`."""
    if not set_draining(worker_id=worker_id, draining=draining):
        raise NoSuchWorker(_("No worker %(worker)s is running.") % {"worker": worker_id})
    worker = get(worker_id)
    action = "worker.drained" if draining else "worker.undrained"
    record(organization=organization, by=by, action=action, target=worker.name)
    return worker


def room_elsewhere(worker_id: int) -> int:
    """How many sessions the other workers can take that run and do not drain."""
    taking = leases.running().filter(draining=False).exclude(pk=worker_id)
    rows = with_sessions(taking).values_list(F("capacity"), F("sessions"))
    return sum(max(0, capacity - sessions) for capacity, sessions in rows)


# -- Senders that wait --


def waiting() -> QuerySet[Sender]:
    """Senders that should be connected and that no worker holds."""
    free = Q(lease=None) | Q(lease__worker=None) | Q(lease__expires_at__lt=ClockTimestamp())
    return Sender.objects.filter(free, wanted=True)


def why_waiting() -> str:
    """Why a sender that should be connected is with no worker at this moment."""
    found = running()
    taking = [worker for worker in found if not worker.draining]
    if not found:
        return _("Waits for a worker: no worker of the session service is running.")
    if not taking:
        return _("Waits for a worker: all of them are draining and take no sessions.")
    capacity = sum(worker.capacity for worker in taking)
    if sum(worker.sessions for worker in taking) >= capacity:
        full = ngettext(
            "Waits for a worker: the only one is full with %(sessions)s sessions. Start another one.",
            "Waits for a worker: all %(number)s are full with %(sessions)s sessions. Start another one.",
            len(taking),
        )
        return full % {"number": len(taking), "sessions": capacity}
    return _("Waits for its turn: sessions are opened a few at a time.")
