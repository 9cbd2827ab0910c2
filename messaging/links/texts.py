"""Puts short links into texts. What is a link is decided in the text as it is written, before values are put in: its
place is marked, and the mark becomes the message's own short link once the text is rendered.

A variable that stands by itself may hold a whole link, each person's own; it becomes a short one if it does.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.encoding import iri_to_uri

from accounts.models import Organization
from messaging import template_text
from messaging.links import tokens
from messaging.models import Batch, Link
from messaging.template_text import TemplateError

PATH = "l"  # of short links, under the organization's own address or ours
_VARIABLE = r"\{\{[^{}\n]*\}\}"
# Up to white space, or the end of a choice; inside, a variable is one sign.
_LINK = re.compile(rf"(?<![\w@.])(?:https?://|www\.)(?:{_VARIABLE}|[^\s{{}}|<>\"“”«»\ue000-\ue003])+", re.IGNORECASE)
_ALONE = re.compile(rf"(?<![^\s{{|])({_VARIABLE})(?![^\s|}}.,!?])")
_BEHIND = ".,!?;:'’)]*_~`"  # what may stand behind a link and is no part of it
# Signs of Unicode's private use: number of the link, begin and end of what a variable holds.
_MARK = re.compile("\ue000(\\d+)\ue001")
_HELD = re.compile("\ue002(\\d+)\ue003([^\ue003]*)\ue003")
_OURS = [template_text.braced(key) for key in template_text.RESERVED]
_WHOLE = re.compile(r"https?://\S+", re.IGNORECASE)

Shorten = Callable[[int, str], str]  # a message's id and its rendered text → the text with short links


def base_of(organization: Organization) -> str:
    return organization.link_address or settings.BASE_URL


def marked(text: str, numbers: dict[str, int]) -> str:
    """The text with marks in place of its links; `numbers` are those of `numbers_of`."""

    def mark_link(found: re.Match[str]) -> str:
        link, behind = _split(found[0])
        return f"\ue000{numbers[link]}\ue001{behind}" if link in numbers else found[0]

    def mark_variable(found: re.Match[str]) -> str:
        return f"\ue002{numbers[found[1]]}\ue003{found[1]}\ue003" if found[1] in numbers else found[0]

    done = _ALONE.sub(mark_variable, _LINK.sub(mark_link, text))
    return done if len(done) <= template_text.LONGEST else text


def shortener(organization: Organization) -> Shorten:
    """Turns marks into short links."""
    base = f"{base_of(organization)}/{PATH}/"

    def shorten(message_id: int, text: str) -> str:
        def short(number: str) -> str:
            return base + tokens.write(message_id, int(number))

        text = _MARK.sub(lambda found: short(found[1]), text)
        return _HELD.sub(lambda found: short(found[1]) if _WHOLE.fullmatch(found[2]) else found[2], text)

    return shorten


def numbers_of(batch: Batch, texts: Iterable[str]) -> dict[str, int]:
    """The number of each link in these texts, as it is written. New ones are stored."""
    wanted = list(dict.fromkeys(link for text in texts for link in links_in(text)))
    known: dict[str, int] = dict(Link.objects.filter(batch=batch).values_list("url", "number"))
    while missing := [link for link in wanted if link not in known]:
        after = max(known.values(), default=0)
        room = missing[: tokens.MOST_LINKS - after]
        if not room:
            break
        rows = [Link(batch=batch, number=after + index, url=link) for index, link in enumerate(room, 1)]
        Link.objects.bulk_create(rows, ignore_conflicts=True)  # somebody else may have numbered them meanwhile
        known = dict(Link.objects.filter(batch=batch).values_list("url", "number"))
    return known


def links_in(text: str) -> list[str]:
    """The links of a text as they are written, and the variables that may hold one."""
    found = [_split(match[0])[0] for match in _LINK.finditer(text)]
    plain = _LINK.sub("\ue000", text)
    alone = [match[1] for match in _ALONE.finditer(plain)]
    return [link for link in found if _has_plain_host(link)] + [each for each in alone if each not in _OURS]


def _split(found: str) -> tuple[str, str]:
    link = found.rstrip(_BEHIND)
    if link.endswith("}") and not link.endswith("}}"):
        link = link[: link.rfind("{{")]
    return link, found[len(link) :]


def _has_plain_host(link: str) -> bool:
    """Where a link leads must not depend on a value: names and attributes are what people call themselves."""
    host = re.split(r"[/?#]", link.partition("://")[2] or link, maxsplit=1)[0]
    return bool(host) and "{{" not in host and "@" not in host and "\\" not in host


def target(url: str, variables: dict[str, str]) -> str:
    """Where a link leads for a person with these values. Empty where that is nowhere."""
    try:
        text, missing = template_text.render(url, variables)
    except TemplateError:
        return ""
    text = text.strip()
    if text.lower().startswith("www."):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if missing or parts.scheme not in ("http", "https") or not parts.hostname or any(c in text for c in "\r\n\\"):
        return ""
    return iri_to_uri(text) or ""
