"""Senders by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from contacts.api.fields import number_from
from senders import guidance, health, linking, queries, services
from senders.models import Provider, Sender, SenderStatus

VIEW, MANAGE = "senders.view", "senders.manage"


class LimitFields(serializers.Serializer[Any]):
    quota_per_minute = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1_000_000, help_text="null means no limit."
    )
    quota_per_hour = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1_000_000, help_text="null means no limit."
    )
    quota_per_day = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1_000_000, help_text="null means no limit."
    )
    warm_up_per_day = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1_000_000,
        help_text="Messages on the first day, half as many more on each following one; null means no warm-up.",
    )


class NewSender(LimitFields):
    name = serializers.CharField(max_length=80)
    provider = serializers.ChoiceField(
        choices=Provider.choices,
        default=Provider.SIMULATED,
        help_text=" ".join(f"`{name}`: {text}" for name, text in guidance.PROVIDERS.items()),
    )
    phone_number = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="The number to link, where it is known before."
    )

    def validate_phone_number(self, written: str) -> str:
        if not written.strip():
            return ""
        return number_from(written, self.context["request"].organization)


class ConnectRequest(serializers.Serializer[Any]):
    pairing_number = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text="The number of the phone: a pairing code to type there is shown, and no QR code to scan.",
    )

    def validate_pairing_number(self, written: str) -> str:
        return number_from(written, self.context["request"].organization) if written.strip() else ""


class SenderChanges(LimitFields):
    name = serializers.CharField(max_length=80, required=False)


class Periods(serializers.Serializer[Any]):
    minute = serializers.IntegerField()
    hour = serializers.IntegerField()
    day = serializers.IntegerField()


class SenderSerializer(serializers.ModelSerializer[Sender]):
    used = serializers.SerializerMethodField(
        help_text="Messages in the present minute, hour and day of the organization."
    )
    what_to_do = serializers.SerializerMethodField(help_text="What the status means and what a person should do.")
    health = serializers.SerializerMethodField(help_text="0 to 100; below 50 nothing is sent.")

    class Meta:
        model = Sender
        fields = (
            "id",
            "name",
            "provider",
            "phone_number",
            "wanted",
            "status",
            "status_detail",
            "what_to_do",
            "status_at",
            "next_try_at",
            "is_linked",
            "linked_at",
            "pairing_number",
            "quota_per_minute",
            "quota_per_hour",
            "quota_per_day",
            "warm_up_per_day",
            "used",
            "health",
            "consecutive_failures",
            "resting_until",
            "paused_at",
            "paused_reason",
            "first_contacts_held_until",
            "created_at",
        )
        read_only_fields = fields

    @extend_schema_field(Periods)
    def get_used(self, sender: Sender) -> dict[str, int]:
        return {use.period: use.used for use in self.context["use"][sender.pk]}

    def get_what_to_do(self, sender: Sender) -> str:
        return guidance.what_to_do(sender)

    def get_health(self, sender: Sender) -> int:
        return health.of(sender)


def described(senders: list[Sender]) -> list[dict[str, Any]]:
    return list(SenderSerializer(senders, many=True, context={"use": queries.quota_use_of(senders)}).data)


def find(request: ApiRequest, sender_id: int) -> Sender:
    return get_object_or_404(queries.senders_of(request.organization), pk=sender_id)


class SendersView(ListAPIView[Sender]):
    request: ApiRequest
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = SenderSerializer

    def get_queryset(self) -> QuerySet[Sender]:
        return queries.senders_of(self.request.organization)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(described(list(page or [])))

    @extend_schema(request=NewSender, responses={201: SenderSerializer})
    def post(self, request: ApiRequest) -> Response:
        """Creates a sender. It does nothing until it is connected."""
        given = NewSender(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        try:
            sender = services.create_sender(
                organization=request.organization, by=actor_of(request), **given.validated_data
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(described([sender])[0], status=status.HTTP_201_CREATED)


class SenderView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=SenderSerializer)
    def get(self, request: ApiRequest, sender_id: int) -> Response:
        return Response(described([find(request, sender_id)])[0])

    @extend_schema(request=SenderChanges, responses=SenderSerializer)
    def patch(self, request: ApiRequest, sender_id: int) -> Response:
        """Changes the name or the limits."""
        sender = find(request, sender_id)
        given = SenderChanges(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        try:
            sender = services.change_sender(sender=sender, by=actor_of(request), **given.validated_data)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(described([sender])[0])

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="It is connected: disconnect it first.")})
    def delete(self, request: ApiRequest, sender_id: int) -> Response:
        """Deletes a disconnected sender; its messages stay."""
        try:
            services.delete_sender(sender=find(request, sender_id), by=actor_of(request))
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(
        request=ConnectRequest,
        responses={202: SenderSerializer, 409: OpenApiResponse(description="It is linked: log it out first.")},
    )
    def post(self, request: ApiRequest, sender_id: int) -> Response:
        """Asks for a session. Ask for the sender's status; once it is `scan`, for its QR code, or for its pairing code
        where a `pairing_number` was given. Asking again with the other changes which of them is shown."""
        sender = find(request, sender_id)
        given = ConnectRequest(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        try:
            sender = services.request_connect(sender=sender, by=actor_of(request), **given.validated_data)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(described([sender])[0], status=status.HTTP_202_ACCEPTED)


class LogoutView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(
        request=None, responses={202: SenderSerializer, 409: OpenApiResponse(description="Nothing is linked.")}
    )
    def post(self, request: ApiRequest, sender_id: int) -> Response:
        """Asks to unlink the sender from its phone. To use it again, it must be linked anew."""
        try:
            sender = services.request_logout(sender=find(request, sender_id), by=actor_of(request))
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(described([sender])[0], status=status.HTTP_202_ACCEPTED)


class DisconnectView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses={202: SenderSerializer})
    def post(self, request: ApiRequest, sender_id: int) -> Response:
        """Asks for the end of the session. The phone stays linked."""
        sender = services.request_disconnect(sender=find(request, sender_id), by=actor_of(request))
        return Response(described([sender])[0], status=status.HTTP_202_ACCEPTED)


class PauseView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses=SenderSerializer)
    def post(self, request: ApiRequest, sender_id: int) -> Response:
        """Holds the sender back. Its session stays: it still receives."""
        sender = services.pause_sender(sender=find(request, sender_id), by=actor_of(request))
        return Response(described([sender])[0])


class ResumeView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses=SenderSerializer)
    def post(self, request: ApiRequest, sender_id: int) -> Response:
        """Lets a paused or resting sender send again, and forgets its failures."""
        sender = services.resume_sender(sender=find(request, sender_id), by=actor_of(request))
        return Response(described([sender])[0])


class SvgRenderer(BaseRenderer):
    media_type = "image/svg+xml"
    format = "svg"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> str:
        return str(data["svg"])


class PngRenderer(BaseRenderer):
    media_type = "image/png"
    format = "png"
    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return bytes(data["png"])


class TextRenderer(BaseRenderer):
    media_type = "text/plain"
    format = "text"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> str:
        return str(data["text"])


class QrSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="What the phone reads.")
    expires_at = serializers.DateTimeField(help_text="The next code replaces it then; fetch that one.")


class QrView(APIView):
    """The QR code that the sender shows, as JSON, SVG, PNG or plain text, by `Accept` or by `?format=`."""

    capability = {"GET": MANAGE}  # who has the code can link a phone
    renderer_classes = (JSONRenderer, SvgRenderer, PngRenderer, TextRenderer)

    @extend_schema(
        parameters=[OpenApiParameter("format", enum=["json", "svg", "png", "text"])],
        responses={
            (200, "application/json"): QrSerializer,
            (200, "image/svg+xml"): OpenApiTypes.STR,
            (200, "image/png"): OpenApiTypes.BINARY,
            (200, "text/plain"): OpenApiTypes.STR,
            409: OpenApiResponse(description="There is no code now; the detail says why."),
        },
    )
    def get(self, request: ApiRequest, sender_id: int) -> Response:
        sender = find(request, sender_id)
        code = linking.shown_qr(sender.pk) if sender.status == SenderStatus.SCAN else None
        if code is None:
            raise Conflict(queries.why_no_code(sender))
        rendered = request.accepted_renderer.format
        if rendered == "json":
            data: dict[str, Any] = QrSerializer({"text": code.text, "expires_at": code.expires_at}).data
        else:
            data = {rendered: getattr(code, rendered)}
        return Response(data, headers={"Cache-Control": "no-store"})

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        if getattr(response, "exception", False):  # errors are JSON, whatever picture was asked for
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


class PairingCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Eight letters and digits to type into WhatsApp on the phone.")
    phone_number = serializers.CharField(source="number", help_text="The phone that it is for.")
    expires_at = serializers.DateTimeField(help_text="Another code replaces it then; fetch that one.")


class PairingCodeView(APIView):
    capability = {"GET": MANAGE}

    @extend_schema(
        responses={
            200: PairingCodeSerializer,
            409: OpenApiResponse(description="There is no code now; the detail says why."),
        }
    )
    def get(self, request: ApiRequest, sender_id: int) -> Response:
        """The pairing code that the sender shows after `connect` with a `pairing_number`."""
        sender = find(request, sender_id)
        code = linking.shown_pairing_code(sender.pk) if sender.status == SenderStatus.SCAN else None
        if code is None:
            raise Conflict(queries.why_no_pairing_code(sender))
        data = {"code": code.code, "number": sender.pairing_number, "expires_at": code.expires_at}
        return Response(PairingCodeSerializer(data).data, headers={"Cache-Control": "no-store"})
