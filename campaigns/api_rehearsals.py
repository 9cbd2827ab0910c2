"""Rehearsals of campaigns by REST."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from campaigns import api, rehearsals, report_shown, tasks
from campaigns.api_report import Details, FunnelStep
from campaigns.models import Campaign, Rehearsal
from messaging.services import NotAllowed


class RehearsalResult(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField(help_text="When the first message would leave.")
    ends_at = serializers.DateTimeField(help_text="When the last one would be sent.")
    forecast_ends_at = serializers.DateTimeField(allow_null=True, help_text="What the forecast said at the start.")
    took_seconds = serializers.FloatField(help_text="Of real time.")
    times_real_speed = serializers.IntegerField(allow_null=True)
    taken_as_connected = serializers.ListField(
        child=serializers.CharField(), help_text="Senders that are not connected now; the rehearsal took them for it."
    )
    stats = serializers.DictField(child=serializers.IntegerField(), help_text="Messages by status at the end.")
    people = serializers.IntegerField()
    funnel = FunnelStep(many=True)
    details = Details()


class RehearsalSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Rehearsal.Status.choices)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    moment = serializers.DateTimeField(allow_null=True, help_text="The simulated time that it has come to.")
    done = serializers.IntegerField(help_text="People whose message has left, failed or was skipped.")
    people = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    result = RehearsalResult(allow_null=True, help_text="Null unless it is done.")


_SAID = ("id", "status", "created_at", "finished_at", "moment", "done", "people", "error")


def _as_json(campaign: Campaign, rehearsal: Rehearsal) -> dict[str, Any]:
    said = {name: getattr(rehearsal, name) for name in _SAID}
    if rehearsal.status != Rehearsal.Status.DONE:
        return {**said, "result": None}
    report = rehearsals.report_of(rehearsal)
    details = report_shown.details(campaign, report)
    return {**said, "result": {**rehearsal.result, "funnel": report.funnel, "details": details}}


class RehearseView(APIView):
    """Plays a campaign that is ready or scheduled against the simulated network, by the product's own rules and much
    faster than real time. Nothing is sent, and nothing else changes."""

    capability = {"POST": api.MANAGE}

    @extend_schema(
        request=None,
        responses={202: RehearsalSerializer, 409: OpenApiResponse(description="Not ready, or under way already.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = api.find(request, campaign_id)
        try:
            rehearsal = rehearsals.ask(campaign=campaign, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.perform_rehearsals_on_commit()
        return Response(RehearsalSerializer(_as_json(campaign, rehearsal)).data, status=status.HTTP_202_ACCEPTED)


class RehearsalView(APIView):
    """The latest rehearsal of a campaign; DELETE cancels it while it is under way."""

    capability = {"GET": api.VIEW, "DELETE": api.MANAGE}

    @extend_schema(responses={200: RehearsalSerializer, 404: OpenApiResponse(description="It was never rehearsed.")})
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = api.find(request, campaign_id)
        return Response(RehearsalSerializer(_as_json(campaign, _latest(campaign))).data)

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="It is over.")})
    def delete(self, request: ApiRequest, campaign_id: int) -> Response:
        try:
            rehearsals.cancel(rehearsal=_latest(api.find(request, campaign_id)))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


def _latest(campaign: Campaign) -> Rehearsal:
    latest = campaign.rehearsals.first()
    if latest is None:
        raise NotFound("This campaign was never rehearsed.")
    return latest
