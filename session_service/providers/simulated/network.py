"""The simulated WhatsApp network: its state in Redis, and what its phones and people do.

It lies outside every database transaction, as the real network does: what arrived at a phone stays arrived,
whichever process is killed. Each step is one Lua script, hence atomic; `scripts/common.lua` lists the keys. The
network is for one Redis server, not for a cluster. A link lasts as long as Redis keeps it.

The functions here are the outside world: the demo phone that scans, people who write, the record of what arrived.
Sessions use the network through `SimulatedProvider`.
"""

import base64
import json
import mimetypes
import secrets
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import redis
from django.conf import settings

from session_service.providers.simulated.numbers import lid_of
from session_service.providers.simulated.queue_events import FILE_KEY, changed_event, inbound_event

PREFIX = "simulator:"
TYPING = f"{PREFIX}typing"
DELIVERIES = f"{PREFIX}deliveries"
GROUPS = f"{PREFIX}groups"
FILES = f"{PREFIX}file:"
SCRIPTS = Path(__file__).parent / "scripts"
READ_AT_ONCE = 5000
FILES_KEPT_SECONDS = 7 * 24 * 3600


class NetworkError(Exception):
    """The network cannot do what was asked; the text is for people."""


class NoQrCode(NetworkError):
    """There is no QR code to scan, or it ran out."""


class NumberBanned(NetworkError):
    """The network refuses the number."""


class NotLinked(NetworkError):
    """No sender is linked to the number."""


@cache
def script(name: str) -> str:
    """The source of a step, with the common part in front."""
    return "\n".join((SCRIPTS / f"{part}.lua").read_text() for part in ("common", name))


@cache
def _client_of(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def _client() -> redis.Redis:
    return _client_of(settings.REDIS_URL)


def _call(name: str, *arguments: str | int) -> Any:
    return _client().register_script(script(name))(args=list(arguments))


def scan(*, sender_id: int | None = None, code: str = "") -> str:
    """The demo phone scans the QR code that a sender shows, named by the sender or by the code's text.

    Returns the phone number that is linked now: the one that the sender wanted, else a new one. Raises `NoQrCode` or
    `NumberBanned`.
    """
    if sender_id is None:
        sender_id = int(_client().get(f"{PREFIX}code:{code}") or 0)
    for attempt in range(100):
        answer, *numbers = _call("scan", sender_id, code, _proposed_number(sender_id, attempt))
        if answer == "no_code":
            raise NoQrCode("There is no QR code to scan. Connect the sender, and scan while the code is shown.")
        if answer == "banned":
            raise NumberBanned(f"WhatsApp has banned {numbers[0]}.")
        if answer == "linked":
            return str(numbers[0])
    raise NetworkError("Found no free phone number.")


def _proposed_number(sender_id: int, attempt: int) -> str:
    """An Indonesian-looking number; the last digit keeps it off the numbers that are not on WhatsApp."""
    middle = (sender_id * 7919 + attempt * 104729) % 10**7
    return f"+62811{middle:07d}{1 + middle % 9}"


def link(phone_number: str, sender_id: int) -> None:
    """Links a number without a QR code. A sender that was linked to it before is logged out."""
    _call("link", phone_number, sender_id)


def logout_phone(phone_number: str) -> None:
    """The phone unlinks its sender. Raises `NotLinked`."""
    if not _call("logout", phone_number):
        raise NotLinked(f"No sender is linked to {phone_number}.")


def ban(phone_number: str) -> None:
    """The network refuses the number until `unban`; its session is told."""
    _call("ban", phone_number)


def unban(phone_number: str) -> None:
    """Lets the number in again, once its session is opened anew."""
    _client().srem(f"{PREFIX}banned", phone_number)


def say(
    *,
    from_number: str,
    to_number: str,
    text: str = "",
    file: Path | None = None,
    hides_number: bool = False,
    **rest: Any,
) -> str:
    """A person writes to a linked number, or shows it a file. Returns the id of the message; raises `NotLinked`.

    `rest` may have kind, content, name and group, as in `messaging.events.Inbound`. Who hides the number is seen by LID
    alone. The message waits for the sender while its session is closed, as long as Redis keeps it.
    """
    message_id = f"SIM{secrets.token_hex(10).upper()}"
    if file is not None:
        rest["media"], content = described(file)
        if content:
            _client().set(f"{FILES}{rest['media']['sha256']}", content, ex=FILES_KEPT_SECONDS)
    shown = "" if hides_number else from_number
    _tell(to_number, inbound_event(shown, message_id, text, lid=lid_of(from_number), **rest))
    return message_id


def edit(*, from_number: str, to_number: str, message_id: str, text: str) -> None:
    """A person changes what they wrote to a linked number. Raises `NotLinked`."""
    _tell(to_number, changed_event(from_number, message_id, text=text))


def delete(*, from_number: str, to_number: str, message_id: str) -> None:
    """A person deletes for everyone what they wrote to a linked number. Raises `NotLinked`."""
    _tell(to_number, changed_event(from_number, message_id))


def described(file: Path) -> tuple[dict[str, Any], str]:
    """A file that somebody sends, as it stands in a queued event, and its content in base64. Of one that is larger
    than senders take, they only hear."""
    content = file.read_bytes()
    media: dict[str, Any] = {
        "mime_type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "file_name": file.name,
        "size": len(content),
    }
    if len(content) > settings.MEDIA_MAX_BYTES:
        return {**media, "error": "too_large"}, ""
    digest = sha256(content).hexdigest()
    return {**media, "sha256": digest, FILE_KEY: digest}, base64.b64encode(content).decode()


def _tell(to_number: str, event: str) -> None:
    if not _call("say", to_number, event):
        raise NotLinked(f"No sender is linked to {to_number}.")


def typing_seen() -> list[dict[str, Any]]:
    """Each “typing…” that a phone has shown, oldest first: {"from", "to", "seconds"}."""
    return [json.loads(line) for line in _client().lrange(TYPING, 0, -1)]


def deliveries() -> Iterator[dict[str, Any]]:
    """Every arrival at a phone, oldest first: {"to", "from", "message_id", "text", "at", "attempt", "duplicate"}, and
    what a plain text does not have: "kind", "content", "media" (what is known of the file, with its sha256).

    A message to a group arrives once, with the group's id under "to" and "group"; one to a person who is known by LID
    only has "lid", and the LID with "@lid" under "to".
    `attempt` counts the arrivals of one id at one phone; all but the first are duplicates, which the phone drops and
    nobody sees. `at` is UTC in ISO 8601. A network that makes its own ids adds "client_reference", our id.
    """
    read = 0
    while lines := _client().lrange(DELIVERIES, read, read + READ_AT_ONCE - 1):
        yield from map(json.loads, lines)
        read += len(lines)


def reset_deliveries(number: int | None = None) -> int:
    """Forgets the oldest `number` arrivals, or all, and returns how many. The phones still recognise repeats."""
    client = _client()
    if number is None:
        number = int(client.llen(DELIVERIES))
    client.ltrim(DELIVERIES, number, -1)
    return number


def reset() -> None:
    """A new network: nothing is linked, banned, waiting or recorded."""
    client = _client()
    keys = list(client.scan_iter(f"{PREFIX}*", count=READ_AT_ONCE))
    for start in range(0, len(keys), READ_AT_ONCE):
        client.unlink(*keys[start : start + READ_AT_ONCE])
