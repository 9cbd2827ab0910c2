"""A batch's texts as PostgreSQL puts them together: to look at those of a million people in one statement.

The same rules as `messaging.template_text` and `messaging.rendering`; a test compares the two. What leaves is always
rendered by those.
"""

from itertools import count
from typing import Any

from accounts.models import Organization
from messaging.kinds import LONGEST_CAPTION, Kind
from messaging.models import Batch
from messaging.template_text import LONGEST, Choice, Part, Parts, Template
from messaging.variants import rendering as variants

BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())


class Texts:
    """SQL over a row of messages with the name `message`: its `text`, the `most` signs that its kind may have, and
    whether it `has_file`. The batch's id is the parameter `batch`."""

    def __init__(self, batch: Batch, organization: Organization) -> None:
        self.parameters: dict[str, Any] = {"blanks": BLANKS}
        self._numbers = count()
        self.contents = variants.contents(batch, organization, as_written=True)
        self.text = self._by_variant({key: self._joined(each.template.parts) for key, each in self.contents.items()})
        self.most = self._by_variant({key: str(most_signs(each.kind)) for key, each in self.contents.items()})
        self.has_file = self._by_variant(
            {key: "FALSE" if each.media_id is None else "TRUE" for key, each in self.contents.items()}
        )

    @property
    def templates(self) -> list[Template]:
        return [content.template for content in self.contents.values()]

    def _by_variant(self, by_id: dict[int | None, str]) -> str:
        cases = [f"WHEN {variant_id} THEN {sql}" for variant_id, sql in by_id.items() if variant_id is not None]
        return f"CASE message.variant_id {' '.join(cases)} ELSE {by_id[None]} END" if cases else by_id[None]

    def _joined(self, parts: Parts) -> str:
        return f"({' || '.join(map(self._part, parts))})" if parts else "''"

    def _part(self, part: Part) -> str:
        if isinstance(part, str):
            return self._given(part)
        if isinstance(part, Choice):
            return self._choice(part)
        value = f"message.variables ->> {self._given(part.key)}"
        fallback = "''" if part.fallback is None else self._given(part.fallback)
        return f"CASE WHEN btrim({value}, %(blanks)s) <> '' THEN {value} ELSE {fallback} END"

    def _choice(self, choice: Choice) -> str:
        pick = f"%(batch)s::text || ':' || message.phone_number || ':{choice.number}'"
        first_bits = f"('x' || substr(encode(sha256(convert_to({pick}, 'UTF8')), 'hex'), 1, 8))::bit(32)::bigint"
        options = " ".join(f"WHEN {index} THEN {self._joined(each)}" for index, each in enumerate(choice.options))
        return f"CASE {first_bits} %% {len(choice.options)} {options} END"

    def _given(self, text: str) -> str:
        name = f"text_{next(self._numbers)}"
        self.parameters[name] = text
        return f"%({name})s::text"


def most_signs(kind: str) -> int:
    """How long the text of a message may be, which with a file is its caption."""
    return LONGEST if kind == Kind.TEXT else LONGEST_CAPTION
