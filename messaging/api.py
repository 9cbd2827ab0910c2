"""Single messages by REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import ApiRequest
from contacts.phone_numbers import InvalidNumber, normalise
from messaging import services, tasks
from messaging.models import Message
from senders.models import Sender


class NewMessageSerializer(serializers.Serializer):
    to = serializers.CharField(max_length=100, help_text="A phone number as people write it.")
    text = serializers.CharField(max_length=4096, trim_whitespace=False)
    sender = serializers.IntegerField(required=False, allow_null=True, help_text="Empty: any connected sender.")
    idempotency_key = serializers.CharField(
        required=False, allow_null=True, max_length=100, help_text="A repeat with this key makes no second message."
    )


class MessageSerializer(serializers.ModelSerializer):
    status = serializers.CharField(source="get_status_display", read_only=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "direction",
            "phone_number",
            "sender",
            "batch",
            "text",
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
        ]


class MessagesView(APIView):
    """Accepts a message and answers before it is sent; ask for its status, or wait for the receipts."""

    capability = {"POST": "messages.manage"}

    @extend_schema(request=NewMessageSerializer, responses={202: MessageSerializer})
    def post(self, request: ApiRequest) -> Response:
        given = NewMessageSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data: dict[str, Any] = given.validated_data
        try:
            number = normalise(data["to"], request.organization.default_region)
        except InvalidNumber as error:
            raise ValidationError({"to": [str(error)]}) from None
        sender = None
        if data.get("sender") is not None:
            sender = Sender.objects.for_organization(request.organization).filter(pk=data["sender"]).first()
            if sender is None:
                raise ValidationError({"sender": ["There is no such sender."]})
        try:
            message = services.send_message(
                organization=request.organization,
                to=number,
                text=data["text"],
                sender=sender,
                idempotency_key=data.get("idempotency_key"),
            )
        except services.NotAllowed as error:
            raise ValidationError({"idempotency_key": [str(error)]}) from None
        tasks.plan.delay_on_commit()
        return Response(MessageSerializer(message).data, status=status.HTTP_202_ACCEPTED)


class MessageView(APIView):
    capability = {"GET": "messages.view"}

    @extend_schema(responses=MessageSerializer)
    def get(self, request: ApiRequest, message_id: int) -> Response:
        message = get_object_or_404(Message.objects.for_organization(request.organization), pk=message_id)
        return Response(MessageSerializer(message).data)
