"""The report of a campaign by REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import ApiRequest
from campaigns import api, report, report_shown


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
