"""The message log by REST: search, figures, and the file of them."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.requests import ApiRequest
from messaging import log, log_figures
from messaging.log import LogFilter

MOST_A_PAGE = 200
FILTERS = [
    OpenApiParameter("number", description="A phone number as people write it, or how it begins."),
    OpenApiParameter("text", description="Words of the text."),
    OpenApiParameter("sender", int),
    OpenApiParameter("origin", enum=list(log.ORIGINS)),
    OpenApiParameter("status", enum=list(log.STATUSES)),
    OpenApiParameter("batch", int),
    OpenApiParameter(
        "since", description="Made at this time or later; without an offset on the organization's clock."
    ),
    OpenApiParameter("until", description="Made before this time."),
]


def filter_of(request: ApiRequest) -> LogFilter:
    with timezone.override(request.organization.timezone):
        try:
            return LogFilter.from_query(request.query_params, request.organization)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error


def number_of(request: ApiRequest, name: str, default: int | None, most: int = 2**62) -> int | None:
    written = request.query_params.get(name, "")
    if not written:
        return default
    if not (written.isdecimal() and len(written) < 20):
        raise ValidationError({name: ["Write a number."]})
    return max(1, min(int(written), most))


class FiguresAnswer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    by = serializers.CharField()
    total = serializers.DictField(child=serializers.IntegerField(), help_text="`total`, and a number a status.")
    rows = serializers.ListField(
        child=serializers.DictField(), help_text="The same for each `key`: a day, an id of a sender, or an origin."
    )


class MessageFiguresView(APIView):
    capability = {"GET": "messages.view"}

    @extend_schema(
        responses=FiguresAnswer,
        parameters=[
            OpenApiParameter("since", description="The last 30 days where it is left out; at most 366 days."),
            OpenApiParameter("until"),
            OpenApiParameter("by", enum=list(log_figures.BY), description="day where it is left out."),
        ],
    )
    def get(self, request: ApiRequest) -> Response:
        """How many messages were made in this time, by their present status."""
        wanted = filter_of(request)
        by = request.query_params.get("by", "day")
        try:
            found = log_figures.figures(request.organization, since=wanted.since, until=wanted.until, by=by)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(FiguresAnswer(found).data)
