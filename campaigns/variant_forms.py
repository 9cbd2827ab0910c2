"""The form of variants: their texts, whom they go to, what they are judged by. The service decides what is right."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from messaging.models import Goal
from messaging.variants import plans
from messaging.variants.plans import LETTERS, MOST_VARIANTS, NewVariant, VariantPlan

MINUTES = {"minutes": 1, "hours": 60, "days": 24 * 60}


class VariantsForm(forms.Form):
    """`rows` gives the fields of each variant. The first one is the campaign's own message."""

    goal = forms.ChoiceField(
        label=_("Compared by"),
        choices=Goal.choices,
        help_text=_("Who has read receipts switched off never counts as having read."),
    )
    track_links = forms.BooleanField(
        label=_("Count who clicks"),
        required=False,
        help_text=_("Links in the text become short ones of your own address. Previews and crawlers are told apart."),
    )
    holdout_share = forms.IntegerField(
        label=_("Left out (%)"),
        required=False,
        widget=forms.NumberInput(attrs={"min": 0, "max": 50, "inputmode": "numeric"}),
        help_text=_("So many get nothing, to see what would have come anyway."),
    )
    has_winner = forms.BooleanField(
        label=_("Test with a part, and send the winner to the rest"),
        required=False,
    )
    test_share = forms.IntegerField(
        label=_("Tested (%)"),
        required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": 99, "inputmode": "numeric"}),
    )
    decide_early = forms.BooleanField(
        label=_("Choose earlier where it is clear"),
        required=False,
        help_text=_("Looks three times before the end; each look asks for more evidence."),
    )
    measure_number = forms.IntegerField(
        label=_("Measured for"),
        required=False,
        widget=forms.NumberInput(attrs={"min": 1, "inputmode": "numeric"}),
        help_text=_("From the moment when the last message of the test has left."),
    )
    measure_unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days"))],
        required=False,
    )

    of_service = {"measure_minutes": "measure_number"}

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "variants_%s", **kwargs})
        for position in range(MOST_VARIANTS):
            letter = LETTERS[position]
            self.fields[f"text_{position}"] = forms.CharField(
                label=_("Text of variant %(letter)s") % {"letter": letter},
                strip=False,
                required=False,
                widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
            )
            self.fields[f"name_{position}"] = forms.CharField(
                label=_("Name"),
                required=False,
                max_length=plans.LONGEST_NAME,
                widget=forms.TextInput(attrs={"placeholder": letter, "autocomplete": "off"}),
            )
            self.fields[f"share_{position}"] = forms.IntegerField(
                label=_("Share (%)"),
                required=False,
                widget=forms.NumberInput(attrs={"min": 1, "max": 99, "inputmode": "numeric"}),
            )
        if not self.is_bound:
            self.initial = _initial(campaign)

    @property
    def rows(self) -> Iterator[dict[str, Any]]:
        filled = max((place for place in range(MOST_VARIANTS) if self[f"text_{place}"].value()), default=0)
        for position in range(MOST_VARIANTS):
            fields: dict[str, BoundField] = {name: self[f"{name}_{position}"] for name in ("text", "name", "share")}
            yield {**fields, "letter": LETTERS[position], "is_hidden": position > max(1, filled)}

    def kept(self) -> dict[str, Any]:
        """What `edits.change_campaign` takes. With one text only there are no variants."""
        given = self.cleaned_data
        written = [place for place in range(MOST_VARIANTS) if given.get(f"text_{place}", "").strip()]
        variants = [
            NewVariant(text=given[f"text_{place}"], name=given[f"name_{place}"], share=given[f"share_{place}"])
            for place in written
        ]
        has_winner = given["has_winner"] and len(variants) > 1
        plan = VariantPlan(
            variants=variants if len(variants) > 1 else (),
            goal=given["goal"] if len(variants) > 1 else Goal.NONE,
            holdout_share=given["holdout_share"] or 0,
            test_share=given["test_share"] or 20 if has_winner else 100,
            measure_minutes=(given["measure_number"] or 24) * MINUTES[given["measure_unit"] or "hours"],
            decide_early=has_winner and given["decide_early"],
        )
        kept: dict[str, Any] = {"variant_plan": plan, "track_links": given["track_links"]}
        return kept if len(variants) != 1 else {**kept, "template": variants[0].text}

    def add_service_errors(self, error: ValidationError) -> None:
        """What concerns no field here stands above the form."""
        for field, texts in error.message_dict.items():
            name = self.of_service.get(field, field)
            self.add_error(name if name in self.fields else None, texts)


def _initial(campaign: Campaign) -> dict[str, Any]:
    plan = plans.plan_of(campaign.batch)
    unit = next(unit for unit in ("days", "hours", "minutes") if not plan.measure_minutes % MINUTES[unit])
    if plan.measure_minutes == plans.MEASURED_MINUTES:
        unit = "hours"
    written = plan.variants or [NewVariant(text=campaign.batch.text)]
    equal = [variant.share for variant in written] == plans.equal_shares(len(written))
    return {
        "goal": plan.goal,
        "track_links": campaign.batch.track_links,
        "holdout_share": plan.holdout_share or None,
        "has_winner": plan.test_share < 100,
        "test_share": plan.test_share if plan.test_share < 100 else 20,
        "decide_early": plan.decide_early,
        "measure_number": plan.measure_minutes // MINUTES[unit],
        "measure_unit": unit,
        **{f"text_{place}": variant.text for place, variant in enumerate(written)},
        **{f"name_{place}": variant.name for place, variant in enumerate(written)},
        **{f"share_{place}": None if equal else variant.share for place, variant in enumerate(written)},
    }
