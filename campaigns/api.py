"""Campaigns by REST."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from campaigns import (
    approval,
    audience_count,
    copies,
    drafts,
    edits,
    people,
    queries,
    removal,
    schedules,
    services,
    tasks,
)
from campaigns.api_content import CONTENT_FIELDS, BatchContentSerializer, ContentFields, taken_content
from campaigns.models import Campaign, CampaignChange, CampaignStatus
from campaigns.schedule_serializers import ScheduleSerializer
from campaigns.variant_serializers import PLAN_FIELDS, VariantPlanFields, VariantSerializer, take_plan
from contacts.models import ContactList, Segment
from contacts.segments.services import TooSlow
from contacts.segments.trees import InvalidFilter
from messaging.models import Goal, Message, Purpose
from messaging.services import NotAllowed
from messaging.tasks import plan
from messaging.variants.plans import VariantPlan
from senders.models import Sender

VIEW, MANAGE, APPROVE = "campaigns.view", "campaigns.manage", "campaigns.approve"
LONGEST_REMARK = 2000
STATUSES = people.STATUSES


def find(request: ApiRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)


class NewCampaign(ContentFields, VariantPlanFields):
    """The people come from `file`, from `contact_list`, from `segment`, or from several of them: where a person is in
    contacts and in the file, the file's values win. Who is in a segment is decided when the audience is fixed."""

    name = serializers.CharField(max_length=120)
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
    accept_lint = serializers.BooleanField(
        default=False, help_text="Start it in spite of what blocks it (see `preview`), as long as it says the same."
    )
    draft = serializers.BooleanField(
        default=False,
        help_text="Keep it as a draft, which may lack anything, and change it by PATCH until `finish` or `start`.",
    )

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
        return super().to_internal_value(data)


class ChangedCampaign(NewCampaign):
    """Only what is given changes. A `file` takes the place of an earlier sheet."""

    start = None  # type: ignore[assignment]
    accept_lint = None  # type: ignore[assignment]
    draft = None  # type: ignore[assignment]
    without_file = serializers.BooleanField(default=False, help_text="Nobody of the uploaded sheet any more.")
    without_media = serializers.BooleanField(default=False, help_text="The message has no file any more.")
    version = serializers.IntegerField(
        required=False, help_text="That of the campaign when you read it: where somebody changed it since, 409."
    )


class CampaignSerializer(BatchContentSerializer, serializers.ModelSerializer[Campaign]):
    status = serializers.CharField(
        help_text="draft, reading, failed, ready, scheduled, running, paused, completed or cancelled"
    )
    approval = serializers.CharField(
        help_text="submitted, approved or returned; empty where nobody asked for it, or it was changed since."
    )
    status_reason = serializers.CharField(source="batch.status_reason")
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
                *CONTENT_FIELDS,
                "file_name",
                "contact_list",
                "segment",
                "segment_summary",
            ),
            *("senders", "min_delay_ms", "max_delay_ms", "merged", "invalid_rows"),
            *("windows", "timezone", "recipient_time", "typing", "purpose", "variants", "goal", "track_links"),
            *("excluded_lists", "excluded_segments", "version", "approval", "archived_at"),
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

    @extend_schema(
        parameters=[
            OpenApiParameter("status", enum=CampaignStatus.values),
            OpenApiParameter("archived", bool, description="Those in the archive instead of those that are not."),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Campaigns, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Campaign]:
        asked = self.request.query_params
        found = queries.in_list(
            queries.campaigns_of(self.request.organization), archived=asked.get("archived") == "true"
        )
        if wanted := asked.get("status"):
            if wanted not in CampaignStatus.values:
                known = ", ".join(CampaignStatus.values)
                raise ValidationError({"status": [f"There is no status {wanted}. Statuses are {known}."]})
            found = queries.with_status(found, wanted)
        found = found.select_related("batch__experiment")
        return found.prefetch_related("batch__senders", "batch__variants", "excluded_lists", "excluded_segments")

    @extend_schema(
        request={"application/json": NewCampaign, "multipart/form-data": NewCampaign},
        responses={201: CampaignSerializer, 202: CampaignSerializer},
    )
    def post(self, request: ApiRequest) -> Response:
        """Takes in a campaign and answers before its list is read: its status is `reading` until then. With `draft` it
        is `draft`, and 201."""
        is_draft = serializers.BooleanField(default=False).run_validation(_asks_for_draft(request.data))
        given = NewCampaign(data=request.data, partial=is_draft)
        given.is_valid(raise_exception=True)
        fields = values_of(request, given.validated_data)
        try:
            if is_draft:
                campaign = drafts.create_draft(
                    organization=request.organization, by=actor_of(request), **_of_draft(fields)
                )
            else:
                campaign = services.create_campaign(
                    organization=request.organization,
                    by=actor_of(request),
                    **{**fields, "senders": fields.get("senders") or None},
                )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        tasks.prepare.delay_on_commit(campaign.pk)
        answer = status.HTTP_201_CREATED if is_draft else status.HTTP_202_ACCEPTED
        return Response(described(request, find(request, campaign.pk)), status=answer)


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


def values_of(request: ApiRequest, fields: Mapping[str, Any], present: VariantPlan | None = None) -> dict[str, Any]:
    """What a service takes, from validated fields: rows in place of their ids, and what is said of variants put
    together with what there is at `present`."""
    values = {name: value for name, value in fields.items() if name != "draft"}
    values |= taken_content(request, values)
    if values.keys() & set(PLAN_FIELDS):
        values["variant_plan"] = take_plan(values, present)
    if file := values.get("file"):
        values["file_name"] = str(file.name)
    one: dict[str, type[Any]] = {"contact_list": ContactList, "segment": Segment}
    many: dict[str, type[Any]] = {
        "excluded_lists": ContactList,
        "excluded_segments": Segment,
        "senders": Sender,
    }
    for name, model in one.items():
        if name in values:
            values[name] = _one_of(request, model, name, values[name])
    for name, model in many.items():
        if name in values:
            values[name] = _chosen(request, model, name, values[name])
    return values


def _asks_for_draft(data: Any) -> Any:
    return data.get("draft", False) if isinstance(data, Mapping) else False


def _of_draft(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("start", "accept_lint")}


class CampaignView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}
    parser_classes = (JSONParser, MultiPartParser, FormParser)

    @extend_schema(responses=CampaignSerializer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        return Response(described(request, find(request, campaign_id)))

    @extend_schema(
        request={"application/json": ChangedCampaign, "multipart/form-data": ChangedCampaign},
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="Not now; the detail says why.")},
    )
    def patch(self, request: ApiRequest, campaign_id: int) -> Response:
        """Changes what is given. Before the start anything may change, and the audience is fixed anew where that
        decides who gets the message (`reading`, then `ready` again). Of a running or paused campaign the name, the text,
        the senders, the pace and the hours may: that holds for what is not yet queued."""
        campaign = find(request, campaign_id)
        given = ChangedCampaign(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        with _answering():
            edits.change_campaign(campaign=campaign, by=actor_of(request), **values_of(request, given.validated_data))
        tasks.prepare.delay_on_commit(campaign.pk)
        return Response(described(request, find(request, campaign_id)))

    @extend_schema(
        responses={204: None, 409: OpenApiResponse(description="Messages of it were sent: archive it instead.")}
    )
    def delete(self, request: ApiRequest, campaign_id: int) -> Response:
        """Deletes a campaign of which nothing was ever sent."""
        with _answering():
            removal.delete_campaign(campaign=find(request, campaign_id), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


@contextmanager
def _answering() -> Iterator[None]:
    """What a service refuses becomes 400 with the fields' names, or 409."""
    try:
        yield
    except DjangoValidationError as error:
        raise ValidationError(as_serializer_error(error)) from error
    except NotAllowed as error:
        raise Conflict(str(error)) from error


class ChangeView(APIView):
    """Starting and stopping. 409 where the campaign's present state does not allow it."""

    capability = {"POST": MANAGE}
    change: Callable[..., None]
    prepares = False  # whether people have to be read afterwards

    def asked(self, request: ApiRequest) -> dict[str, Any]:
        """What else the change is told."""
        return {}

    @extend_schema(
        request=None,
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="Not now; the detail says why.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = find(request, campaign_id)
        with _answering():
            type(self).change(campaign=campaign, by=actor_of(request), **self.asked(request))
        if self.prepares:
            tasks.prepare.delay_on_commit(campaign.pk)
        plan.delay_on_commit()
        return Response(described(request, find(request, campaign_id)))


class AcceptLint(serializers.Serializer[Any]):
    accept_lint = serializers.BooleanField(
        default=False, help_text="Start in spite of what blocks it: see `preview`. It holds for what it says now."
    )


class StartView(ChangeView):
    """A draft is finished first, and starts as soon as its people are fixed; 400 where it is not complete."""

    change = staticmethod(drafts.start_campaign)
    prepares = True

    @extend_schema(
        request=AcceptLint,
        responses={
            200: CampaignSerializer,
            409: OpenApiResponse(description="Not now, or its texts would embarrass; the detail says why."),
        },
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        return super().post(request, campaign_id)

    def asked(self, request: ApiRequest) -> dict[str, Any]:
        given = AcceptLint(data=request.data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class FinishView(ChangeView):
    """A draft becomes a campaign: its people are read and fixed (`reading`, then `ready`). 400 where it is not
    complete."""

    change = staticmethod(drafts.finish_draft)
    prepares = True


class ReopenView(ChangeView):
    """A campaign whose list could not be used (`failed`) becomes a draft again."""

    change = staticmethod(drafts.reopen_campaign)


class SubmitView(ChangeView):
    """Asks owners and admins for approval; a draft is finished first. 409 where the organization demands none."""

    change = staticmethod(approval.submit_campaign)
    prepares = True


class ApproveRequest(serializers.Serializer[Any]):
    version = serializers.IntegerField(
        required=False, help_text="That of the campaign when you read it: where somebody changed it since, 409."
    )
    remark = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_REMARK)


class ApproveView(APIView):
    """Lets a campaign be started as it is now. Any change afterwards needs a new approval."""

    capability = {"POST": APPROVE}

    @extend_schema(
        request=ApproveRequest,
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="Not now; the detail says why.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = find(request, campaign_id)
        asked = ApproveRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        with _answering():
            approval.approve_campaign(campaign=campaign, by=actor_of(request), **asked.validated_data)
        return Response(described(request, find(request, campaign_id)))


class ReturnRequest(serializers.Serializer[Any]):
    remark = serializers.CharField(max_length=LONGEST_REMARK, help_text="What has to be changed.")


class ReturnView(APIView):
    """Sends a submitted campaign back to whoever submitted it."""

    capability = {"POST": APPROVE}

    @extend_schema(
        request=ReturnRequest,
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="Not now; the detail says why.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = find(request, campaign_id)
        asked = ReturnRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        with _answering():
            approval.return_campaign(campaign=campaign, by=actor_of(request), **asked.validated_data)
        return Response(described(request, find(request, campaign_id)))


class ArchiveView(ChangeView):
    """Takes an ended campaign out of the list; its figures stay."""

    change = staticmethod(removal.archive_campaign)


class UnarchiveView(ChangeView):
    """Takes a campaign out of the archive."""

    change = staticmethod(removal.unarchive_campaign)


class PauseView(ChangeView):
    change = staticmethod(schedules.pause_campaign)


class ResumeView(ChangeView):
    change = staticmethod(schedules.resume_campaign)


class CancelView(ChangeView):
    change = staticmethod(services.cancel_campaign)


class DuplicateRequest(serializers.Serializer[Any]):
    draft = serializers.BooleanField(default=False, help_text="Leave the copy as a draft.")


class DuplicateView(APIView):
    """The same once more: a list or segment is read anew, the people of an uploaded sheet are copied."""

    capability = {"POST": MANAGE}

    @extend_schema(
        request=DuplicateRequest,
        responses={202: CampaignSerializer, 409: OpenApiResponse(description="Its sheet is no longer there.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        asked = DuplicateRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        with _answering():
            made = copies.duplicate_campaign(
                campaign=find(request, campaign_id), draft=asked.validated_data["draft"], by=actor_of(request)
            )
        tasks.prepare.delay_on_commit(made.pk)
        return Response(described(request, find(request, made.pk)), status=status.HTTP_202_ACCEPTED)


class AudienceSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField(source="at")
    people = serializers.IntegerField(help_text="All whom the campaign names, each once.")
    will_get = serializers.IntegerField()
    skips = serializers.DictField(child=serializers.IntegerField(), help_text="By reason; excluded: left out.")
    merged = serializers.IntegerField(help_text="Rows that gave way to another one with the same number.")
    invalid_rows = serializers.IntegerField(help_text="Rows without a usable number.")
    reading = serializers.BooleanField(source="is_reading", help_text="Its sheet is being read: not counted yet.")


class AudienceView(APIView):
    """Who would get it if its people were fixed now; once it has begun, `stats` says who did. Nothing is changed."""

    capability = {"GET": VIEW}

    @extend_schema(
        responses={
            200: AudienceSerializer,
            409: OpenApiResponse(description="It cannot be counted; the detail says why."),
        }
    )
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        try:
            found = audience_count.count(find(request, campaign_id))
        except InvalidFilter as error:
            raise Conflict(" ".join(error.messages)) from error
        except TooSlow as error:
            raise Conflict(str(error)) from error
        return Response(AudienceSerializer(found).data)


class ChangeSerializer(serializers.ModelSerializer[CampaignChange]):
    """`changes` is `{field: {"from", "to"}}`."""

    by = serializers.SerializerMethodField(help_text="The person, or the name of the API key; null: by itself.")

    class Meta:
        model = CampaignChange
        fields = ("id", "at", "by", "what", "status", "changes", "remark")

    def get_by(self, change: CampaignChange) -> str | None:
        actor = change.user or change.api_key
        return None if actor is None else str(actor)


class ChangesView(ListAPIView[CampaignChange]):
    """What people did with a campaign, newest first: who, when, what, and what it was before."""

    capability = {"GET": VIEW}
    serializer_class = ChangeSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[CampaignChange]:
        campaign = find(self.request, self.kwargs["campaign_id"])
        return CampaignChange.objects.filter(campaign=campaign).select_related("user", "api_key")


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


def people_filter(request: ApiRequest) -> people.PeopleFilter:
    """What the parameters ask for. Raises `ValidationError` by parameter."""
    try:
        return people.PeopleFilter.from_query(request.query_params)
    except DjangoValidationError as error:
        raise ValidationError(as_serializer_error(error)) from error


class RecipientsView(ListAPIView[Message]):
    """The people of a campaign with what became of their message. Who was erased has no number and is left out, except
    among those who failed, were skipped or cancelled."""

    capability = {"GET": VIEW}
    serializer_class = RecipientSerializer
    request: ApiRequest
    wanted = people.PeopleFilter()

    @property
    def ordering(self) -> str:
        return "id" if people.is_by_id(self.wanted) else "phone_number"

    @extend_schema(
        parameters=[
            OpenApiParameter("status", enum=list(STATUSES)),
            OpenApiParameter("reason", description="An error code or, with status=skipped, the reason."),
            OpenApiParameter("did", enum=list(people.DID), description="What the people did, or did not."),
            OpenApiParameter("variant", int),
            OpenApiParameter("number", description="How the phone number begins."),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Message]:
        self.campaign = find(self.request, self.kwargs["campaign_id"])
        self.wanted = people_filter(self.request)
        return people.found(self.campaign, self.wanted)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        return queries.with_texts(self.campaign, list(page)) if page is not None else None
