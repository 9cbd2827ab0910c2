"""Single messages by REST."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.api import Conflict
from accounts.requests import ApiRequest
from messaging import log, media_response, queries, services, tasks
from messaging.given_files import take_in
from messaging.log_api import FILTERS, MOST_A_PAGE, filter_of, number_of
from messaging.models import Media, Message
from messaging.new_message import NewMessage


class MediaSerializer(serializers.ModelSerializer[Media]):
    url = serializers.SerializerMethodField(help_text="Where the file is; it takes the same API key.")

    class Meta:
        model = Media
        fields = ("mime_type", "file_name", "size", "sha256", "url")

    def get_url(self, media: Media) -> str:
        return reverse("api:message-media", args=[self.context["message_id"]], request=self.context["request"])


class MessageSerializer(serializers.ModelSerializer[Message]):
    status = serializers.CharField(source="get_status_display", read_only=True)
    content = serializers.JSONField(
        read_only=True, help_text="What the kind has beside a text; the fields are those of POST /api/messages."
    )
    media = serializers.SerializerMethodField()
    reply_to = serializers.SerializerMethodField(help_text="The id of the message that this one quotes.")
    origin = serializers.SerializerMethodField(help_text=f"What made it: {', '.join(log.ORIGINS)}.")

    class Meta:
        model = Message
        fields = [
            "id",
            "direction",
            "phone_number",
            "lid",
            "group",
            "sender",
            "batch",
            "origin",
            "kind",
            "text",
            "content",
            "media",
            "reply_to",
            "status",
            "skip_reason",
            "error_code",
            "error",
            "attempts",
            "whatsapp_id",
            "created_at",
            "due_at",
            "sent_at",
            "delivered_at",
            "read_at",
            "edited_at",
            "deleted_at",
        ]

    @extend_schema_field(MediaSerializer(allow_null=True))
    def get_media(self, message: Message) -> Any:
        if message.media is None:
            return None
        return MediaSerializer(message.media, context={**self.context, "message_id": message.pk}).data

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_reply_to(self, message: Message) -> int | None:
        quoted = self.context.get("quoted")
        return (queries.quoted_by([message]) if quoted is None else quoted).get(message.pk)

    def get_origin(self, message: Message) -> str:
        return log.origin_of(message)


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = _("The request is too large for JSON. Send the file as an upload (multipart) or as media_url.")


def described(message: Message, request: ApiRequest) -> dict[str, Any]:
    return dict(MessageSerializer(message, context={"request": request}).data)


class LogAnswer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="Where the log goes on; null at its end.")
    looked_until = serializers.DateTimeField(
        allow_null=True, help_text="Set where the search stopped before the page was full: go on with `next`."
    )
    results = MessageSerializer(many=True)


class MessagesView(APIView):
    capability = {"GET": "messages.view", "POST": "messages.manage"}
    parser_classes = (JSONParser, MultiPartParser, FormParser)

    @extend_schema(
        operation_id="messages_list",
        responses=LogAnswer,
        parameters=[*FILTERS, OpenApiParameter("before", int), OpenApiParameter("limit", int)],
    )
    def get(self, request: ApiRequest) -> Response:
        """The message log, newest first: every message that fits all conditions."""
        limit = number_of(request, "limit", 50, MOST_A_PAGE) or 50
        found = log.page(
            request.organization, filter_of(request), before=number_of(request, "before", None), limit=limit
        )
        context = {"request": request, "quoted": queries.quoted_by(found.messages)}
        following = replace_query_param(request.build_absolute_uri(), "before", found.before) if found.before else None
        return Response(
            {
                "next": following,
                "looked_until": found.looked_until,
                "results": MessageSerializer(found.messages, many=True, context=context).data,
            }
        )

    @extend_schema(
        request={"application/json": NewMessage, "multipart/form-data": NewMessage},
        responses={202: MessageSerializer},
    )
    def post(self, request: ApiRequest) -> Response:
        """Accepts a message of any kind and answers before it is sent; ask for its status, or wait for the receipts."""
        try:
            data = request.data
        except RequestDataTooBig as error:
            raise TooLarge from error
        checked = NewMessage(data=data, context={"organization": request.organization})
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        try:
            message = services.send_message(
                organization=request.organization,
                to=given["to"],
                text=given["text"],
                sender=given["sender"],
                idempotency_key=given.get("idempotency_key"),
                kind=given["kind"],
                content=given["content"],
                media=_file_of(request, given),
                group=given["group"],
                lid=given["lid"],
                send_at=given.get("send_at"),
            )
        except services.NotAllowed as error:
            raise ValidationError({"idempotency_key": [str(error)]}) from None
        tasks.plan.delay_on_commit()
        return Response(described(message, request), status=status.HTTP_202_ACCEPTED)


def _file_of(request: ApiRequest, given: dict[str, Any]) -> Media | None:
    """The stored file of the message. A repeat of a request does not fetch its URL again."""
    if "media" in given:
        return given["media"].media
    if "media_url" in given:
        earlier = services.message_of_key(
            organization=request.organization, idempotency_key=given.get("idempotency_key")
        )
        if earlier is not None and earlier.media is not None:
            return earlier.media
    return take_in(request.organization.pk, given["kind"], given)


def find(request: ApiRequest, message_id: int) -> Message:
    messages = Message.objects.for_organization(request.organization).select_related("media", "batch")
    return get_object_or_404(messages, pk=message_id)


class MessageView(APIView):
    capability = {"GET": "messages.view"}

    @extend_schema(responses=MessageSerializer)
    def get(self, request: ApiRequest, message_id: int) -> Response:
        return Response(described(find(request, message_id), request))


class CancelMessageView(APIView):
    capability = {"POST": "messages.manage"}

    @extend_schema(
        request=None,
        responses={200: MessageSerializer, 409: OpenApiResponse(description="It may have left, or has ended.")},
    )
    def post(self, request: ApiRequest, message_id: int) -> Response:
        """Cancels a message before it goes."""
        try:
            services.cancel_message(message=find(request, message_id))
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(described(find(request, message_id), request))


class MessageMediaView(APIView):
    capability = {"GET": "messages.view"}

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY, 409: OpenApiResponse(description="The message has no file.")}
    )
    def get(self, request: ApiRequest, message_id: int) -> Any:
        """The file of a message, out or in."""
        message = find(request, message_id)
        if message.media is None:
            return Response({"detail": media_response.why_no_file(message)}, status=status.HTTP_409_CONFLICT)
        return media_response.respond(message.media)
