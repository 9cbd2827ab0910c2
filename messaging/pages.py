"""What pages that show messages load beside them."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from messaging import media_response
from messaging.models import Message


@requires("messages.view")
@require_GET
def media(request: OrganizationRequest, organization: str, message_id: int) -> HttpResponseBase:
    """The file of a message, out or in."""
    messages = Message.objects.for_organization(request.organization).select_related("media")
    message = get_object_or_404(messages, pk=message_id)
    if message.media is None:
        return HttpResponse(media_response.why_no_file(message), status=409, content_type="text/plain; charset=utf-8")
    return media_response.respond(message.media)
