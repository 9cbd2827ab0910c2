"""Bulk sends by REST: many messages by one request."""

import time
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.permissions import capabilities_of
from accounts.requests import ApiRequest
from broadcasts import approval, services
from broadcasts.api_content import ContentFields, taken_content
from messaging import batch_api
from messaging.api import TooLarge
from messaging.batch_api import BatchSerializer, ResultSerializer
from messaging.log_api import number_of
from messaging.models import Batch
from messaging.sends import InvalidPlan, SendPlan
from messaging.services import NotAllowed
from messaging.tasks import plan
from messaging.template_text import LONGEST
from senders.models import Sender

LONGEST_WAIT = 60  # seconds
LOOK_EVERY = 0.25
MOST_RESULTS_AT_ONCE = 10_000
ALL = "all"
Asked = list[tuple[str, str]]


class BulkSendRequest(ContentFields):
    """Either `messages`, each with its own text, or `to` with what all of them get."""

    messages = serializers.JSONField(
        required=False, help_text='[{"to": "+62812…", "text": "…"}]. Texts go out as they are written.'
    )
    to = serializers.JSONField(required=False, help_text="Numbers as people write them, with one `text` for all.")
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    senders = serializers.JSONField(
        required=False, help_text='Ids, which share the people; "all": every connected sender. All where left out.'
    )
    repeat = serializers.BooleanField(
        default=False, help_text="Everybody gets it from every sender. The answer then lists all batches."
    )
    min_delay_ms = serializers.IntegerField(default=0, help_text="Between two messages of a sender. 0: no pace.")
    max_delay_ms = serializers.IntegerField(required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(given)
        if ("messages" in given) == ("to" in given):
            raise ValidationError({"to": ["Give either messages, or to with a text."]})
        given["asked"] = _of_messages(given["messages"]) if "messages" in given else _of_numbers(given["to"])
        if "messages" in given and (said := [name for name in ("text", "template_id", "media") if given.get(name)]):
            raise ValidationError({said[0]: ["Messages bring their own texts. Leave this out, or use to."]})
        return given


def _of_messages(messages: Any) -> Asked:
    """Checked by hand: for 50,000 messages a serializer for each takes seconds."""
    if not isinstance(messages, list) or not messages:
        raise ValidationError({"messages": ["Write a list of messages."]})
    asked = []
    for place, message in enumerate(messages):
        to, text = (message.get("to"), message.get("text")) if isinstance(message, dict) else (None, None)
        if not isinstance(to, str | int) or not isinstance(text, str) or not text.strip():
            raise ValidationError({"messages": [f"Message {place} needs to (a number) and text."]})
        if len(text) > LONGEST:
            raise ValidationError({"messages": [f"The text of message {place} is longer than {LONGEST} characters."]})
        asked.append((str(to), text.replace("\x00", "")))
    return asked


def _of_numbers(numbers: Any) -> Asked:
    if not isinstance(numbers, list) or not numbers:
        raise ValidationError({"to": ["Write a list of numbers."]})
    wrong = next((place for place, number in enumerate(numbers) if not isinstance(number, str | int)), None)
    if wrong is not None:
        raise ValidationError({"to": [f"Entry {wrong} is no number."]})
    return [(str(number), "") for number in numbers]


def _senders(request: ApiRequest, given: dict[str, Any]) -> list[Sender]:
    asked = given.get("senders")
    if asked is None or asked == ALL:
        return services.senders_of(request.organization, connected=asked == ALL or given["repeat"])
    if not isinstance(asked, list) or not all(isinstance(each, int) for each in asked):
        raise ValidationError({"senders": ['Write a list of ids, or "all".']})
    found = list(Sender.objects.for_organization(request.organization).filter(pk__in=asked).order_by("pk"))
    if unknown := set(asked) - {sender.pk for sender in found}:
        raise ValidationError({"senders": [f"There is no sender {sender_id}." for sender_id in sorted(unknown)]})
    return found


class BulkSendAnswer(BatchSerializer):
    batches = serializers.ListField(child=serializers.IntegerField(), help_text="All of them, where it is repeated.")
    warnings = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField(help_text="GET /api/batches/{id}: progress and results.")
    results = ResultSerializer(many=True, required=False, help_text="Only with wait, once all is done.")

    class Meta(BatchSerializer.Meta):
        fields = (*BatchSerializer.Meta.fields, "batches", "warnings", "url", "results")
        read_only_fields = fields


class BulkView(APIView):
    capability = {"POST": "messages.manage"}
    parser_classes = (JSONParser, MultiPartParser, FormParser)

    @extend_schema(
        request={"application/json": BulkSendRequest, "multipart/form-data": BulkSendRequest},
        responses={200: BulkSendAnswer, 202: BulkSendAnswer},
        parameters=[
            OpenApiParameter("wait", int, description=f"Seconds to wait for the end, at most {LONGEST_WAIT}.")
        ],
    )
    def post(self, request: ApiRequest) -> Response:
        """Accepts messages to many people and answers with their batch before they are sent. With `wait` it answers
        when all of them are through: 200 with the results, or 202 if time is over before."""
        try:
            data = request.data
        except RequestDataTooBig as error:
            raise TooLarge from error
        checked = BulkSendRequest(data=data)
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        wait = number_of(request, "wait", None, LONGEST_WAIT)
        shortest = given["min_delay_ms"]
        try:
            approval.require(request.organization, capabilities_of(request.auth))
            _made, batches = services.send_bulk(
                organization=request.organization,
                people=services.recipients(request.organization, given["asked"]),
                plan=SendPlan(
                    **taken_content(request, given),
                    senders=_senders(request, given),
                    min_delay_ms=shortest,
                    max_delay_ms=given.get("max_delay_ms", shortest),
                ),
                name=given["name"],
                repeat=given["repeat"],
                idempotency_key=given.get("idempotency_key"),
                by=actor_of(request),
            )
        except InvalidPlan as error:
            raise ValidationError(error.errors) from error
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        plan.delay_on_commit()
        is_done = wait is not None and _wait(batches, wait)
        batch = Batch.objects.get(pk=batches[0].pk)
        answer = {
            **batch_api.described(batch),
            "batches": [each.pk for each in batches],
            "warnings": _warnings(batch),
            "url": reverse("api:batch", args=[batch.pk], request=request),
        }
        if is_done:
            answer["results"] = [
                result for each in batches for result in batch_api.results(each, MOST_RESULTS_AT_ONCE)
            ]
        return Response(answer, status=status.HTTP_200_OK if is_done else status.HTTP_202_ACCEPTED)


def _wait(batches: list[Batch], seconds: int) -> bool:
    """Whether all of them ended in time. Holds no connection to the database meanwhile."""
    deadline = time.monotonic() + seconds
    ids = [batch.pk for batch in batches]
    while Batch.objects.filter(pk__in=ids, finished_at=None).exists():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(LOOK_EVERY, left))
    return True


def _warnings(batch: Batch) -> list[str]:
    if batch.max_delay_ms:
        return []
    return [
        _(
            "No pace: the messages leave as fast as the quotas of the senders allow. WhatsApp bans numbers that send many "
            "messages at once to people who do not expect them. Set min_delay_ms and max_delay_ms to be on the safe side."
        )
    ]
