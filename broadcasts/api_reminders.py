"""Reminders by REST: one message to one person, again and again."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from broadcasts import reminders
from broadcasts.api_lists import sender_of
from broadcasts.models import Reminder, ReminderRun
from contacts.api.fields import number_from
from messaging.models import LibraryFile
from messaging.services import NotAllowed

VIEW, MANAGE = "messages.view", "messages.manage"


class NewReminder(serializers.Serializer[Any]):
    to = serializers.CharField(max_length=100, help_text="A phone number as people write it.")
    text = serializers.CharField(max_length=4096, required=False, allow_blank=True, default="", trim_whitespace=False)
    media = serializers.IntegerField(
        required=False, allow_null=True, help_text="The id of a file of the media library."
    )
    sender = serializers.IntegerField(required=False, allow_null=True)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    repeat = serializers.ChoiceField(choices=Reminder.Repeat.choices)
    time = serializers.TimeField(required=False, allow_null=True, help_text="Such as 09:00.")
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), required=False, help_text="1 is Monday."
    )
    day_of_month = serializers.IntegerField(required=False, allow_null=True)
    cron = serializers.CharField(required=False, allow_blank=True, default="", max_length=100)
    timezone = serializers.CharField(required=False, allow_blank=True, default="", max_length=64)
    ends_on = serializers.DateField(required=False, allow_null=True)
    late_hours = serializers.IntegerField(default=6)


class RunSerializer(serializers.ModelSerializer[ReminderRun]):
    class Meta:
        model = ReminderRun
        fields = ("at", "outcome", "message")
        read_only_fields = fields


class ReminderSerializer(serializers.ModelSerializer[Reminder]):
    to = serializers.CharField(source="phone_number")
    media = serializers.IntegerField(source="file_id", allow_null=True)
    rule = serializers.SerializerMethodField(help_text="The repetition in words.")

    class Meta:
        model = Reminder
        fields = (
            *("id", "name", "to", "text", "media", "sender", "state", "rule", "next_at", "repeat", "time", "weekdays"),
            *("day_of_month", "cron", "timezone", "ends_on", "late_hours", "created_at"),
        )
        read_only_fields = fields

    def get_rule(self, row: Reminder) -> str:
        return str(row.recurrence)


class ReminderAnswer(ReminderSerializer):
    """With the last fifty due times, newest first."""

    def to_representation(self, row: Reminder) -> dict[str, Any]:
        runs = RunSerializer(row.runs.all()[:50], many=True).data
        return {**super().to_representation(row), "runs": runs}


class RemindersView(ListAPIView[Reminder]):
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = ReminderSerializer
    request: ApiRequest

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Reminders, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Reminder]:
        return Reminder.objects.for_organization(self.request.organization)

    @extend_schema(request=NewReminder, responses={201: ReminderSerializer})
    def post(self, request: ApiRequest) -> Response:
        """A message to one person again and again, from its next due time on."""
        checked = NewReminder(data=request.data)
        checked.is_valid(raise_exception=True)
        given = dict(checked.validated_data)
        file = None
        if (file_id := given.pop("media", None)) is not None:
            file = LibraryFile.objects.for_organization(request.organization).filter(pk=file_id).first()
            if file is None:
                raise ValidationError({"media": [f"There is no file {file_id} in the library."]})
        try:
            number = number_from(given.pop("to"), request.organization)
        except ValidationError as error:
            raise ValidationError({"to": error.detail}) from error
        sender = sender_of(request, given.pop("sender", None))
        try:
            made = reminders.create_reminder(
                organization=request.organization,
                phone_number=number,
                file=file,
                sender=sender,
                by=actor_of(request),
                **given,
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(ReminderSerializer(made).data, status=status.HTTP_201_CREATED)


def find(request: ApiRequest, reminder_id: int) -> Reminder:
    return get_object_or_404(Reminder.objects.for_organization(request.organization), pk=reminder_id)


class ReminderView(APIView):
    capability = {"GET": VIEW, "DELETE": MANAGE}

    @extend_schema(responses=ReminderAnswer)
    def get(self, request: ApiRequest, reminder_id: int) -> Response:
        return Response(ReminderAnswer(find(request, reminder_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, reminder_id: int) -> Response:
        """Ends it and deletes it. Messages that it made stay."""
        reminders.delete_reminder(reminder=find(request, reminder_id), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReminderChangeView(APIView):
    capability = {"POST": MANAGE}
    what = ""

    @extend_schema(
        request=None,
        responses={200: ReminderSerializer, 409: OpenApiResponse(description="It is not in a state for that.")},
    )
    def post(self, request: ApiRequest, reminder_id: int) -> Response:
        found = find(request, reminder_id)
        changes: dict[str, Callable[..., None]] = {
            "pause": reminders.pause_reminder,
            "resume": reminders.resume_reminder,
        }
        try:
            changes[self.what](reminder=found, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(ReminderSerializer(found).data)
