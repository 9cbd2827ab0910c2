"""What every person of a campaign would read, and what is wrong with it, by REST."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import ApiRequest
from campaigns import lint, preview
from campaigns.api import find
from campaigns.lint import Code
from messaging.models import Message

USUAL_A_PAGE = 10


class FindingSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=Code.choices)
    count = serializers.IntegerField(help_text="How many people it concerns.")
    blocking = serializers.BooleanField(help_text="Starting is refused, unless it is told to `accept_lint`.")
    text = serializers.CharField(source="label", help_text="The same in plain words.")


class PreviewedText(serializers.ModelSerializer[Message]):
    name = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = ("phone_number", "text", "name", "variant", "skip_reason")
        read_only_fields = fields

    def get_name(self, message: Message) -> str:
        return str(message.variables.get("name", ""))


class PreviewSerializer(serializers.Serializer[Any]):
    lint = FindingSerializer(many=True, help_text="Over everybody, not only this page.")
    results = PreviewedText(many=True, source="page.messages")
    next = serializers.CharField(source="page.following", help_text="The `cursor` of what follows; empty at the end.")
    previous = serializers.CharField(source="page.previous")


class PreviewView(APIView):
    """The texts that people get, rendered as they leave, and what was found in all of them."""

    capability = {"GET": "campaigns.view"}

    @extend_schema(
        parameters=[
            OpenApiParameter("limit", int, description="At most 100; 10 where left out."),
            OpenApiParameter("cursor", str, description="`next` or `previous` of another answer."),
            OpenApiParameter("search", str, description="Part of a number or of a name."),
            OpenApiParameter("code", enum=Code.values, description="Only people whom this finding concerns."),
        ],
        responses=PreviewSerializer,
    )
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        asked = request.query_params
        limit, code = asked.get("limit", str(USUAL_A_PAGE)), asked.get("code", "")
        if not limit.isdecimal() or not int(limit):
            raise ValidationError({"limit": ["Write a number from 1 to 100."]})
        if code and code not in Code.values:
            raise ValidationError({"code": [f"There is no code {code}. Codes are {', '.join(Code.values)}."]})
        campaign = find(request, campaign_id)
        try:
            page = preview.page(
                campaign,
                limit=int(limit),
                cursor=asked.get("cursor", ""),
                search=asked.get("search", "")[:100],
                code=Code(code) if code else None,
            )
        except preview.InvalidCursor as error:
            raise ValidationError({"cursor": ["Take `next` or `previous` of another answer."]}) from error
        return Response(PreviewSerializer({"lint": lint.findings_of(campaign), "page": page}).data)
