"""How variants compare, by REST, and choosing the winner by hand."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from campaigns import services, variant_report
from campaigns.api import MANAGE, VIEW, find
from campaigns.variant_report import Row, VariantReport
from messaging.models import Goal
from messaging.proportions import Share
from messaging.services import NotAllowed
from messaging.tasks import go_on_with_tests
from messaging.variants.verdict import Verdict


class ShareSerializer(serializers.Serializer[Any]):
    """Fractions; the true one lies between `low` and `high` with 95 % confidence."""

    number = serializers.IntegerField()
    of = serializers.IntegerField()
    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class DifferenceSerializer(serializers.Serializer[Any]):
    """To the first variant: `p_value` and interval are corrected for the number of variants."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    p_value = serializers.FloatField()


class VariantFiguresSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    text = serializers.CharField()
    share = serializers.IntegerField(help_text="What was asked for, in percent.")
    is_winner = serializers.BooleanField()
    people = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    failed = serializers.IntegerField()
    replied = serializers.IntegerField()
    clicked = serializers.IntegerField()
    opted_out = serializers.IntegerField()
    reached = ShareSerializer(allow_null=True, help_text="Who reached the goal, of those it was sent to.")
    difference = DifferenceSerializer(allow_null=True, help_text="Null for the first one, and until `closed_at`.")


class LeftOutSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField()
    wrote = ShareSerializer(help_text="Who wrote to you within `days` of the start.")
    messaged_wrote = ShareSerializer(help_text="The same of those who got the message.")
    days = serializers.IntegerField()


class RestSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    replied = serializers.IntegerField()
    clicked = serializers.IntegerField()


class LinkFiguresSerializer(serializers.Serializer[Any]):
    url = serializers.CharField()
    people = serializers.IntegerField()
    clicks = serializers.IntegerField()
    bots = serializers.IntegerField(help_text="Times that bots followed it; counted nowhere else.")


class VariantReportSerializer(serializers.Serializer[Any]):
    goal = serializers.ChoiceField(Goal.choices)
    verdict = serializers.ChoiceField([each.value for each in Verdict])
    words = serializers.CharField()
    as_of = serializers.DateTimeField(allow_null=True)
    tested_at = serializers.DateTimeField(allow_null=True, help_text="When the last message of the test had left.")
    measured_until = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True, help_text="When it was judged.")
    variants = VariantFiguresSerializer(many=True)
    holdout = LeftOutSerializer(allow_null=True)
    rest = RestSerializer(allow_null=True, help_text="Who got the winner, or waits for it.")
    winner = serializers.IntegerField(allow_null=True)
    decided_as = serializers.CharField(help_text="proven, ahead, tie, no_data or by_hand")
    decided_at = serializers.DateTimeField(allow_null=True)
    links = LinkFiguresSerializer(many=True)


def described(report: VariantReport | None) -> dict[str, Any]:
    if report is None:
        empty: dict[str, Any] = dict.fromkeys(VariantReportSerializer().fields)
        return {**empty, "goal": Goal.NONE, "verdict": Verdict.NO_GOAL, "words": "", "decided_as": "", **_NO_ROWS}
    experiment, left_out = report.experiment, report.left_out
    return {
        "goal": experiment.goal,
        "verdict": report.verdict,
        "words": report.words,
        "as_of": report.as_of,
        "tested_at": experiment.tested_at,
        "measured_until": report.measured_until,
        "closed_at": experiment.closed_at,
        "variants": [_row(row) for row in report.rows],
        "holdout": left_out
        and {
            "people": left_out.people,
            "wrote": _share(left_out.wrote),
            "messaged_wrote": _share(left_out.messaged_wrote),
            "days": left_out.days,
        },
        "rest": report.rest,
        "winner": experiment.winner_id,
        "decided_as": experiment.decided_as,
        "decided_at": experiment.decided_at,
        "links": report.links,
    }


_NO_ROWS: dict[str, list[Any]] = {"variants": [], "links": []}


def _row(row: Row) -> dict[str, Any]:
    variant = row.variant
    told = {"id": variant.pk, "name": variant.name, "text": variant.text, "share": variant.share}
    reached = _share(row.reached) if row.reached is not None else None
    return {**told, **row.numbers, "is_winner": row.is_winner, "reached": reached, "difference": row.difference}


def _share(share: Share) -> dict[str, Any]:
    return {"number": share.hits, "of": share.of, "share": share.value, "low": share.low, "high": share.high}


class VariantsView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=VariantReportSerializer)
    def get(self, request: ApiRequest, campaign_id: int) -> Response:
        """How the variants compare. Without variants: no goal, and empty lists."""
        report = variant_report.report_of(find(request, campaign_id))
        return Response(VariantReportSerializer(described(report)).data)


class ChosenSerializer(serializers.Serializer[Any]):
    variant = serializers.IntegerField(help_text="The id of a variant of this campaign.")


class WinnerView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(
        request=ChosenSerializer,
        responses={200: VariantReportSerializer, 409: OpenApiResponse(description="Nobody waits for a winner.")},
    )
    def post(self, request: ApiRequest, campaign_id: int) -> Response:
        """Gives a variant to everybody who waits."""
        campaign = find(request, campaign_id)
        given = ChosenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        variant = campaign.batch.variants.filter(pk=given.validated_data["variant"]).first()
        if variant is None:
            raise ValidationError({"variant": ["There is no such variant in this campaign."]})
        try:
            services.choose_variant(campaign=campaign, variant=variant, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        go_on_with_tests.delay_on_commit()
        report = variant_report.report_of(find(request, campaign_id))
        return Response(VariantReportSerializer(described(report)).data)
