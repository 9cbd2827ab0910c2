"""How the variants of a campaign compare, for its page and for programs: figures, intervals, and what may be said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from messaging import proportions
from messaging.models import BatchStatus, Experiment, Goal, Variant
from messaging.proportions import Difference, Share
from messaging.replies import REPLY_DAYS
from messaging.variants import decision, figures, plans, verdict
from messaging.variants.verdict import Verdict


@dataclass(frozen=True)
class Row:
    """One variant: `numbers` of now; `difference` is of the moment that counts, and None before it."""

    variant: Variant
    numbers: Mapping[str, int]
    reached: Share | None
    difference: Difference | None
    is_winner: bool


@dataclass(frozen=True)
class LeftOut:
    """People who got nothing, and how many of them wrote within the days after the start; beside those who got it."""

    people: int
    wrote: Share
    messaged_wrote: Share
    days: int = REPLY_DAYS


@dataclass(frozen=True)
class VariantReport:
    experiment: Experiment
    as_of: datetime | None
    rows: list[Row]
    verdict: Verdict
    words: str
    measured_until: datetime | None
    left_out: LeftOut | None
    rest: Mapping[str, int] | None
    may_choose: bool
    links: list[dict[str, Any]] = field(default_factory=list)


def report_of(campaign: Campaign) -> VariantReport | None:
    """None where a campaign has neither variants nor people who are left out."""
    batch = campaign.batch
    experiment = plans.experiment_of(batch)
    if experiment is None:
        return None
    found, as_of = figures.kept(batch, experiment)
    variants = list(batch.variants.all())
    present = verdict.compare(variants, found, experiment.goal)
    judged = present if experiment.closed_at is None else verdict.compare(variants, experiment.result, experiment.goal)
    said = verdict.judge(experiment, judged)
    zone = ZoneInfo(campaign.organization.timezone)
    differences = {each.variant.pk: each.difference for each in judged} if experiment.closed_at is not None else {}
    shares = {each.variant.pk: each.reached for each in present}
    until = decision.measured_until(experiment)
    waits = experiment.has_rest and experiment.winner_id is None and experiment.goal != Goal.NONE
    return VariantReport(
        experiment=experiment,
        as_of=as_of,
        rows=[
            Row(
                variant=each,
                numbers=figures.of(found, each.pk),
                reached=shares.get(each.pk),
                difference=differences.get(each.pk),
                is_winner=each.pk == experiment.winner_id,
            )
            for each in variants
        ],
        verdict=said,
        words=_words(said, judged, until.astimezone(zone) if until is not None else None),
        measured_until=until,
        left_out=_left_out(found) if experiment.holdout_share else None,
        rest=figures.of(found, figures.REST) if experiment.test_share < 100 else None,
        may_choose=waits and batch.status in (BatchStatus.RUNNING, BatchStatus.PAUSED),
        links=figures.links_of(batch) if batch.track_links else [],
    )


def _left_out(found: figures.Figures) -> LeftOut:
    numbers, messaged = figures.of(found, figures.HELD_OUT), found.get("messaged", {})
    return LeftOut(
        people=numbers["people"],
        wrote=proportions.share(numbers.get("wrote", 0), numbers["people"]),
        messaged_wrote=proportions.share(messaged.get("wrote", 0), messaged.get("sent", 0)),
    )


def _words(said: Verdict, judged: list[verdict.Compared], until: datetime | None) -> str:
    if said is Verdict.NO_GOAL:
        return ""
    if said is Verdict.MEASURING:
        if until is None:
            return _("The test is still being sent. Nothing can be said yet.")
        moment = date_format(until, "j M H:i")
        return _("Measured until %(moment)s. Until then differences come and go, so nothing is said yet.") % {
            "moment": moment
        }
    if said is Verdict.TOO_FEW:
        return _(
            "Not enough data: each variant needs %(people)s people it was sent to, and two of them together %(hits)s who "
            "reached the goal and %(hits)s who did not."
        ) % {"people": verdict.FEWEST_SENT, "hits": verdict.FEWEST_HITS}
    if said is Verdict.NOT_PROVEN:
        return _("No difference to “%(first)s” is proven: chance alone could have made what there is.") % {
            "first": judged[0].variant.name
        }
    better: list[str] = []
    worse: list[str] = []
    for each in judged[1:]:
        if each.difference is not None and each.difference.p_value < verdict.CHANCE:
            (better if each.difference.value > 0 else worse).append(f"“{each.variant.name}”")
    parts = []
    if better:
        parts.append(_("%(names)s did better than “%(first)s”.") % _named(better, judged))
    if worse:
        parts.append(_("%(names)s did worse than “%(first)s”.") % _named(worse, judged))
    return " ".join([*parts, _("Chance alone would seldom do that (less than once in 20 times).")])


def _named(names: list[str], judged: list[verdict.Compared]) -> dict[str, str]:
    return {"names": ", ".join(names), "first": judged[0].variant.name}
