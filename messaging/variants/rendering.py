"""What a person gets: what their variant says, else what the batch says, with places for short links where clicks are
counted."""

from dataclasses import dataclass

from accounts.models import Organization
from messaging import template_text
from messaging.links import texts as link_texts
from messaging.models import Batch, Variant
from messaging.template_text import Template
from messaging.variants.plans import experiment_of


@dataclass(frozen=True, slots=True)
class Content:
    """A text taken apart, and the file that goes with it."""

    template: Template
    kind: str
    media_id: int | None


def contents(batch: Batch, organization: Organization, *, as_written: bool = False) -> dict[int | None, Content]:
    """By the variant's id; under None that of messages without one: the winner's, else the batch's own. A variant
    without a file has the batch's. `as_written` leaves links alone."""
    experiment = experiment_of(batch)
    says: dict[int | None, Batch | Variant] = {None: batch}
    if experiment is not None:
        says |= {variant.pk: variant for variant in batch.variants.all()}
        says[None] = says.get(experiment.winner_id) or batch
    numbers = {}
    if batch.track_links and not as_written:
        numbers = link_texts.numbers_of(batch, [each.text for each in says.values()])
    return {key: _content(batch, organization, each, numbers) for key, each in says.items()}


def _content(batch: Batch, organization: Organization, says: Batch | Variant, numbers: dict[str, int]) -> Content:
    file = says if says.media_id is not None else batch
    text = link_texts.marked(says.text, numbers) if numbers else says.text
    parsed = template_text.parse(text, may_be_empty=file.media_id is not None)
    return Content(template_text.filled(parsed, organization), file.kind, file.media_id)
