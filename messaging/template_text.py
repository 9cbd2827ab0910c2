"""Texts with variables: `Hi {{name}}, you owe {{ Jumlah Tagihan | nothing }}`.

A variable is compared as columns are (`contacts.columns.variable_key`). What stands behind `|` is used where the
person has no value; without it, a person who has no value gets no message. Values are put in as they are: braces in
them are plain text.

`{{unsubscribe}}` is reserved: it is the organization's own text about leaving, whatever columns a list has. `filled`
puts it in before the values of a person are looked at.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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


@dataclass(frozen=True)
class Template:
    """A text taken apart: plain pieces (str) and variables, in their order."""

    parts: tuple[str | Variable, ...]

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The keys of all variables, each once, in the order of the text."""
        return tuple(dict.fromkeys(part.key for part in self.parts if isinstance(part, Variable)))

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The keys that a person must have a value for."""
        found = (part.key for part in self.parts if isinstance(part, Variable) and part.fallback is None)
        return tuple(key for key in dict.fromkeys(found) if key not in RESERVED)

    def render(self, values: Mapping[str, Any]) -> tuple[str, list[str]]:
        """The text for one person, and the keys of required variables that have no value (blank counts as none)."""
        pieces: list[str] = []
        missing: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
                continue
            value = values.get(part.key)
            text = value if isinstance(value, str) else "" if value is None else str(value)
            if text and not text.isspace():
                pieces.append(text)
            elif part.fallback is not None:
                pieces.append(part.fallback)
            elif part.key not in missing:
                missing.append(part.key)
        return "".join(pieces), missing


def parse(text: str) -> Template:
    """Takes a text apart. Raises `TemplateError` for an empty or too long text and for braces that do not fit."""
    if not text.strip():
        raise TemplateError(_("Write the text of the message."))
    if len(text) > LONGEST:
        raise TemplateError(
            _("The text has %(length)s characters; %(most)s are possible.") % {"length": len(text), "most": LONGEST}
        )
    parts: list[str | Variable] = []
    at = 0
    while (begin := text.find(OPEN, at)) >= 0:
        end = text.find(CLOSE, begin + len(OPEN))
        inside = text[begin + len(OPEN) : end] if end >= 0 else ""
        if end < 0 or OPEN in inside or "\n" in inside:
            raise TemplateError(_unclosed(text, begin))
        parts += [text[at:begin]] * (begin > at)
        parts.append(_variable(inside))
        at = end + len(CLOSE)
    parts += [text[at:]] * (at < len(text))
    return Template(tuple(parts))


def render(text: str, values: Mapping[str, Any]) -> tuple[str, list[str]]:
    """`parse` and `Template.render` in one, for a single person."""
    return parse(text).render(values)


def filled(template: Template, organization: Organization) -> Template:
    """The same with the organization's text in place of {{unsubscribe}}."""
    if UNSUBSCRIBE not in template.variables:
        return template
    text = opt_out_texts.unsubscribe_text(settings_of(organization))
    return Template(
        tuple(text if isinstance(part, Variable) and part.key == UNSUBSCRIBE else part for part in template.parts)
    )


def check(template: Template, known: Iterable[str]) -> None:
    """Raises `TemplateError` where the text uses a variable that is neither among the `known` keys nor reserved."""
    keys = list(known)
    for part in template.parts:
        if isinstance(part, Variable) and part.key not in (*keys, *RESERVED):
            raise TemplateError(_unknown(part, keys and list(dict.fromkeys([*keys, *RESERVED]))))


def braced(key: str) -> str:
    return f"{OPEN}{key}{CLOSE}"


def _variable(inside: str) -> Variable:
    name, bar, fallback = inside.partition("|")
    written = name.strip()
    if "{" in inside or "}" in inside:
        raise TemplateError(
            _("“{{%(inside)s}}” has too many braces. Write two before and two behind the variable: %(example)s.")
            % {"inside": inside, "example": braced(variable_key(written) or "name")}
        )
    key = variable_key(written)
    if not key:
        raise TemplateError(
            _("“{{%(inside)s}}” names no variable. Write a column between the braces, such as {{name}}.")
            % {"inside": inside}
        )
    return Variable(key, written, fallback.strip() if bar else None)


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
