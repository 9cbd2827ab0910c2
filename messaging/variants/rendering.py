"""What a person reads: the text of their variant, else the batch's own, with short links where clicks are counted."""

from collections.abc import Callable, Mapping
from typing import Any

from accounts.models import Organization
from messaging import template_text
from messaging.links import texts as link_texts
from messaging.models import Batch
from messaging.template_text import Template
from messaging.variants.plans import experiment_of

Render = Callable[[int, int | None, Mapping[str, Any]], tuple[str, list[str]]]


def renderer(batch: Batch, organization: Organization) -> Render:
    """Gives, for the id, the variant's id and the variables of a message, its text and what it lacks. Make it once for
    many messages."""
    texts = _texts(batch)
    if not batch.track_links:
        plain = {variant_id: _filled(organization, text) for variant_id, text in texts.items()}
        return lambda _id, variant_id, values: (plain.get(variant_id) or plain[None]).render(values)
    numbers = link_texts.numbers_of(batch, texts.values())
    templates = {
        variant_id: _filled(organization, link_texts.marked(text, numbers)) for variant_id, text in texts.items()
    }
    shorten = link_texts.shortener(organization)

    def render(message_id: int, variant_id: int | None, values: Mapping[str, Any]) -> tuple[str, list[str]]:
        text, missing = (templates.get(variant_id) or templates[None]).render(values)
        return shorten(message_id, text), missing

    return render


def _texts(batch: Batch) -> dict[int | None, str]:
    """By the variant's id; under None that of messages without one: the winner's, else the batch's own."""
    experiment = experiment_of(batch)
    if experiment is None:
        return {None: batch.text}
    texts: dict[int | None, str] = dict(batch.variants.values_list("pk", "text"))
    return {**texts, None: texts.get(experiment.winner_id) or batch.text}


def _filled(organization: Organization, text: str) -> Template:
    return template_text.filled(template_text.parse(text), organization)
