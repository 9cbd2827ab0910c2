"""What a person reads: the text of their variant, else the batch's own."""

from accounts.models import Organization
from messaging import template_text
from messaging.models import Batch
from messaging.template_text import Template
from messaging.variants.plans import experiment_of


def templates(batch: Batch, organization: Organization) -> dict[int | None, Template]:
    """By the variant's id; under None that of messages without one: the winner's, else the batch's own."""
    experiment = experiment_of(batch)
    if experiment is None:
        return {None: _filled(organization, batch.text)}
    texts = dict(batch.variants.values_list("pk", "text"))
    found: dict[int | None, Template] = {variant_id: _filled(organization, text) for variant_id, text in texts.items()}
    found[None] = found.get(experiment.winner_id) or _filled(organization, batch.text)
    return found


def _filled(organization: Organization, text: str) -> Template:
    return template_text.filled(template_text.parse(text), organization)
