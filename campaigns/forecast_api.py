"""The forecast of a campaign by REST, also of what would be."""

import json
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.requests import ApiRequest
from campaigns import api, forecast
from campaigns.forecast import WhatIf
from campaigns.models import Campaign
from senders.models import Sender


class LimitSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(
        help_text="delay, quota_minute, quota_hour, quota_day, warm_up, window, other_batches, senders_away, resting, "
        "health, hold, machine, failures; and where it cannot end: no_sender, nobody, paused, reading, repeats, failed, "
        "cancelled, quota_zero, too_long."
    )
    text = serializers.CharField(help_text="The same in plain words.")
    share = serializers.FloatField(
        allow_null=True, help_text="Which part of its senders' time it takes, 0 to 1; null where nothing can be sent."
    )


class MomentWithOffset(serializers.DateTimeField):
    """Keeps the offset that the moment has."""

    def enforce_timezone(self, value: datetime) -> datetime:
        return value


class ForecastSerializer(serializers.Serializer[Any]):
    """Moments have the offset of the campaign's time zone."""

    starts_at = MomentWithOffset(allow_null=True, help_text="When the first message leaves, or left.")
    ends_at = MomentWithOffset(
        allow_null=True, help_text="When the last message will have been sent; null where nobody can know."
    )
    earliest = MomentWithOffset(
        allow_null=True,
        help_text="It ends between `earliest` and `latest` nine times out of ten, as long as the same senders stay "
        "connected and the same batches run.",
    )
    latest = MomentWithOffset(allow_null=True)
    limits = LimitSerializer(many=True, help_text="What holds it back, the most binding first.")
    as_of = MomentWithOffset()
    timezone = serializers.CharField()
    messages = serializers.IntegerField(help_text="Still to send.")
    skips = serializers.IntegerField(help_text="How many of them will probably be skipped.")


class WhatIfSerializer(serializers.Serializer[Any]):
    """What to suppose instead of what is; what is left out stays as it is."""

    senders = serializers.CharField(required=False, help_text="Ids, as in `1,2`: these instead of the present ones.")
    add_senders = serializers.CharField(required=False, help_text="Ids: these as well.")
    remove_senders = serializers.CharField(required=False, help_text="Ids: without these.")
    min_delay_ms = serializers.IntegerField(required=False, help_text="Between messages of a sender.")
    max_delay_ms = serializers.IntegerField(required=False)
    windows = serializers.CharField(
        required=False, help_text="Sending hours as JSON, as in a new campaign. `[]`: at any time."
    )
    timezone = serializers.CharField(required=False, help_text="Of these sending hours.")
    starts_at = serializers.DateTimeField(required=False, help_text="Not before this moment.")

    def validate_windows(self, value: str) -> Any:
        try:
            return json.loads(value)
        except ValueError:
            raise ValidationError("Write the sending hours as JSON.") from None

    def validate_senders(self, value: str) -> list[int]:
        return _ids(value)

    validate_add_senders = validate_remove_senders = validate_senders


def _ids(value: str) -> list[int]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(part.isdecimal() and len(part) < 18 for part in parts):
        raise ValidationError("Write ids with commas between them, as in 1,2.")
    return [int(part) for part in parts]


class ForecastView(APIView):
    """When a campaign will have been sent, and what holds it back. A paused one is forecast only for a what-if, as if
    it were resumed now."""

    capability = {"GET": api.VIEW}

    @extend_schema(parameters=[WhatIfSerializer], responses=ForecastSerializer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        campaign = api.find(request, campaign_id)
        given = WhatIfSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        terms = None
        if given.validated_data:
            try:
                terms = forecast.check(_what_if(request, campaign, given.validated_data), campaign)
            except DjangoValidationError as error:
                raise ValidationError(as_serializer_error(error)) from error
        found = forecast.forecast(campaign, terms)
        return Response(ForecastSerializer(found).data)


def _what_if(request: ApiRequest, campaign: Campaign, given: dict[str, Any]) -> WhatIf:
    chosen = None
    if given.keys() & {"senders", "add_senders", "remove_senders"}:
        ids = given.get("senders")
        pool = set(campaign.batch.senders.values_list("pk", flat=True) if ids is None else ids)
        pool = (pool | set(given.get("add_senders", ()))) - set(given.get("remove_senders", ()))
        chosen = tuple(Sender.objects.for_organization(request.organization).filter(pk__in=pool))
        if unknown := pool - {sender.pk for sender in chosen}:
            raise ValidationError({"senders": [f"There is no sender {each}." for each in sorted(unknown)]})
    same = ("min_delay_ms", "max_delay_ms", "windows", "timezone", "starts_at")
    return WhatIf(senders=chosen, **{name: given.get(name) for name in same})
