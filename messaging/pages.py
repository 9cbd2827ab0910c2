"""What pages that show or write messages load beside them."""

import mimetypes

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from messaging import attachments, library, media_response, message_files
from messaging.attachments import InvalidFile
from messaging.message_files import Attached
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


@requires("messages.view")
@require_http_methods(["GET", "POST"])
def file(request: OrganizationRequest, organization: str) -> HttpResponseBase:
    """Takes in a file of a message that is being written, and shows it by its token. 400 with the reason as `error`."""
    if request.method == "GET":
        if not (token := request.GET.get("token")):
            return HttpResponse(status=400)
        try:
            found = message_files.read(request.organization, token).media
        except InvalidFile as error:
            raise Http404 from error
        if found is None:
            raise Http404
        return media_response.respond(found)
    if not {"campaigns.manage", "messages.manage"} & capabilities_of(request.membership):
        raise PermissionDenied
    if library_id := request.POST.get("library"):
        kept = library.files_of(request.organization).filter(pk=library_id if library_id.isdecimal() else 0).first()
        if kept is None:
            return JsonResponse({"error": _("This file is no longer in the library.")}, status=400)
        return JsonResponse(Attached(kept.media, kept.kind).described(request.organization))
    given = request.FILES.get("file")
    if given is None:
        return JsonResponse({"error": _("Choose a file.")}, status=400)
    name = str(given.name)
    mime_type = str(given.content_type or mimetypes.guess_type(name)[0] or attachments.ANY)
    kind = attachments.kind_for(mime_type)
    try:
        stored = attachments.take_in(
            organization_id=request.organization.pk, kind=kind, file=given, mime_type=mime_type, file_name=name
        )
    except InvalidFile as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(Attached(stored, kind).described(request.organization))
