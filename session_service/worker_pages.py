"""The page about workers of the session service. They serve every organization of the installation."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from session_service import registry
from session_service.registry import WorkerState

WAITING_SHOWN = 50


@requires("workers.view")
@require_GET
def workers(request: OrganizationRequest, organization: str) -> HttpResponse:
    """The whole page, or its live part alone for htmx."""
    present = registry.present()
    running = [worker for worker in present if worker.state != WorkerState.LOST]
    for worker in running:
        worker.is_stuck = worker.state == WorkerState.DRAINING and not registry.room_elsewhere(worker.pk)
    waiting = registry.waiting().filter(organization=request.organization).order_by("name", "pk")
    context = {
        "workers": present,
        "running": len(running),
        "sessions": sum(worker.sessions for worker in running),
        "capacity": sum(worker.capacity for worker in running),
        "messages_a_minute": sum(worker.messages_a_minute for worker in running),
        "waiting": list(waiting[:WAITING_SHOWN]),
        "waiting_count": waiting.count(),
        "why_waiting": registry.why_waiting(),
        "as_of": now(),
    }
    template = "session_service/workers_live.html" if request.htmx else "session_service/workers.html"
    return render(request, template, context)


@requires("workers.manage")
@require_POST
def drain(request: OrganizationRequest, organization: str, worker_id: int) -> HttpResponse:
    worker = _change(request, worker_id, draining=True)
    messages.success(request, _("%(worker)s hands its sessions over and takes none.") % {"worker": worker.name})
    return redirect("sending:workers", organization)


@requires("workers.manage")
@require_POST
def undrain(request: OrganizationRequest, organization: str, worker_id: int) -> HttpResponse:
    worker = _change(request, worker_id, draining=False)
    messages.success(request, _("%(worker)s takes sessions again.") % {"worker": worker.name})
    return redirect("sending:workers", organization)


def _change(request: OrganizationRequest, worker_id: int, *, draining: bool) -> Any:
    try:
        return registry.drain(
            worker_id=worker_id, draining=draining, organization=request.organization, by=request.user
        )
    except registry.NoSuchWorker as error:
        raise Http404(str(error)) from error
