"""Batches by REST: how far they are, what became of each recipient, and their brakes."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.pagination import ApiPagination
from accounts.requests import ApiRequest
from messaging import batch_changes, counts, queries, tasks, waves
from messaging.log import STATUSES
from messaging.models import Batch, BatchStatus, Message
from messaging.services import NotAllowed

VIEW, MANAGE = "messages.view", "messages.manage"


class ResultSerializer(serializers.ModelSerializer[Message]):
    """What became of one recipient. `to` is empty where no number could be read: `error` says what was written."""

    to = serializers.CharField(source="phone_number")
    status = serializers.CharField(source="get_status_display")
    group = serializers.IntegerField(source="wave", help_text="The index of the group, in a broadcast.")

    class Meta:
        model = Message
        fields = (
            *("id", "to", "status", "skip_reason", "error_code", "error", "group", "sender", "attempts"),
            *("sent_at", "delivered_at", "read_at", "ended_at"),
        )
        read_only_fields = fields


class BatchGroupSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="From 0.")
    members = serializers.IntegerField()
    status = serializers.CharField(help_text="waiting, sending, sent or cancelled.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Messages by status.")
    opened_at = serializers.DateTimeField(allow_null=True)
    gone_at = serializers.DateTimeField(allow_null=True, help_text="When all of it had been tried once.")


class BatchSerializer(serializers.ModelSerializer[Batch]):
    """Beside these fields: `total`, a number a status (`sent`, `failed` …), and `skipped` by reason."""

    senders = serializers.PrimaryKeyRelatedField[Any](many=True, read_only=True)
    topic = serializers.SerializerMethodField(help_text="What to watch live: /ws/<topic>.")

    class Meta:
        model = Batch
        fields: tuple[str, ...] = (
            *("id", "origin", "status", "status_reason", "purpose", "senders", "min_delay_ms", "max_delay_ms"),
            *("idempotency_key", "topic", "created_at", "started_at", "finished_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_topic(self, batch: Batch) -> str:
        return f"batch.{batch.pk}"

    def to_representation(self, batch: Batch) -> dict[str, Any]:
        figures = self.context.get("figures", {}).get(batch.pk)
        stats = queries.stats_of(figures) if figures is not None else queries.batch_stats(batch.pk)
        done = stats["total"] - sum(stats[name] for name in ("pending", "queued", "sending"))
        return {**super().to_representation(batch), **stats, "done": done}


def described(batch: Batch) -> dict[str, Any]:
    return dict(BatchSerializer(batch).data)


def results(batch: Batch, limit: int) -> list[dict[str, Any]]:
    """The first results, in the order in which the recipients were given."""
    messages = Message.objects.filter(batch=batch).order_by("pk")[:limit]
    return list(ResultSerializer(messages, many=True).data)


class ResultPagination(ApiPagination):
    ordering = "id"
    page_size = 100
    max_page_size = 1000


def find(request: ApiRequest, batch_id: int) -> Batch:
    return get_object_or_404(Batch.objects.for_organization(request.organization), pk=batch_id)


class BatchesView(ListAPIView[Batch]):
    """Batches, newest first: what campaigns, broadcasts and bulk sends send."""

    capability = {"GET": VIEW}
    serializer_class = BatchSerializer
    request: ApiRequest

    @extend_schema(
        parameters=[
            OpenApiParameter("origin", enum=Batch.Origin.values),
            OpenApiParameter("status", enum=BatchStatus.values),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Batch]:
        found = Batch.objects.for_organization(self.request.organization).prefetch_related("senders")
        for name, known in (("origin", Batch.Origin.values), ("status", BatchStatus.values)):
            if value := self.request.query_params.get(name):
                if value not in known:
                    raise ValidationError({name: [_("Write one of %(all)s.") % {"all": ", ".join(known)}]})
                found = found.filter(**{name: value})
        return found

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        figures = counts.of_batches([batch.pk for batch in page])
        return self.get_paginated_response(BatchSerializer(page, many=True, context={"figures": figures}).data)


class BatchAnswer(BatchSerializer):
    groups = BatchGroupSerializer(many=True)
    results = ResultSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)

    class Meta(BatchSerializer.Meta):
        fields = (*BatchSerializer.Meta.fields, "groups", "next", "previous", "results")
        read_only_fields = fields


class BatchView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(
        responses=BatchAnswer,
        parameters=[
            OpenApiParameter("status", enum=list(STATUSES), description="Only results of this status."),
            OpenApiParameter("limit", int, description="Results a page: 100, at most 1000."),
            OpenApiParameter("cursor", str),
        ],
    )
    def get(self, request: ApiRequest, batch_id: int) -> Response:
        """How far a batch is, and a page of its results, in the order in which the recipients were given."""
        batch = find(request, batch_id)
        found = Message.objects.filter(batch=batch)
        if status := request.query_params.get("status"):
            if status not in STATUSES:
                raise ValidationError({"status": [_("Write one of %(all)s.") % {"all": ", ".join(STATUSES)}]})
            found = found.filter(status=STATUSES[status])
        pagination = ResultPagination()
        page = pagination.paginate_queryset(found, request, self)
        listed = pagination.get_paginated_response(ResultSerializer(page, many=True).data).data
        groups = BatchGroupSerializer(waves.states_of(batch), many=True).data
        return Response({**described(batch), "groups": groups, **listed})


class BatchChangeView(APIView):
    """One of the brakes. Campaigns have their own: they know of approvals and schedules."""

    capability = {"POST": MANAGE}
    what = ""

    @extend_schema(
        request=None,
        responses={200: BatchSerializer, 409: OpenApiResponse(description="It is not in a state for that.")},
    )
    def post(self, request: ApiRequest, batch_id: int) -> Response:
        batch = find(request, batch_id)
        try:
            batch_changes.change(batch, self.what, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.plan.delay_on_commit()
        return Response(described(find(request, batch_id)))
