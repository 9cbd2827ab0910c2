"""The page about sending: what is queued, what holds it back, and what failed for good."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from accounts.services import record
from messaging import services
from messaging import tasks as messaging_tasks
from messaging.models import Message
from session_service import queries

LETTERS_A_PAGE = 25
UNKNOWN_SHOWN = 25


@requires("messages.view")
@require_GET
def sending(request: OrganizationRequest, organization: str) -> HttpResponse:
    """The whole page, or its live part alone for htmx."""
    alive = queries.workers()
    letters = queries.dead_letters(request.organization)
    unknown = queries.unknown_messages(request.organization)
    senders = queries.queue_by_sender(request.organization)
    context = {
        "senders": senders,
        "queued": sum(sender.queued for sender in senders),
        "under_way": sum(sender.sending for sender in senders),
        "single_messages": queries.pending_single_messages(request.organization),
        "workers": alive,
        "breakers": queries.breakers(alive),
        "page": Paginator(letters, LETTERS_A_PAGE).get_page(request.GET.get("page")),
        "retryable": queries.count_up_to_limit(letters.filter(retried_at=None, sender__isnull=False)),
        "unknown": unknown[:UNKNOWN_SHOWN],
        "unknown_count": queries.count_up_to_limit(unknown),
        "most_counted": queries.MOST_COUNTED,
    }
    template = "session_service/sending_live.html" if request.htmx else "session_service/sending.html"
    return render(request, template, context)


@requires("messages.manage")
@require_POST
def retry(request: OrganizationRequest, organization: str) -> HttpResponse:
    """Tries one dead letter again (`message`), or all of them."""
    number = request.POST.get("message", "")
    wanted = [int(number)] if number.isdecimal() else None
    tried = services.retry_dead_letters(organization=request.organization, message_ids=wanted)
    if tried:
        record(organization=request.organization, by=request.user, action="messages.retried", number=tried)
        messaging_tasks.plan.delay_on_commit()
        text = ngettext("%(number)s message is tried again.", "%(number)s messages are tried again.", tried)
        messages.success(request, text % {"number": tried})
    else:
        messages.warning(request, _("Nothing to try again: each message can be retried once, through its own sender."))
    return redirect("sending:page", organization)


@requires("messages.manage")
@require_POST
def settle(request: OrganizationRequest, organization: str, message_id: int) -> HttpResponse:
    """A person who looked at the phone says whether an unknown message arrived."""
    message = get_object_or_404(Message.objects.for_organization(request.organization), pk=message_id)
    arrived = request.POST.get("arrived") == "yes"
    try:
        services.settle_unknown(message=message, arrived=arrived)
    except services.NotAllowed as error:
        messages.warning(request, str(error))
    else:
        record(organization=request.organization, by=request.user, action="message.settled", arrived=arrived)
        messages.success(request, _("Noted."))
    return redirect("sending:page", organization)
