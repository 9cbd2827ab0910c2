"""Campaigns by REST."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from campaigns import queries, schedules, services, tasks
from campaigns.models import Campaign
from campaigns.schedule_serializers import ScheduleSerializer
from campaigns.variant_serializers import VariantPlanFields, VariantSerializer, take_plan
from contacts.models import ContactList, Segment
from messaging.models import Goal, Message, MessageStatus, Purpose
from messaging.services import NotAllowed
from messaging.tasks import plan
from senders.models import Sender

VIEW, MANAGE = "campaigns.view", "campaigns.manage"
STATUSES = {status.label: status for status in MessageStatus if status != MessageStatus.RECEIVED}


def find(request: ApiRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)


class NewCampaign(VariantPlanFields):
    """The people come from `file`, from `contact_list`, from `segment`, or from several of them: where a person is in
    contacts and in the file, the file's values win. Who is in a segment is decided when the audience is fixed."""

    name = serializers.CharField(max_length=120)
    template = serializers.CharField(
        required=False,
        default="",
        trim_whitespace=False,
        help_text="The text, with {{columns}} of the list; {{column|otherwise}} where one may be empty. Not needed with "
        "variants.",
    )
    file = serializers.FileField(
        required=False,
        allow_empty_file=True,
        help_text="A sheet (.xlsx, .xls, .ods or CSV) with a header row. Multipart only.",
    )
    contact_list = serializers.IntegerField(required=False, allow_null=True)
    segment = serializers.IntegerField(required=False, allow_null=True)
    excluded_lists = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids of lists whose people get nothing."
    )
    excluded_segments = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids of segments whose people get nothing."
    )
    senders = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids. All senders where it is left out."
    )
    min_delay_ms = serializers.IntegerField(required=False, allow_null=True, help_text="Between messages of a sender.")
    max_delay_ms = serializers.IntegerField(required=False, allow_null=True)
    windows = serializers.JSONField(
        required=False,
        help_text='Sending hours, as in [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:00"}]; 1 is Monday. '
        "Empty: at any time. In a form, as JSON text.",
    )
    timezone = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="Of the windows. Empty: the organization's."
    )
    recipient_time = serializers.BooleanField(
        default=False, help_text="The windows are meant in each recipient's own time, from the number's region."
    )
    typing = serializers.BooleanField(default=False, help_text="Show “typing…” before each message.")
    purpose = serializers.CharField(
        default=Purpose.MARKETING.value,
        help_text="marketing or service. Where the organization demands consent, marketing goes only to who gave it.",
    )
    start = serializers.BooleanField(default=False, help_text="Start as soon as the list is read.")

    def validate_purpose(self, purpose: str) -> str:
        if purpose not in Purpose.values:
            raise ValidationError(f"Write {' or '.join(Purpose.values)}.")
        return purpose

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        # A form has no lists: `senders=1,2` means the same as `senders=1&senders=2`.
        if isinstance(data, QueryDict):
            data = data.copy()
            for name in ("senders", "excluded_lists", "excluded_segments"):
                if "," in (joined := ",".join(data.getlist(name))):
                    data.setlist(name, [part.strip() for part in joined.split(",") if part.strip()])
        if isinstance(data, Mapping):
            self.fields["template"].required = not data.get("variants")
        return super().to_internal_value(data)


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    status = serializers.CharField(
        help_text="reading, failed, ready, scheduled, running, paused, completed or cancelled"
    )
    status_reason = serializers.CharField(source="batch.status_reason")
    template = serializers.CharField(source="batch.text")
    min_delay_ms = serializers.IntegerField(source="batch.min_delay_ms")
    max_delay_ms = serializers.IntegerField(source="batch.max_delay_ms")
    windows = serializers.JSONField(source="batch.windows")
    timezone = serializers.CharField(source="batch.timezone")
    recipient_time = serializers.BooleanField(source="batch.recipient_time")
    typing = serializers.BooleanField(source="batch.typing")
    purpose = serializers.CharField(source="batch.purpose", help_text="marketing or service")
    variants = VariantSerializer(source="batch.variants", many=True, read_only=True)
    goal = serializers.CharField(source="batch.experiment.goal", default=Goal.NONE.value)
    track_links = serializers.BooleanField(source="batch.track_links")
    senders = serializers.PrimaryKeyRelatedField[Sender](source="batch.senders", many=True, read_only=True)
    file_name = serializers.CharField(source="list_import.file_name", default=None)
    schedule = ScheduleSerializer(default=None, help_text="When it starts by itself; null where it does not.")
    started_at = serializers.DateTimeField(source="batch.started_at")
    finished_at = serializers.DateTimeField(source="batch.finished_at")
    url = serializers.SerializerMethodField(help_text="The page of the campaign.")
    topic = serializers.SerializerMethodField(help_text="What to watch live: /ws/<topic>.")

    class Meta:
        model = Campaign
        fields = (
            *(
                "id",
                "name",
                "status",
                "status_reason",
                "error",
                "url",
                "topic",
                "template",
                "file_name",
                "contact_list",
                "segment",
                "segment_summary",
            ),
            *("senders", "min_delay_ms", "max_delay_ms", "merged", "invalid_rows"),
            *("windows", "timezone", "recipient_time", "typing", "purpose", "variants", "goal", "track_links"),
            *("schedule", "created_at", "started_at", "finished_at"),
        )
        read_only_fields = fields

    def get_url(self, campaign: Campaign) -> str:
        page = reverse("campaigns:detail", args=[campaign.organization.slug, campaign.pk])
        return str(self.context["request"].build_absolute_uri(page))

    def get_topic(self, campaign: Campaign) -> str:
        return f"batch.{campaign.batch_id}"


def described(request: ApiRequest, campaign: Campaign) -> dict[str, Any]:
    return CampaignSerializer(campaign, context={"request": request}).data


class CampaignsView(ListAPIView[Campaign]):
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = CampaignSerializer
    parser_classes = (JSONParser, MultiPartParser, FormParser)
    request: ApiRequest

    def get_queryset(self) -> QuerySet[Campaign]:
        found = queries.campaigns_of(self.request.organization)
        return found.select_related("organization", "batch__experiment").prefetch_related(
            "batch__senders", "batch__variants"
        )

    @extend_schema(
        request={"application/json": NewCampaign, "multipart/form-data": NewCampaign},
        responses={202: CampaignSerializer},
    )
    def post(self, request: ApiRequest) -> Response:
        """Takes in a campaign and answers before its list is read: its status is `reading` until then."""
        given = NewCampaign(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        fields["variant_plan"] = take_plan(fields)
        file = fields.get("file")
        try:
            campaign = services.create_campaign(
                organization=request.organization,
                **{
                    **fields,
                    "file_name": file.name if file else "",
                    "contact_list": _one_of(request, ContactList, "contact_list", fields.get("contact_list")),
                    "segment": _one_of(request, Segment, "segment", fields.get("segment")),
                    "excluded_lists": _chosen(request, ContactList, "excluded_lists", fields.get("excluded_lists")),
                    "excluded_segments": _chosen(
                        request, Segment, "excluded_segments", fields.get("excluded_segments")
                    ),
                    "senders": _chosen(request, Sender, "senders", fields.get("senders")) or None,
                    "by": actor_of(request),
                },
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        tasks.prepare.delay_on_commit(campaign.pk)
        return Response(described(request, campaign), status=status.HTTP_202_ACCEPTED)


Row = TypeVar("Row", ContactList, Segment, Sender)


def _one_of(request: ApiRequest, model: type[Row], field: str, row_id: int | None) -> Row | None:
    return None if row_id is None else _chosen(request, model, field, [row_id])[0]


def _chosen(request: ApiRequest, model: type[Row], field: str, ids: list[int] | None) -> list[Row]:
    """The organization's rows with these ids. Raises `ValidationError` for the field, naming every unknown one."""
    found = {row.pk: row for row in model.objects.for_organization(request.organization).filter(pk__in=ids or [])}
    if unknown := [row_id for row_id in ids or [] if row_id not in found]:
        name = model._meta.verbose_name
        raise ValidationError({field: [f"There is no {name} {row_id}." for row_id in unknown]})
    return list(found.values())


class CampaignView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=CampaignSerializer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        return Response(described(request, find(request, campaign_id)))


class ChangeView(APIView):
    """Starting and stopping. 409 where the campaign's present state does not allow it."""

    capability = {"POST": MANAGE}
    change: Callable[..., None]

    @extend_schema(
        request=None,
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="Not now; the detail says why.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = find(request, campaign_id)
        try:
            type(self).change(campaign=campaign, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        plan.delay_on_commit()
        return Response(described(request, find(request, campaign_id)))


class StartView(ChangeView):
    change = staticmethod(services.start_campaign)


class PauseView(ChangeView):
    change = staticmethod(schedules.pause_campaign)


class ResumeView(ChangeView):
    change = staticmethod(schedules.resume_campaign)


class CancelView(ChangeView):
    change = staticmethod(services.cancel_campaign)


class DuplicateView(APIView):
    """The same once more, with an audience read anew. 409 where its people came from an uploaded sheet."""

    capability = {"POST": MANAGE}

    @extend_schema(
        request=None,
        responses={202: CampaignSerializer, 409: OpenApiResponse(description="The sheet is not kept.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        try:
            made = services.duplicate_campaign(campaign=find(request, campaign_id), by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.prepare.delay_on_commit(made.pk)
        return Response(described(request, find(request, made.pk)), status=status.HTTP_202_ACCEPTED)


class StatsSerializer(serializers.Serializer[Any]):
    """Each message counts under its present status only; `total` is the sum."""

    total = serializers.IntegerField()
    pending = serializers.IntegerField()
    queued = serializers.IntegerField()
    sending = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    opted_out = serializers.IntegerField(
        help_text="People who opted out after this message; they count above as well."
    )
    merged = serializers.IntegerField(help_text="Rows that gave way to another one with the same number.")
    invalid_rows = serializers.IntegerField(help_text="Rows without a usable number.")


class StatsView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=StatsSerializer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        return Response(StatsSerializer(queries.stats_of(find(request, campaign_id))).data)


class RecipientSerializer(serializers.ModelSerializer[Message]):
    status = serializers.CharField(source="get_status_display", read_only=True)

    class Meta:
        model = Message
        fields = (
            *("id", "phone_number", "status", "skip_reason", "error_code", "error", "text", "sender", "attempts"),
            *("variant", "due_at", "sent_at", "delivered_at", "read_at", "ended_at"),
        )


class RecipientsView(ListAPIView[Message]):
    """The people of a campaign with what became of their message."""

    capability = {"GET": VIEW}
    serializer_class = RecipientSerializer
    request: ApiRequest

    @property
    def ordering(self) -> str:
        ended = self.request.query_params.get("status") in {
            name for name, status in STATUSES.items() if status >= MessageStatus.FAILED
        }
        return "id" if ended else "phone_number"

    @extend_schema(parameters=[OpenApiParameter("status", enum=list(STATUSES))])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Message]:
        self.campaign = find(self.request, self.kwargs["campaign_id"])
        wanted = self.request.query_params.get("status")
        if wanted and wanted not in STATUSES:
            raise ValidationError({"status": [f"There is no status {wanted}. Statuses are {', '.join(STATUSES)}."]})
        return queries.recipients(self.campaign, STATUSES[wanted] if wanted else None)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        return queries.with_texts(self.campaign, list(page)) if page is not None else None


class PreviewedText(serializers.Serializer[Any]):
    phone_number = serializers.CharField()
    text = serializers.CharField()


class PreviewSerializer(serializers.Serializer[Any]):
    results = PreviewedText(many=True)


class PreviewView(APIView):
    """The texts that the first people get."""

    capability = {"GET": VIEW}

    @extend_schema(
        parameters=[OpenApiParameter("limit", int, description="At most 100; 10 where left out.")],
        responses=PreviewSerializer,
    )
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        limit = request.query_params.get("limit", "10")
        if not limit.isdecimal() or not int(limit):
            raise ValidationError({"limit": ["Write a number from 1 to 100."]})
        found = queries.previews(find(request, campaign_id), limit=int(limit))
        return Response(PreviewSerializer({"results": found}).data)
