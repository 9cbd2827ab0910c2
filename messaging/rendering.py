"""What a batch says to each of its people: the one place that the planner, previews and lists of people ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from accounts.models import Organization
from messaging.kinds import Kind
from messaging.links import texts as link_texts
from messaging.models import Batch, Media, SkipReason
from messaging.variants import rendering as variants


class Recipient(Protocol):
    """A message, or what is known of one that waits."""

    @property
    def id(self) -> int: ...

    @property
    def phone_number(self) -> str: ...

    @property
    def variables(self) -> Mapping[str, Any]: ...

    @property
    def variant_id(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it leaves. `missing` are the variables that the person lacks; then it must not leave."""

    text: str
    kind: str = Kind.TEXT
    media_id: int | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """Why it is skipped, or empty."""
        return SkipReason.MISSING_VARIABLE if self.missing else ""


def file_of(batch: Batch, organization: Organization, to: Recipient) -> Media | None:
    """The file that a person gets."""
    media_id = renderer_of(batch, organization)(to).media_id
    return Media.objects.filter(pk=media_id).first() if media_id is not None else None


def pick_of(batch_id: int, phone_number: str) -> str:
    """What decides a person's options in the choices of a text. It does not change with the message's row: an audience
    that is fixed anew, a retry and a message that is planned again get the text that was previewed."""
    return f"{batch_id}:{phone_number}"


def renderer_of(batch: Batch, organization: Organization) -> Callable[[Recipient], Rendered]:
    """Gives what one person gets. Make it once for many people."""
    contents = variants.contents(batch, organization)
    batch_id = batch.pk
    shorten = link_texts.shortener(organization) if batch.track_links else None

    def render(to: Recipient) -> Rendered:
        content = contents.get(to.variant_id) or contents[None]
        text, missing = content.template.render(to.variables, pick_of(batch_id, to.phone_number))
        if shorten is not None:
            text = shorten(to.id, text)
        return Rendered(text, content.kind, content.media_id, missing)

    return render
