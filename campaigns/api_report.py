"""The report of a campaign by REST."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from campaigns import api, follow_ups, people, people_export, report, report_shown, tasks
from contacts import streamed_files
from messaging.services import NotAllowed, retry_dead_letters
from messaging.tasks import plan


class FunnelStep(serializers.Serializer[Any]):
    code = serializers.CharField(
        help_text="sent, delivered, read, replied, clicked (where links are tracked), opted_out or failed."
    )
    people = serializers.IntegerField()
    of = serializers.CharField(help_text="What `share` is of: `people` (all recipients) or `sent`.")
    share = serializers.FloatField(allow_null=True, help_text="Percent; null where nobody came that far.")


class Reached(serializers.Serializer[Any]):
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    replied = serializers.IntegerField()


class TimelinePoint(Reached):
    """How many people reached each step in the `step_seconds` from this moment on."""

    at = serializers.DateTimeField()


class SenderFigures(Reached):
    sender = serializers.IntegerField(allow_null=True, help_text="Null where it was deleted, or never chosen.")
    name = serializers.CharField()
    failed = serializers.IntegerField()


class HourFigures(Reached):
    hour = serializers.IntegerField(help_text="In which the message was sent, on the clock of `timezone`.")


class Problem(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="failed, unknown or skipped.")
    code = serializers.CharField(allow_blank=True, help_text="The error code, or the reason for skipping.")
    people = serializers.IntegerField()
    can_be_retried = serializers.IntegerField(help_text="How many of them POST …/retry would try again.")
    text = serializers.CharField(help_text="What happened, in plain words.")
    advice = serializers.CharField(help_text="What to do about it.")


class Details(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField()
    is_current = serializers.BooleanField(help_text="Whether nothing has changed since.")
    timezone = serializers.CharField()
    step_seconds = serializers.IntegerField(help_text="The length of a point of the timeline.")
    timeline = TimelinePoint(many=True, help_text="Points in which nothing happened are left out.")
    by_sender = SenderFigures(many=True)
    by_hour = HourFigures(many=True)
    problems = Problem(many=True, help_text="Why people got nothing, the most frequent first.")


class ReportSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField(help_text="Of `people` and `funnel`: the moment of the answer.")
    status = serializers.CharField()
    people = serializers.IntegerField(help_text="All recipients.")
    reply_days = serializers.IntegerField(help_text="For how many days an answer counts as a reply.")
    funnel = FunnelStep(many=True)
    details = Details(
        allow_null=True,
        help_text="Counted from the rows. Null until those of a large campaign were counted for the first time, which "
        "takes seconds: ask again.",
    )


class ReportView(APIView):
    """What became of a campaign: how many people got, opened and answered it, when, through which sender, and why
    others got nothing."""

    capability = {"GET": api.VIEW}

    @extend_schema(responses=ReportSerializer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = api.find(request, campaign_id)
        return Response(ReportSerializer(report_shown.as_json(campaign, report.report_of(campaign))).data)


class ExportView(APIView):
    """The people of a campaign as a file, with the filters of `recipients`: csv, or xlsx with `type=xlsx`."""

    capability = {"GET": api.VIEW}

    @extend_schema(
        parameters=[
            OpenApiParameter("type", enum=[streamed_files.CSV, streamed_files.XLSX]),
            OpenApiParameter("status", enum=list(people.STATUSES)),
            OpenApiParameter("reason"),
            OpenApiParameter("did", enum=list(people.DID)),
            OpenApiParameter("variant", int),
            OpenApiParameter("number"),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            409: OpenApiResponse(description="More rows than a workbook can hold."),
        },
    )
    def get(self, request: ApiRequest, campaign_id: int) -> HttpResponseBase:
        campaign = api.find(request, campaign_id)
        wanted = api.people_filter(request)
        file_type = streamed_files.XLSX if request.query_params.get("type") == "xlsx" else streamed_files.CSV
        try:
            return people_export.respond(campaign=campaign, wanted=wanted, file_type=file_type, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error


class RetriedSerializer(serializers.Serializer[Any]):
    retried = serializers.IntegerField(help_text="Messages that are tried again.")


class RetryView(APIView):
    """Tries again what ran out of tries, through the same sender and under the same id; each message once. What WhatsApp
    refused for good is not tried again: make a follow-up to those who failed."""

    capability = {"POST": api.MANAGE}

    @extend_schema(request=None, responses=RetriedSerializer)
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = api.find(request, campaign_id)
        number = retry_dead_letters(organization=request.organization, batch=campaign.batch)
        plan.delay_on_commit()
        return Response({"retried": number})


class FollowUpSerializer(serializers.Serializer[Any]):
    who = serializers.ChoiceField(choices=list(follow_ups.WHO))


class FollowUpView(APIView):
    """A draft with the same text, senders and pace to those whom the campaign did not move, with the values that they had.
    Change it by PATCH, then `finish` or `start` it."""

    capability = {"POST": api.MANAGE}

    @extend_schema(
        request=FollowUpSerializer,
        responses={201: api.CampaignSerializer, 409: OpenApiResponse(description="There is nobody.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = api.find(request, campaign_id)
        given = FollowUpSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made = follow_ups.follow_up(campaign=campaign, who=given.validated_data["who"], by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.prepare.delay_on_commit(made.pk)
        return Response(api.described(request, api.find(request, made.pk)), status=status.HTTP_201_CREATED)
