"""Texts with variables: `Hi {{name}}, you owe {{ Jumlah Tagihan | nothing }}`.

A variable is compared as columns are (`contacts.columns.variable_key`). What stands behind `|` is used where the
person has no value; without it, a person who has no value gets no message. Values are put in as they are: braces in
them are plain text.

`{Hi|Hello {{name}}|Hey}` is a choice: each person gets one of the options, so that not all texts are the same. Which one is
decided by what `render` is told to pick by, and stays the same however often it is rendered. Choices may stand in
each other. Single braces without a bar between them are plain text.

`{{unsubscribe}}` is reserved: it is the organization's own text about leaving, whatever columns a list has. `filled`
puts it in before the values of a person are looked at.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

from accounts.models import Organization
from contacts import opt_out_texts
from contacts.columns import variable_key
from contacts.queries import settings_of

OPEN, CLOSE = "{{", "}}"
UNSUBSCRIBE = "unsubscribe"
RESERVED = (UNSUBSCRIBE,)
LONGEST = 4096  # signs of a text: the limit of WhatsApp's official API


class TemplateError(ValueError):
    """The text cannot be used. The message names the place and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Variable:
    """`key` is what values are found by, `written` what stands between the braces; no fallback means: required."""

    key: str
    written: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options` is taken; `number` tells the choices of a text apart."""

    number: int
    options: tuple["Parts", ...]


Part: TypeAlias = str | Variable | Choice
Parts: TypeAlias = tuple[Part, ...]


@dataclass(frozen=True)
class Template:
    """A text taken apart: plain pieces (str), variables and choices, in their order."""

    parts: Parts

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The keys of all variables, each once, in the order of the text."""
        return tuple(dict.fromkeys(each.key for each in _variables(self.parts)))

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The keys that a person must have a value for, also where only some options ask for it."""
        return tuple(key for key in _without_fallback(self.parts) if key not in RESERVED)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Those that stand in no other choice."""
        return tuple(part for part in self.parts if isinstance(part, Choice))

    def render(self, values: Mapping[str, Any], pick: str = "") -> tuple[str, list[str]]:
        """The text for one person, and the keys of required variables that have no value (blank counts as none).

        `pick` decides what is taken of each choice: the same always gives the same.
        """
        pieces: list[str] = []
        missing: list[str] = []
        _put_together(self.parts, values, pick, pieces, missing)
        if self.choices:  # who lacks what another option asks for is skipped as well: chance does not decide that
            missing += [key for key in self._asked_in_choices if key not in missing and is_blank(values.get(key))]
        return "".join(pieces), missing

    @cached_property
    def _asked_in_choices(self) -> tuple[str, ...]:
        return tuple(_without_fallback(self.choices))


def _put_together(parts: Parts, values: Mapping[str, Any], pick: str, pieces: list[str], missing: list[str]) -> None:
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
            continue
        if isinstance(part, Choice):
            _put_together(taken(part, pick), values, pick, pieces, missing)
            continue
        value = values.get(part.key)
        text = value if isinstance(value, str) else "" if value is None else str(value)
        if text and not text.isspace():
            pieces.append(text)
        elif part.fallback is not None:
            pieces.append(part.fallback)
        elif part.key not in missing:
            missing.append(part.key)


def taken(choice: Choice, pick: str) -> Parts:
    """The option that is taken: by the first 32 bits of SHA-256, as `messaging.template_sql` does it too."""
    digest = hashlib.sha256(f"{pick}:{choice.number}".encode()).digest()
    return choice.options[int.from_bytes(digest[:4], "big") % len(choice.options)]


def is_blank(value: Any) -> bool:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return not text or text.isspace()


def _variables(parts: Iterable[Part]) -> Iterator[Variable]:
    for part in parts:
        if isinstance(part, Variable):
            yield part
        elif isinstance(part, Choice):
            for option in part.options:
                yield from _variables(option)


def _without_fallback(parts: Iterable[Part]) -> dict[str, None]:
    return dict.fromkeys(variable.key for variable in _variables(parts) if variable.fallback is None)


def parse(text: str, *, may_be_empty: bool = False) -> Template:
    """Takes a text apart. Raises `TemplateError` for an empty or too long text and for braces that do not fit."""
    if not text.strip() and not may_be_empty:
        raise TemplateError(_("Write the text of the message."))
    if len(text) > LONGEST:
        raise TemplateError(
            _("The text has %(length)s characters; %(most)s are possible.") % {"length": len(text), "most": LONGEST}
        )
    return Template(_parts_of(text))


@dataclass
class _Braces:
    """Single braces that are open: what was read since, by the bars in between."""

    begin: int
    options: list[list[Part]] = field(default_factory=lambda: [[]])

    def plain(self, end: str) -> list[Part]:
        """What it is when it turns out to be no choice."""
        parts: list[Part] = ["{"]
        for index, option in enumerate(self.options):
            parts += ["|"] * bool(index) + option
        return [*parts, end]


_SIGN = re.compile(r"\{(?=\{\{)|\{\{|[{|}]")


def _parts_of(text: str) -> Parts:
    """One walk from left to right, whatever braces there are: what is never closed is plain."""
    outside = _Braces(begin=-1)
    opened = [outside]
    at = choices = 0
    while (sign := _SIGN.search(text, at)) is not None:
        innermost = opened[-1].options[-1]
        innermost += [text[at : sign.start()]] * (sign.start() > at)
        at = sign.end()
        if sign.group() == OPEN:
            variable, at = _variable_at(text, sign.start())
            innermost.append(variable)
        elif sign.group() == "{":
            opened.append(_Braces(begin=sign.start()))
        elif len(opened) == 1:
            innermost.append(sign.group())
        elif sign.group() == "|":
            opened[-1].options.append([])
        else:
            braces = opened.pop()
            if len(braces.options) > 1:
                opened[-1].options[-1].append(Choice(choices, tuple(_joined(each) for each in braces.options)))
                choices += 1
            elif len(braces.options[0]) == 1 and isinstance(alone := braces.options[0][0], Variable):
                raise TemplateError(_too_many(f"{{{alone.written}", alone.key))
            else:
                opened[-1].options[-1] += braces.plain("}")
    opened[-1].options[-1].append(text[at:])
    while len(opened) > 1:
        braces = opened.pop()
        opened[-1].options[-1] += braces.plain("")
    return _joined(outside.options[0])


def _joined(parts: list[Part]) -> Parts:
    """The same with plain pieces that stand side by side in one."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _variable_at(text: str, begin: int) -> tuple[Variable, int]:
    end = text.find(CLOSE, begin + len(OPEN))
    inside = text[begin + len(OPEN) : end] if end >= 0 else ""
    if end < 0 or OPEN in inside or "\n" in inside:
        raise TemplateError(_unclosed(text, begin))
    return _variable(inside), end + len(CLOSE)


def render(text: str, values: Mapping[str, Any], pick: str = "") -> tuple[str, list[str]]:
    """`parse` and `Template.render` in one, for a single person."""
    return parse(text).render(values, pick)


def filled(template: Template, organization: Organization) -> Template:
    """The same with the organization's text in place of {{unsubscribe}}."""
    if UNSUBSCRIBE not in template.variables:
        return template
    text = opt_out_texts.unsubscribe_text(settings_of(organization))

    def put_in(part: Part) -> Part:
        if isinstance(part, Choice):
            return Choice(part.number, tuple(tuple(map(put_in, option)) for option in part.options))
        return text if isinstance(part, Variable) and part.key == UNSUBSCRIBE else part

    return Template(tuple(map(put_in, template.parts)))


def check(template: Template, known: Iterable[str]) -> None:
    """Raises `TemplateError` where the text uses a variable that is neither among the `known` keys nor reserved."""
    keys = list(known)
    for part in _variables(template.parts):
        if part.key not in (*keys, *RESERVED):
            raise TemplateError(_unknown(part, keys and list(dict.fromkeys([*keys, *RESERVED]))))


def braced(key: str) -> str:
    return f"{OPEN}{key}{CLOSE}"


def _variable(inside: str) -> Variable:
    name, bar, fallback = inside.partition("|")
    written = name.strip()
    if "{" in inside or "}" in inside:
        raise TemplateError(_too_many(inside, variable_key(written)))
    key = variable_key(written)
    if not key:
        raise TemplateError(
            _("“{{%(inside)s}}” names no variable. Write a column between the braces, such as {{name}}.")
            % {"inside": inside}
        )
    return Variable(key, written, fallback.strip() if bar else None)


def _too_many(inside: str, key: str) -> str:
    words = {"inside": inside, "example": braced(key or "name")}
    return (
        _("“{{%(inside)s}}” has too many braces. Write two before and two behind the variable: %(example)s.") % words
    )


def _unclosed(text: str, begin: int) -> str:
    excerpt = text[begin : begin + 20].split("\n")[0]
    return _("“%(excerpt)s” is not closed: write }} behind the variable, as in {{name}}.") % {"excerpt": excerpt}


def _unknown(variable: Variable, known: list[str]) -> str:
    if not known:
        return _("There is no column for {{%(written)s}}.") % {"written": variable.written}
    words = {"written": variable.written, "columns": ", ".join(braced(key) for key in known)}
    near = difflib.get_close_matches(variable.key, known, n=1)
    if near:
        return _("There is no column for {{%(written)s}}. Did you mean %(near)s? The list has %(columns)s.") % {
            **words,
            "near": braced(near[0]),
        }
    return _("There is no column for {{%(written)s}}. The list has %(columns)s.") % words
