"""When campaigns start by themselves, by REST."""

from itertools import islice

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from campaigns import drafts, schedules, tasks
from campaigns.api import CampaignSerializer, described, find
from campaigns.models import Schedule
from campaigns.schedule_serializers import ScheduleAnswer, ScheduleRequest
from messaging.services import NotAllowed

COMING_SHOWN = 10
PAST_SHOWN = 50


class ScheduleView(APIView):
    """When a campaign starts by itself."""

    capability = {"GET": "campaigns.view", "POST": "campaigns.manage", "DELETE": "campaigns.manage"}

    @extend_schema(responses=ScheduleAnswer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        """The schedule, if there is one, with times to come and what became of those that have passed."""
        schedule: Schedule | None = getattr(find(request, campaign_id), "schedule", None)
        if schedule is None:
            return Response({"schedule": None, "coming": [], "past": []})
        coming = islice(schedules.coming(schedule), COMING_SHOWN)
        answer = {
            "schedule": schedule,
            "coming": [moment.astimezone(schedule.zone).isoformat() for moment in coming],
            "past": schedules.past(schedule, PAST_SHOWN),
        }
        return Response(ScheduleAnswer(answer).data)

    @extend_schema(
        request=ScheduleRequest,
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="It has begun or ended.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        """Gives the campaign a time, in place of an earlier one; a draft is finished. Its status is `scheduled` then."""
        campaign = find(request, campaign_id)
        given = ScheduleRequest(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            drafts.schedule_campaign(campaign=campaign, by=actor_of(request), **given.asked())
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.prepare.delay_on_commit(campaign.pk)
        return Response(described(request, find(request, campaign_id)))

    @extend_schema(
        responses={200: CampaignSerializer, 409: OpenApiResponse(description="It has no time to start by itself.")}
    )
    def delete(self, request: ApiRequest, campaign_id: int) -> Response:
        """Takes the time back; a repetition makes no further campaigns."""
        campaign = find(request, campaign_id)
        try:
            schedules.unschedule_campaign(campaign=campaign, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.prepare.delay_on_commit(campaign.pk)
        return Response(described(request, find(request, campaign_id)))
