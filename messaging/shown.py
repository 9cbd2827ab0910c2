"""What a person sees of a message of any kind, for pages and the admin alike."""

from dataclasses import dataclass, field
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from messaging.kinds import WITH_FILE, Kind
from messaging.media_response import SHOWN as SHOWN_IN_BROWSERS
from messaging.media_response import why_no_file
from messaging.models import Message, MessageStatus

MAP = "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
PLAYERS = {
    Kind.IMAGE: "picture",
    Kind.STICKER: "picture",
    Kind.VIDEO: "video",
    Kind.AUDIO: "audio",
    Kind.VOICE: "audio",
}


@dataclass
class Shown:
    """`show` is how: text, picture, video, audio, file, card, emoji, or note, which is about the message instead of it.
    `title` and `lines` belong to a card or a file."""

    show: str = "text"
    kind: str = ""
    text: str = ""
    title: str = ""
    lines: list[str] = field(default_factory=list)
    link: str = ""
    quote: str | None = None
    is_edited: bool = False


def shown(message: Message) -> Shown:
    content = message.content
    seen = Shown(
        kind=str(message.get_kind_display()), text=message.text, is_edited=message.edited_at is not None, quote=None
    )
    if message.deleted_at is not None:
        seen.show, seen.title = "note", _("This message was deleted.")
        return seen
    if message.cleared_at is not None:
        seen.show, seen.title = "note", _("The text is no longer kept.")
        return seen
    if message.kind == Kind.TEXT and not message.text and message.batch_id is not None:
        waits = message.status == MessageStatus.PENDING
        seen.show = "note"
        seen.title = _("Its text is written when its turn comes.") if waits else _("Its text was never written.")
        return seen
    if (quoted := content.get("reply_to")) is not None:
        seen.quote = quoted.get("text") or _("A message without text")
    if message.kind in WITH_FILE:
        _show_file(seen, message)
    elif message.kind in _CARDS:
        seen.show = "card"
        _CARDS[Kind(message.kind)](seen, content)
    return seen


def _show_file(seen: Shown, message: Message) -> None:
    if message.media is None:
        seen.show, seen.title = "note", why_no_file(message)
        return
    is_safe = message.media.mime_type.split(";")[0].strip().lower() in SHOWN_IN_BROWSERS
    seen.show = PLAYERS.get(Kind(message.kind), "file") if is_safe else "file"
    seen.title = message.media.file_name or seen.kind
    seen.lines = [f"{seen.kind} · {filesizeformat(message.media.size)}"]


def _location(seen: Shown, content: dict[str, Any]) -> None:
    seen.title = content.get("name") or _("Location")
    latitude, longitude = content.get("latitude") or 0, content.get("longitude") or 0
    seen.lines = [line for line in (content.get("address"), f"{latitude:.5f}, {longitude:.5f}") if line]
    seen.link = MAP.format(latitude=latitude, longitude=longitude)


def _contact(seen: Shown, content: dict[str, Any]) -> None:
    seen.title = content.get("name") or _("Contact card")
    seen.lines = [content.get("phone_number") or _("Without a number")]


def _poll(seen: Shown, content: dict[str, Any]) -> None:
    options = content.get("options", [])
    choices = content.get("choices") or len(options)
    seen.title = content.get("question") or _("Poll")
    may = ngettext("One choice", "Up to %(n)d choices", choices) % {"n": choices}
    seen.lines = [*(f"○ {option}" for option in options), may]


def _vote(seen: Shown, content: dict[str, Any]) -> None:
    seen.title = _("Voted in a poll")
    seen.lines = [f"● {option}" for option in content.get("options", [])] or [_("Took the vote back")]


def _reaction(seen: Shown, content: dict[str, Any]) -> None:
    seen.show = "emoji" if content.get("emoji") else "note"
    seen.title = content.get("emoji") or _("Took a reaction back")


def _unsupported(seen: Shown, content: dict[str, Any]) -> None:
    seen.show = "note"
    seen.title = _("A message that only the phone can show")
    seen.lines = [content["name"]] if content.get("name") else []


_CARDS = {
    Kind.LOCATION: _location,
    Kind.CONTACT: _contact,
    Kind.POLL: _poll,
    Kind.POLL_VOTE: _vote,
    Kind.REACTION: _reaction,
    Kind.UNSUPPORTED: _unsupported,
}
