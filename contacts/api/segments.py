"""Segments by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from contacts.api import MANAGE, VIEW
from contacts.api.people import ContactSerializer
from contacts.models import Segment
from contacts.segments import services, trees
from contacts.segments.fields import OPERATORS, fields_of
from contacts.segments.sentences import sentence

_FILTER_HELP = (
    'A tree of {"all": […]}, {"any": […]}, {"not": …} and conditions {"field", "operator", "value"}, such as '
    '{"all": [{"field": "attribute.city", "operator": "is", "value": "Bandung"}, '
    '{"field": "wrote", "operator": "last_days", "value": 30}]}. GET /api/segments/fields lists what can be asked.'
)


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    summary = serializers.SerializerMethodField(help_text="The filter in words.")
    problem = serializers.SerializerMethodField(help_text="Why it can no longer be used, such as a deleted list.")
    people = serializers.IntegerField(read_only=True, help_text="As counted at `counted_at`; null before.")

    class Meta:
        model = Segment
        fields = ("id", "name", "filter", "summary", "problem", "people", "counted_at", "created_at", "updated_at")
        read_only_fields = ("counted_at", "created_at", "updated_at")

    def get_summary(self, segment: Segment) -> str:
        return services.described(segment)[0]

    def get_problem(self, segment: Segment) -> str:
        return services.described(segment)[1]


class NewSegment(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    filter = serializers.JSONField(help_text=_FILTER_HELP)


class ChangedSegment(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    filter = serializers.JSONField(required=False, help_text=_FILTER_HELP)


class FilterOnly(serializers.Serializer[Any]):
    filter = serializers.JSONField(help_text=_FILTER_HELP)


class FoundSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField(help_text="Exactly, at `at`.")
    at = serializers.DateTimeField()
    summary = serializers.CharField(help_text="The filter in words.")
    sample = ContactSerializer(many=True, help_text="Some of them.")


class OperatorSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    takes = serializers.CharField(help_text="nothing, text, texts, number, numbers, date, dates, days, yes_no, choice")


class FieldSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # our field, not the serializer's own attribute
    kind = serializers.CharField()
    operators = OperatorSerializer(many=True)


class TooLong(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "too_slow"


def _find(request: ApiRequest, segment_id: int) -> Segment:
    found = Segment.objects.for_organization(request.organization).select_related("organization")
    return get_object_or_404(found, pk=segment_id)


class SegmentsView(ListAPIView[Segment]):
    """Saved filters over people. Nobody is stored in a segment: who fits now is in it now."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = SegmentSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[Segment]:
        return Segment.objects.for_organization(self.request.organization).select_related("organization")

    @extend_schema(request=NewSegment, responses={201: SegmentSerializer})
    def post(self, request: ApiRequest) -> Response:
        """Saves a segment. 400 names every condition that makes no sense."""
        given = NewSegment(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            segment = services.create_segment(
                organization=request.organization,
                name=given.validated_data["name"],
                conditions=given.validated_data["filter"],
                by=actor_of(request),
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(SegmentSerializer(segment).data, status=status.HTTP_201_CREATED)


class SegmentView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=SegmentSerializer)
    def get(self, request: ApiRequest, segment_id: int) -> Response:
        return Response(SegmentSerializer(_find(request, segment_id)).data)

    @extend_schema(request=ChangedSegment, responses=SegmentSerializer)
    def patch(self, request: ApiRequest, segment_id: int) -> Response:
        """Gives it another name or filter. Campaigns whose audience is fixed keep their people."""
        segment = _find(request, segment_id)
        given = ChangedSegment(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            services.change_segment(
                segment=segment,
                name=given.validated_data.get("name"),
                conditions=given.validated_data.get("filter"),
                by=actor_of(request),
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(SegmentSerializer(segment).data)

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="Still needed; the detail says by what.")})
    def delete(self, request: ApiRequest, segment_id: int) -> Response:
        segment = _find(request, segment_id)
        try:
            services.delete_segment(segment=segment, by=actor_of(request))
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class SegmentCountView(APIView):
    capability = {"POST": VIEW}

    @extend_schema(request=None, responses=FoundSerializer)
    def post(self, request: ApiRequest, segment_id: int) -> Response:
        """Counts the people in a segment now, exactly. 503 where that took more than 20 seconds."""
        segment = _find(request, segment_id)
        return _counted(request, segment.filter, segment)


class CountView(APIView):
    capability = {"POST": VIEW}

    @extend_schema(request=FilterOnly, responses=FoundSerializer, operation_id="filter_count_create")
    def post(self, request: ApiRequest) -> Response:
        """Counts the people of a filter that is not saved."""
        given = FilterOnly(data=request.data)
        given.is_valid(raise_exception=True)
        return _counted(request, given.validated_data["filter"], None)


def _counted(request: ApiRequest, written: Any, segment: Segment | None) -> Response:
    try:
        node = trees.parse(written, request.organization)
        if segment is not None:
            found = services.count(segment, with_sample=True)
        else:
            found = services.find(request.organization, written, with_sample=True)
    except DjangoValidationError as error:
        raise ValidationError(as_serializer_error(error)) from error
    except services.TooSlow as error:
        raise TooLong(str(error)) from error
    shown = {"people": found.people, "at": found.at, "summary": sentence(node), "sample": found.sample}
    return Response(FoundSerializer(shown).data)


class FieldsView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=FieldSerializer(many=True), operation_id="segments_fields_list")
    def get(self, request: ApiRequest) -> Response:
        """What segments can ask about, with the operators and what each takes."""
        fields = [
            {"key": field.key, "label": field.label, "kind": field.kind, "operators": OPERATORS[field.kind]}
            for field in fields_of(request.organization).values()
        ]
        return Response(FieldSerializer(fields, many=True).data)
