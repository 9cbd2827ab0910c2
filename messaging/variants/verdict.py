"""What may be said of the difference between variants, and what not yet.

Whoever looks at a running test again and again finds a "significant" difference sooner or later, also where there is none.
So there is one moment at which it is judged, fixed beforehand: `measure_minutes` after the last message of the test has left.
Before that, figures and intervals are shown, and no p-value. Where the winner may be chosen earlier, it is looked at
four times, and each look asks for four times the evidence.

Of several variants each is compared with the first one, and the p-values are multiplied by the number of comparisons
(Bonferroni), as the intervals are widened. Fewer than `FEWEST_SENT` people in a variant, or fewer than `FEWEST_HITS` who
did or did not reach the goal in two variants together, are not enough data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from messaging import proportions
from messaging.models import Experiment, Goal, Variant
from messaging.proportions import CONFIDENCE, Difference, Share
from messaging.variants import figures as counted
from messaging.variants.figures import Figures

FEWEST_SENT = 100
FEWEST_HITS = 10
CHANCE = 1 - CONFIDENCE
LOOKS = 4  # the last one at the end
STEP_OF_GOAL = {Goal.READ: "read", Goal.REPLIED: "replied", Goal.CLICKED: "clicked"}


class Verdict(StrEnum):
    NO_GOAL = "no_goal"  # nothing is compared
    MEASURING = "measuring"  # the moment is not there yet
    TOO_FEW = "too_few"  # not enough data
    NOT_PROVEN = "not_proven"  # chance may have made the differences
    DIFFERENT = "different"  # at least one variant differs from the first one


@dataclass(frozen=True)
class Compared:
    """A variant with the people who reached the goal, of those it was sent to. `difference` is to the first variant, with
    the corrected p-value; None for the first itself and where somebody has no people."""

    variant: Variant
    reached: Share
    difference: Difference | None


def compare(variants: Sequence[Variant], figures: Figures, goal: str) -> list[Compared]:
    step = STEP_OF_GOAL.get(Goal(goal))
    if step is None or not variants:
        return []
    reached = [_reached(figures, variant, step) for variant in variants]
    number = max(1, len(variants) - 1)
    first = reached[0]
    compared = []
    for place, (variant, (hits, of)) in enumerate(zip(variants, reached, strict=True)):
        found = None
        if place and of and first[1]:
            found = _corrected(proportions.difference(first, (hits, of), 1 - CHANCE / number), number)
        compared.append(Compared(variant, proportions.share(hits, of), found))
    return compared


def _reached(figures: Figures, variant: Variant, step: str) -> tuple[int, int]:
    numbers = counted.of(figures, variant.pk)
    return numbers[step], numbers["sent"]


def _corrected(found: Difference, times: int) -> Difference:
    return Difference(found.value, found.low, found.high, min(1.0, found.p_value * times))


def judge(experiment: Experiment, compared: Sequence[Compared]) -> Verdict:
    """Of the figures at the moment that was fixed beforehand: those of `experiment.result`."""
    if not compared:
        return Verdict.NO_GOAL
    if experiment.closed_at is None:
        return Verdict.MEASURING
    first, others = compared[0], compared[1:]
    if not any(_is_enough(first.reached, other.reached) for other in others):
        return Verdict.TOO_FEW
    proven = [
        each
        for each in others
        if each.difference and each.difference.p_value < CHANCE and _is_enough(first.reached, each.reached)
    ]
    return Verdict.DIFFERENT if proven else Verdict.NOT_PROVEN


def _is_enough(one: Share, two: Share) -> bool:
    hits, people = one.hits + two.hits, one.of + two.of
    return min(one.of, two.of) >= FEWEST_SENT and min(hits, people - hits) >= FEWEST_HITS


def choose(compared: Sequence[Compared], looks: int = 1) -> tuple[Variant, Experiment.DecidedAs]:
    """The winner, and how sure that is. It is proven where the best one differs from each other one, by a test that is
    corrected for every pair of variants and every look."""
    best = max(compared, key=lambda each: (each.reached.value, -each.variant.position))
    if not sum(each.reached.of for each in compared):
        return compared[0].variant, Experiment.DecidedAs.NO_DATA
    others = [each for each in compared if each.variant.pk != best.variant.pk]
    if any(each.reached.value == best.reached.value for each in others):
        return best.variant, Experiment.DecidedAs.TIE
    times = len(list(combinations(compared, 2))) * looks
    if all(_is_beaten(each.reached, best.reached, times) for each in others):
        return best.variant, Experiment.DecidedAs.PROVEN
    return best.variant, Experiment.DecidedAs.AHEAD


def _is_beaten(by_less: Share, best: Share, times: int) -> bool:
    if not _is_enough(by_less, best):
        return False
    found = proportions.difference((by_less.hits, by_less.of), (best.hits, best.of))
    return found.p_value * times < CHANCE
