"""What is compared: the variants of a batch, whom they go to, and what they are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from messaging import template_text
from messaging.kinds import Kind
from messaging.models import Batch, Experiment, Goal, Media, Variant
from messaging.template_text import Template, TemplateError

MOST_VARIANTS = 8
MOST_LEFT_OUT = 50
LONGEST_NAME = 60
MEASURED_MINUTES = 24 * 60
SHORTEST_MEASURED, LONGEST_MEASURED = 1, 30 * 24 * 60
LETTERS = "ABCDEFGH"


@dataclass(frozen=True, kw_only=True)
class NewVariant:
    """`share` in percent of those who are tested; without it the variants get equal ones. Unnamed: A, B, C …"""

    text: str
    name: str = ""
    share: int | None = None
    kind: str = Kind.TEXT
    media: Media | None = None


@dataclass(frozen=True, kw_only=True)
class VariantPlan:
    """`holdout_share` percent of all get nothing, `test_share` percent of the others get the variants; if that is less
    than 100, the rest gets the winner, `measure_minutes` after the test or earlier."""

    variants: Sequence[NewVariant] = ()
    goal: str = Goal.NONE
    holdout_share: int = 0
    test_share: int = 100
    measure_minutes: int = MEASURED_MINUTES
    decide_early: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.variants and not self.holdout_share


def check(plan: VariantPlan, *, track_links: bool) -> None:
    """Raises `ValidationError` with the fields variants, goal, holdout_share, test_share and measure_minutes."""
    errors: dict[str, list[str]] = {}
    if problems := _problems_of_variants(plan.variants):
        errors["variants"] = problems
    if not 0 <= plan.holdout_share <= MOST_LEFT_OUT:
        errors["holdout_share"] = [_("Between 0 and %(most)s percent can be left out.") % {"most": MOST_LEFT_OUT}]
    if not 1 <= plan.test_share <= 100:
        errors["test_share"] = [_("Test with 1 to 100 percent of the people.")]
    elif plan.test_share < 100 and (not plan.variants or plan.goal == Goal.NONE):
        errors["test_share"] = [_("A winner needs two variants at least, and a goal to judge them by.")]
    if not SHORTEST_MEASURED <= plan.measure_minutes <= LONGEST_MEASURED:
        errors["measure_minutes"] = [_("Measure for 1 minute to 30 days.")]
    if plan.goal not in Goal.values:
        errors["goal"] = [_("Write %(goals)s.") % {"goals": ", ".join(Goal.values)}]
    elif plan.goal == Goal.CLICKED and not track_links:
        errors["goal"] = [_("Clicks are not counted for this campaign: switch that on, or choose another goal.")]
    if errors:
        raise ValidationError({field: list(texts) for field, texts in errors.items()})


def _problems_of_variants(variants: Sequence[NewVariant]) -> list[str]:
    if not variants:
        return []
    problems = []
    if not 2 <= len(variants) <= MOST_VARIANTS:
        problems.append(_("Write 2 to %(most)s variants.") % {"most": MOST_VARIANTS})
    for position, variant in enumerate(variants):
        name = name_of(variant, position)
        try:
            template_text.parse(variant.text)
        except TemplateError as error:
            problems.append(_("Variant %(name)s: %(problem)s") % {"name": name, "problem": error})
        if len(variant.name) > LONGEST_NAME:
            problems.append(_("The name of a variant may have %(most)s characters.") % {"most": LONGEST_NAME})
    given = [variant.share for variant in variants]
    if all(share is None for share in given):
        return problems
    if any(share is None or share < 1 for share in given) or sum(share or 0 for share in given) != 100:
        problems.append(_("The shares of the variants must be 1 percent at least and make 100 together."))
    return problems


def name_of(variant: NewVariant, position: int) -> str:
    return variant.name.strip() or LETTERS[position % len(LETTERS)]


def equal_shares(number: int) -> list[int]:
    """Whole percents that make 100: of three 34, 33, 33."""
    return [100 // number + (index < 100 % number) for index in range(number)]


def set_plan(*, batch: Batch, plan: VariantPlan) -> None:
    """Puts the plan in place of what the batch had. The batch has no messages yet, and the plan was checked.

    The batch's own text becomes that of the first variant, for all who look at no variants.
    """
    Experiment.objects.filter(batch=batch).delete()
    batch.variants.all().delete()
    batch._state.fields_cache.pop("experiment", None)
    if plan.is_empty:
        return
    shares = equal_shares(len(plan.variants)) if plan.variants else []
    Variant.objects.bulk_create(
        Variant(
            batch=batch,
            position=position,
            name=name_of(variant, position),
            text=variant.text,
            kind=variant.kind,
            media=variant.media,
            share=shares[position] if variant.share is None else variant.share,
        )
        for position, variant in enumerate(plan.variants)
    )
    Experiment.objects.create(
        batch=batch,
        goal=plan.goal,
        holdout_share=plan.holdout_share,
        test_share=plan.test_share,
        measure_minutes=plan.measure_minutes,
        decide_early=plan.decide_early,
    )
    if plan.variants and batch.text != plan.variants[0].text:
        batch.text = plan.variants[0].text
        batch.save(update_fields=["text"])


def follow_text(batch: Batch) -> None:
    """The batch's text was changed: so is that of the first variant, which is the same."""
    batch.variants.filter(position=0).update(text=batch.text)


def plan_of(batch: Batch) -> VariantPlan:
    """The plan of a batch as it was asked for."""
    experiment = experiment_of(batch)
    if experiment is None:
        return VariantPlan()
    return VariantPlan(
        variants=[
            NewVariant(text=each.text, name=each.name, share=each.share, kind=each.kind, media=each.media)
            for each in batch.variants.select_related("media")
        ],
        goal=experiment.goal,
        holdout_share=experiment.holdout_share,
        test_share=experiment.test_share,
        measure_minutes=experiment.measure_minutes,
        decide_early=experiment.decide_early,
    )


def experiment_of(batch: Batch) -> Experiment | None:
    """Costs no query where the batch was fetched with it (`select_related("experiment")`)."""
    return getattr(batch, "experiment", None)


def templates_of(batch: Batch) -> list[Template]:
    """Every text that a person of the batch may get, taken apart."""
    texts = list(batch.variants.values_list("text", flat=True)) if experiment_of(batch) is not None else []
    may_be_empty = batch.media_id is not None
    return [template_text.parse(text, may_be_empty=may_be_empty) for text in texts or [batch.text]]
