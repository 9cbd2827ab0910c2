"""Variants as programs write and read them."""

import json
from dataclasses import replace
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from messaging.models import Goal, Variant
from messaging.variants.plans import MEASURED_MINUTES, NewVariant, VariantPlan


class NewVariantSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False)
    name = serializers.CharField(required=False, default="", allow_blank=True, help_text="A, B, C … where left out.")
    share = serializers.IntegerField(
        required=False, allow_null=True, default=None, help_text="Percent of those tested; equal ones where left out."
    )


class VariantsField(serializers.ListField):
    """A list of variants; in a form, as JSON text."""

    child = NewVariantSerializer()

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_read(data))

    def get_value(self, dictionary: Any) -> Any:
        given = dictionary.get(self.field_name, serializers.empty)
        return _read(given) if isinstance(given, str) else super().get_value(dictionary)


def _read(given: Any) -> Any:
    """A form sends one text."""
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        given = given[0]
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        raise ValidationError({"variants": ["Write a list of variants as JSON."]}) from error


class VariantPlanFields(serializers.Serializer[Any]):
    """The fields of a new campaign that concern variants."""

    variants = VariantsField(required=False, default=list, help_text="Two to eight texts to compare.")
    goal = serializers.CharField(
        required=False, default=Goal.NONE.value, help_text=f"What they are compared by: {', '.join(Goal.values)}."
    )
    holdout_share = serializers.IntegerField(
        required=False, default=0, help_text="Percent of the people who get nothing, to compare with."
    )
    test_share = serializers.IntegerField(
        required=False, default=100, help_text="Percent of the others who get the variants; the rest gets the winner."
    )
    measure_minutes = serializers.IntegerField(
        required=False, default=MEASURED_MINUTES, help_text="From the last message of the test to the result."
    )
    decide_early = serializers.BooleanField(
        required=False, default=False, help_text="Choose the winner earlier where it is clear."
    )
    track_links = serializers.BooleanField(
        required=False, default=False, help_text="Links become short ones of our own, whose clicks are counted."
    )


PLAN_FIELDS = ("variants", "goal", "holdout_share", "test_share", "measure_minutes", "decide_early")


def take_plan(given: dict[str, Any], present: VariantPlan | None = None) -> VariantPlan:
    """The plan of what was given; takes its fields out of it. What is not given stays as it is at `present`."""
    fields = {name: given.pop(name) for name in PLAN_FIELDS if name in given}
    if "variants" in fields:
        fields["variants"] = [NewVariant(**each) for each in fields["variants"]]
    return replace(present or VariantPlan(), **fields)


class VariantSerializer(serializers.ModelSerializer[Variant]):
    class Meta:
        model = Variant
        fields = ("id", "name", "text", "share")
        read_only_fields = fields
