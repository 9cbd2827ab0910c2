"""Who agreed to be messaged, by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.models import ApiKey
from accounts.requests import ApiRequest
from contacts import consent
from contacts.api import MANAGE, VIEW
from contacts.consent import Statement
from contacts.models import Consent, ConsentChange
from contacts.models.consent import EVIDENCE_LENGTH, SOURCE_LENGTH
from contacts.phone_numbers import InvalidNumber, normalise

MOST_AT_ONCE = 1_000


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    given = serializers.BooleanField(source="is_given", help_text="false: the person took it back.")

    class Meta:
        model = Consent
        fields = ("phone_number", "given", "source", "evidence", "at")


class ConsentChangeSerializer(serializers.ModelSerializer[ConsentChange]):
    given = serializers.BooleanField(source="is_given")

    class Meta:
        model = ConsentChange
        fields = ("given", "source", "evidence", "at", "recorded_at")


class ConsentOfNumber(serializers.Serializer[Any]):
    current = ConsentSerializer(help_text="The last thing that the person said.")
    history = ConsentChangeSerializer(many=True, help_text="Everything, newest first.")


class NewConsent(serializers.Serializer[Any]):
    phone_number = serializers.CharField(max_length=100, help_text="As people write it.")
    given = serializers.BooleanField(default=True, help_text="false: the person took it back.")
    source = serializers.CharField(  # type: ignore[assignment]  # our field, not the serializer's own attribute
        required=False, allow_blank=True, max_length=SOURCE_LENGTH, help_text="Where they said it."
    )
    evidence = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=EVIDENCE_LENGTH, help_text="How that can be shown."
    )
    at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="When. Empty: now.")


class NewConsents(serializers.Serializer[Any]):
    """Of one number the last entry counts."""

    consents = NewConsent(many=True, help_text="Up to 1,000 people at once.")


class Refusal(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="The place in the request, from 0.")
    errors = serializers.DictField(  # type: ignore[assignment]  # our field, not the serializer's own attribute
        child=serializers.ListField(child=serializers.CharField())
    )


class ConsentsWritten(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="For so many people it was news.")
    refused = Refusal(many=True, help_text="These were not written; all others were.")


class ConsentsView(ListAPIView[Consent]):
    """Who agreed, or took it back, newest first. People who never said anything are not here."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = ConsentSerializer
    request: ApiRequest

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str, description="Part of a number."),
            OpenApiParameter("given", bool, description="Only those who agreed, or only those who took it back."),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Consent]:
        wanted = {"true": True, "false": False}.get(self.request.query_params.get("given", "").lower())
        search = self.request.query_params.get("search", "")
        return consent.consents(self.request.organization, search=search, is_given=wanted)

    @extend_schema(request=NewConsents, responses=ConsentsWritten)
    def post(self, request: ApiRequest) -> Response:
        """Writes down that people agreed, or took it back. The last word counts: an older one changes nothing."""
        rows = request.data.get("consents") if isinstance(request.data, dict) else None
        if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_AT_ONCE:
            raise ValidationError({"consents": [f"Give between 1 and {MOST_AT_ONCE} entries."]})
        by = actor_of(request)
        source = f"API: {by.name}" if isinstance(by, ApiKey) else ""
        said, refused = [], []
        for index, row in enumerate(rows):
            try:
                said.append(_statement(request, row, source))
            except ValidationError as error:
                refused.append({"index": index, "errors": error.detail})
        changed = consent.say_many(organization=request.organization, said=said, by=by)
        code = status.HTTP_400_BAD_REQUEST if not said else status.HTTP_200_OK
        return Response({"changed": changed, "refused": refused}, status=code)


def _statement(request: ApiRequest, row: Any, source: str) -> Statement:
    given = NewConsent(data=row)
    given.is_valid(raise_exception=True)
    values = given.validated_data
    try:
        number = normalise(values["phone_number"], request.organization.default_region)
        at = consent.checked_time(values["at"])
    except InvalidNumber as error:
        raise ValidationError({"phone_number": [str(error)]}) from error
    except DjangoValidationError as error:
        raise ValidationError(as_serializer_error(error)) from error
    return Statement(number, values["given"], values.get("source") or source, values["evidence"], at or now())


class ConsentView(APIView):
    capability = {"GET": VIEW, "DELETE": MANAGE}

    @extend_schema(responses=ConsentOfNumber)
    def get(self, request: ApiRequest, phone_number: str) -> Response:
        """What the owner of a number said, with all that came before."""
        found = consent.of_number(request.organization, _number(request, phone_number))
        if found is None:
            raise NotFound
        history = consent.history(request.organization, found.phone_number)
        return Response(ConsentOfNumber({"current": found, "history": history}).data)

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, phone_number: str) -> Response:
        """The person took their consent back, now. The history is kept. Of whom nothing is known, POST says it."""
        number, by = _number(request, phone_number), actor_of(request)
        if consent.of_number(request.organization, number) is None:
            raise NotFound
        source = f"API: {by.name}" if isinstance(by, ApiKey) else ""
        consent.say(organization=request.organization, phone_number=number, is_given=False, source=source, by=by)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _number(request: ApiRequest, written: str) -> str:
    try:
        return normalise(written, request.organization.default_region)
    except InvalidNumber as error:
        raise NotFound from error
