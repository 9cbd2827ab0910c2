"""How schedules are written and read by REST."""

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from campaigns import schedules
from campaigns.models import Occurrence, Schedule, StopAction

REPEATS = [kind for kind in Schedule.Kind.values if kind != Schedule.Kind.ONCE]


@extend_schema_field(OpenApiTypes.STR)
class WallTimeField(serializers.Field[datetime, str, str, Any]):
    """A moment in ISO 8601. Without an offset it is meant on the clock of the schedule's time zone."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = parse_datetime(data) if isinstance(data, str) else None
        except ValueError:
            moment = None
        if moment is None:
            raise ValidationError("Write a moment such as 2026-12-01T09:00 or 2026-12-01T09:00:00+07:00.")
        return moment

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class ScheduleRequest(serializers.Serializer[Any]):
    """With `at` the campaign starts once; with `repeat` each occurrence makes a new campaign like it."""

    at = WallTimeField(
        required=False,
        allow_null=True,
        help_text="ISO 8601. Without an offset: on the clock of `timezone`. A time that a clock change skips means the "
        "first moment after it; one that comes twice means the first.",
    )
    timezone = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="The organization's if empty."
    )
    repeat = serializers.ChoiceField(REPEATS, required=False, allow_null=True)
    time = serializers.TimeField(required=False, allow_null=True, help_text="Of daily, weekly and monthly: 09:00.")
    weekdays = serializers.ListField(child=serializers.IntegerField(), required=False, help_text="1 is Monday.")
    day_of_month = serializers.IntegerField(
        required=False, allow_null=True, help_text="1 to 31; in a shorter month its last day."
    )
    cron = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=100, help_text="Five fields."
    )
    starts_on = serializers.DateField(required=False, allow_null=True, help_text="The first day of a repetition.")
    ends_on = serializers.DateField(required=False, allow_null=True, help_text="The last day of a repetition.")
    max_runs = serializers.IntegerField(required=False, allow_null=True, help_text="Campaigns to start at most.")
    late_hours = serializers.IntegerField(
        default=6,
        help_text="Missed, as when the server was off, it still starts within so many hours; else it is skipped.",
    )
    accept_lint = serializers.BooleanField(
        default=False, help_text="In spite of what blocks a start: see `preview`. It holds for what it says now."
    )
    stop_action = serializers.ChoiceField(StopAction.choices, default="", allow_blank=True)
    stop_at = WallTimeField(
        required=False, allow_null=True, help_text="When what has not left is paused or cancelled."
    )
    stop_after_minutes = serializers.IntegerField(
        required=False, allow_null=True, help_text="The same for a repetition: minutes after each start."
    )

    def asked(self) -> dict[str, Any]:
        """What `schedules.schedule_campaign` takes."""
        given = dict(self.validated_data)
        return {"kind": given.pop("repeat", None) or Schedule.Kind.ONCE.value, **given}


class ScheduleSerializer(serializers.ModelSerializer[Schedule]):
    sentence = serializers.SerializerMethodField(help_text="For people: “Every Monday at 09:00 Asia/Jakarta, …”.")
    next_at = serializers.SerializerMethodField(help_text="ISO 8601 with the offset of its time zone; null when over.")

    class Meta:
        model = Schedule
        fields = (
            *("kind", "state", "sentence", "next_at", "timezone", "time", "weekdays", "day_of_month", "cron"),
            *(
                "starts_on",
                "ends_on",
                "max_runs",
                "runs",
                "late_hours",
                "stop_action",
                "stop_at",
                "stop_after_minutes",
            ),
        )
        read_only_fields = fields

    def get_sentence(self, schedule: Schedule) -> str:
        return schedules.sentence(schedule)

    def get_next_at(self, schedule: Schedule) -> str | None:
        return schedule.next_at.astimezone(schedule.zone).isoformat() if schedule.next_at else None


class OccurrenceSerializer(serializers.ModelSerializer[Occurrence]):
    outcome = serializers.CharField(help_text="starting, started, missed, overtaken or failed")
    status = serializers.CharField(source="campaign.status", default=None, help_text="Of the campaign, now.")

    class Meta:
        model = Occurrence
        fields = ("at", "outcome", "reason", "campaign", "status", "stop_action", "stop_at", "stopped_at")
        read_only_fields = fields


class ScheduleAnswer(serializers.Serializer[Any]):
    schedule = ScheduleSerializer(allow_null=True)
    coming = serializers.ListField(child=serializers.CharField(), help_text="The next ten times, ISO 8601.")
    past = OccurrenceSerializer(many=True, help_text="The newest fifty, with what came of them.")
