"""The blocklist by REST."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.models import ApiKey
from accounts.requests import ApiRequest
from contacts import blocklist as entries
from contacts import queries
from contacts.api import MANAGE, VIEW
from contacts.models import AskedBy, BlocklistEntry
from contacts.phone_numbers import InvalidNumber, normalise

MOST_AT_ONCE = 1_000
LID_BEGINS = "lid:"


class BlocklistEntrySerializer(serializers.ModelSerializer[BlocklistEntry]):
    phone_number = serializers.CharField(allow_null=True, help_text="null where only the LID is known.")

    class Meta:
        model = BlocklistEntry
        fields = (
            *("phone_number", "lid", "reason", "blocked_by_staff", "asked_by", "source"),
            *("evidence_text", "evidence_id", "evidence_at", "created_at"),
        )


class NewBlocklistEntry(serializers.Serializer[Any]):
    """One number as `phone_number`, or up to a thousand as `numbers`.

    A reason in own words means `blocked`, and is kept in front of the source.
    """

    phone_number = serializers.CharField(max_length=100, required=False, help_text="As people write it.")
    numbers = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, allow_empty=False, max_length=MOST_AT_ONCE
    )
    reason = serializers.CharField(
        max_length=200, default=BlocklistEntry.Reason.BLOCKED, help_text="blocked, opted_out, or own words."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # our field, not the serializer's own attribute
        required=False, allow_blank=True, max_length=200, help_text="Who asked for it."
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("phone_number" in given) == ("numbers" in given):
            raise serializers.ValidationError({"phone_number": ["Give either phone_number or numbers."]})
        if (words := given["reason"]) not in BlocklistEntry.Reason:
            given["source"] = " · ".join(filter(None, [words, given.get("source")]))[:200]
            given["reason"] = BlocklistEntry.Reason.BLOCKED
        return given


class BlockedRow(serializers.Serializer[Any]):
    number = serializers.CharField(help_text="As it was given.")
    phone_number = serializers.CharField(allow_null=True, help_text="null where it is none.")
    outcome = serializers.ChoiceField(choices=["new", "changed", "known", "invalid"])
    error = serializers.CharField(required=False)


class BlockedMany(serializers.Serializer[Any]):
    """`changed` were blocked by staff and are now known to have asked for it, or the other way round."""

    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Were there before, and stay as they were.")
    invalid = serializers.IntegerField()
    results = BlockedRow(many=True)


ANSWER = PolymorphicProxySerializer(
    component_name="BlocklistAnswer",
    serializers=[BlocklistEntrySerializer, BlockedMany],
    resource_type_field_name=None,
)


class BlocklistView(ListAPIView[BlocklistEntry]):
    """Numbers that are never messaged. `search` is part of a number, or words of the source or of what they wrote."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = BlocklistEntrySerializer
    request: ApiRequest

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str),
            OpenApiParameter("reason", str, enum=BlocklistEntry.Reason.values),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[BlocklistEntry]:
        asked = self.request.query_params
        reason = asked.get("reason", "")
        if reason and reason not in BlocklistEntry.Reason:
            raise ValidationError({"reason": [f"Reasons are {', '.join(BlocklistEntry.Reason.values)}."]})
        return queries.blocklist(self.request.organization, search=asked.get("search", "").strip(), reason=reason)

    @extend_schema(request=NewBlocklistEntry, responses={200: ANSWER, 201: BlocklistEntrySerializer})
    def post(self, request: ApiRequest) -> Response:
        """Blocks a number, or many, at once, also for messages that are already planned.

        One number: 201, or 200 where it was blocked before. Many: 200, and for each what came of it; those that can be
        read are blocked, whatever the others are.
        """
        given = NewBlocklistEntry(data=request.data)
        given.is_valid(raise_exception=True)
        fields, by = dict(given.validated_data), actor_of(request)
        fields.setdefault("source", f"API: {by.name}" if isinstance(by, ApiKey) else "")
        fields |= {"organization": request.organization, "asked_by": AskedBy.API, "by": by}
        if "numbers" in fields:
            return Response(BlockedMany(_block_many(fields.pop("numbers"), fields)).data)
        try:
            entry, is_new = entries.block(**fields)
        except InvalidNumber as error:
            raise ValidationError({"phone_number": [str(error)]}) from error
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(BlocklistEntrySerializer(entry).data, status=code)


def _block_many(written: list[str], fields: dict[str, Any]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for number in written:
        try:
            read = normalise(number, fields["organization"].default_region, allow_fixed_line=True)
        except InvalidNumber as error:
            rows.append({"number": number, "phone_number": None, "outcome": "invalid", "error": str(error)})
        else:
            rows.append({"number": number, "phone_number": read})
    blocked = entries.block_many(phone_numbers=[row["phone_number"] for row in rows if row["phone_number"]], **fields)
    for row in rows:
        number = row["phone_number"]
        row.setdefault(
            "outcome", "new" if number in blocked.new else "changed" if number in blocked.changed else "known"
        )
    outcomes = [row["outcome"] for row in rows]
    return {"results": rows, **{name: outcomes.count(name) for name in ("new", "changed", "known", "invalid")}}


class BlockedNumberView(APIView):
    capability = {"DELETE": MANAGE}

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, phone_number: str) -> Response:
        """Takes a number off the blocklist, or `lid:…` where only that is known. It may be messaged again."""
        lid = phone_number.removeprefix(LID_BEGINS) if phone_number.startswith(LID_BEGINS) else ""
        number = "" if lid else phone_number
        try:
            found = entries.unblock(
                organization=request.organization, phone_number=number, lid=lid, by=actor_of(request)
            )
        except InvalidNumber:
            found = False
        return Response(status=status.HTTP_204_NO_CONTENT if found else status.HTTP_404_NOT_FOUND)
