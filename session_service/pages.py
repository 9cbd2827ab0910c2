"""The demo phone on a simulated sender's page."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from senders import queries
from senders.models import Provider
from session_service.providers.simulated import network


@requires("senders.manage")
@require_POST
def scan(request: OrganizationRequest, organization: str, sender_id: int) -> HttpResponse:
    """Scans the QR code, or types the pairing code, that a simulated sender shows. The page hears of the link as it would of a real one."""
    senders = queries.senders_of(request.organization).filter(provider=Provider.SIMULATED)
    sender = get_object_or_404(senders, pk=sender_id)
    try:
        number = network.scan(sender_id=sender.pk)
    except network.NoQrCode:
        why = queries.why_no_pairing_code if sender.pairing_number else queries.why_no_code
        messages.warning(request, why(sender))
    except network.NetworkError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The demo phone used the code: %(number)s is linked.") % {"number": number})
    if request.htmx:
        return HttpResponse(status=204)
    return redirect("senders:detail", organization, sender_id)
