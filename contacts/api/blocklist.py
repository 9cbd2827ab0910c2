"""The blocklist by REST."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.models import ApiKey
from accounts.requests import ApiRequest
from contacts import blocklist as entries
from contacts import queries
from contacts.api import MANAGE, VIEW
from contacts.models import AskedBy, BlocklistEntry
from contacts.phone_numbers import InvalidNumber


class BlocklistEntrySerializer(serializers.ModelSerializer[BlocklistEntry]):
    class Meta:
        model = BlocklistEntry
        fields = ("phone_number", "reason", "source", "created_at")


class NewBlocklistEntry(serializers.Serializer[Any]):
    phone_number = serializers.CharField(max_length=100, help_text="As people write it.")
    reason = serializers.ChoiceField(choices=BlocklistEntry.Reason.choices, default=BlocklistEntry.Reason.BLOCKED)
    source = serializers.CharField(  # type: ignore[assignment]  # our field, not the serializer's own attribute
        required=False, allow_blank=True, max_length=200, help_text="Who asked for it."
    )


class BlocklistView(ListAPIView[BlocklistEntry]):
    """Numbers that are never messaged."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = BlocklistEntrySerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[BlocklistEntry]:
        return queries.blocklist(self.request.organization, search=self.request.query_params.get("search", ""))

    @extend_schema(request=NewBlocklistEntry, responses={200: BlocklistEntrySerializer, 201: BlocklistEntrySerializer})
    def post(self, request: ApiRequest) -> Response:
        """Blocks a number at once, also for messages that are already planned. 200 where it was blocked before."""
        given = NewBlocklistEntry(data=request.data)
        given.is_valid(raise_exception=True)
        by = actor_of(request)
        given.validated_data.setdefault("source", f"API: {by.name}" if isinstance(by, ApiKey) else "")
        try:
            entry, is_new = entries.block(
                organization=request.organization, by=by, asked_by=AskedBy.API, **given.validated_data
            )
        except InvalidNumber as error:
            raise ValidationError({"phone_number": [str(error)]}) from error
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(BlocklistEntrySerializer(entry).data, status=code)


class BlockedNumberView(APIView):
    capability = {"DELETE": MANAGE}

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, phone_number: str) -> Response:
        """Takes a number off the blocklist. It may be messaged again."""
        try:
            found = entries.unblock(organization=request.organization, phone_number=phone_number, by=actor_of(request))
        except InvalidNumber:
            found = False
        return Response(status=status.HTTP_204_NO_CONTENT if found else status.HTTP_404_NOT_FOUND)
