"""The API of accounts, tickets for live topics, and what the APIs of all apps share."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tickets
from accounts.models import ApiKey, User
from accounts.permissions import TOPIC_CAPABILITIES, IsIdentified, capabilities_of, capability_for_topic
from accounts.requests import ApiRequest
from accounts.services import Actor


class Conflict(APIException):
    """The request is fine and does not fit the present state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def actor_of(request: ApiRequest) -> Actor:
    """Who asks: an API key, or a person on a page."""
    if isinstance(request.auth, ApiKey):
        return request.auth
    return request.user if isinstance(request.user, User) else None


class TicketRequest(serializers.Serializer[Any]):
    topic = serializers.CharField(
        max_length=64, help_text=_("What to watch: batch.12, sender.3, linking.3 (QR and pairing codes) or import.7.")
    )

    def validate_topic(self, topic: str) -> str:
        if capability_for_topic(topic) is None:
            kinds = ", ".join(f"{kind}.<id>" for kind in TOPIC_CAPABILITIES)
            raise serializers.ValidationError(
                _("There is no topic “%(topic)s”. Topics are %(kinds)s.") % {"topic": topic, "kinds": kinds}
            )
        return topic


class TicketAnswer(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text=_("For /ws/<topic>?ticket=…; good for one connection."))
    expires_in = serializers.IntegerField(help_text=_("Seconds."))


class WebSocketTickets(APIView):
    """A ticket for one live connection to `/ws/<topic>`."""

    permission_classes = [IsIdentified]

    @extend_schema(request=TicketRequest, responses={201: TicketAnswer}, tags=["live"])
    def post(self, request: ApiRequest) -> Response:
        asked = TicketRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        topic = asked.validated_data["topic"]
        if capability_for_topic(topic) not in capabilities_of(request.auth):
            raise PermissionDenied(_("Your role or the scopes of your API key do not allow watching this."))
        ticket = tickets.issue(organization_id=request.organization.pk, topic=topic)
        return Response({"ticket": ticket, "expires_in": tickets.LIFETIME}, status=201)
