"""Every kind of message on the emulated WhatsApp, out and in; groups, typing, and checks of numbers."""

import base64
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from messaging.events import Inbound
from session_service.providers.base import Media, NotPossible
from tests.session_service.baileys.linking import PATIENCE, Linked
from tests.session_service.listening import until
from tests.whatsapp_emulator.running import RunningEmulator

pytestmark = pytest.mark.django_db(transaction=True)

Link = Callable[..., Awaitable[Linked]]
NewPhone = Callable[[], str]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
FILES = {
    "image": ("image/png", PNG),
    "video": ("video/mp4", os.urandom(3000)),
    "document": ("application/pdf", b"%PDF-1.4 " + os.urandom(50_000)),
    "audio": ("audio/mpeg", os.urandom(2000)),
    "voice": ("audio/ogg; codecs=opus", os.urandom(2000)),
    "sticker": ("image/webp", os.urandom(1000)),
}


async def arrival(linked: Linked, phone: str, number: int = 1) -> dict[str, Any]:
    """What the phone decrypted last, once it got so many messages."""
    lines: list[dict[str, Any]] = []

    async def enough() -> bool:
        lines[:] = await linked.inbox(phone)
        return len(lines) >= number

    for _ in range(200):
        if await enough():
            return lines[-1]
        await linked.pause()
    raise AssertionError(lines)


@pytest.mark.parametrize("kind", FILES)
async def test_files_arrive_as_they_were(kind: str, link: Link, new_phone: NewPhone, tmp_path: Path) -> None:
    linked, person = await link(), new_phone()
    mime_type, content = FILES[kind]
    path = tmp_path / "file"
    path.write_bytes(content)
    caption = "Your receipt" if kind in ("image", "video", "document") else ""
    media = Media("stored", mime_type, "Receipt.pdf", len(content), str(path))
    await linked.send(1, person, caption, kind=kind, media=media)
    assert await linked.has_result(1) == ("acknowledged", "")
    line = await arrival(linked, person)
    assert (line["kind"], line["text"]) == (kind, caption)
    assert line["content"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert line["content"]["mime_type"] == mime_type
    if kind == "document":
        assert line["content"]["file_name"] == "Receipt.pdf"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("location", {"latitude": -6.2, "longitude": 106.8, "name": "Office", "address": "Jl. Thamrin 1"}),
        ("contact", {"name": "Siti, Ltd; (sales)", "phone_number": "+628123456789"}),
        ("poll", {"question": "When?", "options": ["Monday", "Tuesday", "Never"], "choices": 1}),
    ],
)
async def test_other_kinds_arrive(kind: str, content: dict[str, Any], link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person, "", kind=kind, content=content)
    assert await linked.has_result(1) == ("acknowledged", "")
    line = await arrival(linked, person)
    assert (line["kind"], line["content"]) == (kind, content)


async def test_an_answer_quotes_and_a_reaction_points(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    question = await linked.say(person, "Are you open?")
    quoted = {"reply_to": {"whatsapp_id": question, "from_me": False, "text": "Are you open?"}}
    await linked.send(1, person, "Until nine.", content=quoted)
    line = await arrival(linked, person)
    assert (line["text"], line["content"]["reply_to"]) == ("Until nine.", question)
    await linked.send(2, person, "", kind="reaction", content={"to": question, "from_me": False, "emoji": "👍"})
    line = await arrival(linked, person, 2)
    assert (line["kind"], line["content"]["to"], line["content"]["emoji"]) == ("reaction", question, "👍")


async def received(linked: Linked, number: int = 1) -> Inbound:
    return (await linked.hears(number))[number - 1]


@pytest.mark.parametrize("kind", FILES)
async def test_files_of_people_are_fetched_and_are_gone_once_they_are_stored(
    kind: str, link: Link, new_phone: NewPhone
) -> None:
    linked, person = await link(), new_phone()
    mime_type, content = FILES[kind]
    data = base64.b64encode(content).decode()
    named = {"file_name": "Complaint.pdf"} if kind == "document" else {}
    await linked.say(person, "", kind=kind, data=data, mime_type=mime_type, **named)
    said = await received(linked)
    assert said.kind == kind
    assert said.media is not None
    assert (said.media.error, said.media.size) == ("", len(content))
    assert said.media.sha256 == hashlib.sha256(content).hexdigest()
    assert said.media.mime_type == mime_type.split(";")[0]
    assert said.media.file_name == named.get("file_name", "")
    assert linked.heard.files == {said.media.path: content}
    await until(lambda: said.media and not Path(said.media.path).exists())


async def test_a_file_that_is_too_large_is_not_fetched(link: Link, new_phone: NewPhone, settings: Any) -> None:
    settings.MEDIA_MAX_BYTES = 1000
    linked, person = await link(), new_phone()
    await linked.say(person, "look", kind="image", data=base64.b64encode(os.urandom(1001)).decode())
    said = await received(linked)
    assert said.text == "look"
    assert said.media is not None
    assert (said.media.error, said.media.path, said.media.size) == ("too_large", "", 1001)


async def test_a_file_that_cannot_be_fetched_is_reported_with_its_message(
    link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked, person = await link(), new_phone()
    await linked.in_thread(whatsapp.fault, "media_error", code=404)
    await linked.say(person, "look", kind="image", data=base64.b64encode(PNG).decode())
    said = await received(linked)
    assert (said.text, said.media and said.media.error) == ("look", "failed")


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("location", {"latitude": 1.5, "longitude": 2.5, "name": "Home"}, None),
        ("contact", {"name": "Budi", "phone_number": "+628123456789"}, None),
        ("poll", {"question": "When?", "options": ["Now", "Later"], "choices": 1}, None),
        ("unsupported", {}, {"name": "groupInviteMessage"}),
    ],
)
async def test_other_kinds_of_people_are_understood(
    kind: str, content: dict[str, Any], expected: dict[str, Any] | None, link: Link, new_phone: NewPhone
) -> None:
    linked, person = await link(), new_phone()
    await linked.say(person, "", kind=kind, **content)
    said = await received(linked)
    assert (said.kind, said.content) == (kind, expected or content)


async def test_replies_reactions_edits_and_deletions_of_people(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person, "Your order is ready.")
    await linked.has_result(1)
    ours = (await arrival(linked, person))["message_id"]

    await linked.say(person, "Thanks!", reply_to=ours)
    reply = await received(linked)
    assert reply.content["reply_to"] == {"whatsapp_id": ours, "from_me": True, "text": "Your order is ready."}

    await linked.say(person, "", kind="reaction", to_message=ours, emoji="❤️")
    reaction = await received(linked, 2)
    assert (reaction.kind, reaction.content) == ("reaction", {"to": ours, "from_me": True, "emoji": "❤️"})

    await linked.say(person, "Thank you!", kind="edit", to_message=reply.whatsapp_id)
    await until(lambda: linked.changes, PATIENCE)
    assert (linked.changes[0].whatsapp_id, linked.changes[0].text) == (reply.whatsapp_id, "Thank you!")

    await linked.say(person, kind="deletion", to_message=reply.whatsapp_id)
    await until(lambda: len(linked.changes) == 2, PATIENCE)
    assert (linked.changes[1].whatsapp_id, linked.changes[1].deleted) == (reply.whatsapp_id, True)


async def test_what_the_owner_takes_back_on_the_phone_is_known(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person)
    await linked.has_result(1)
    said = {"from": linked.phone, "to": person}
    written = await linked.in_thread(linked.whatsapp.post, "/say", said | {"text": "Wrong price"})
    take_back = said | {"kind": "deletion", "to_message": written["message_id"]}
    await linked.in_thread(linked.whatsapp.post, "/say", take_back)
    await until(lambda: linked.changes, PATIENCE)
    [change] = linked.changes
    assert (change.whatsapp_id, change.deleted, change.from_me) == (written["message_id"], True, True)
    assert linked.heard.inbound == []


async def test_a_check_of_numbers_says_who_is_on_whatsapp(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    found = await linked.session.check_numbers([person, "+628211110000"])
    assert found[person].exists
    assert found[person].lid
    assert not found["+628211110000"].exists


async def test_without_a_connection_nothing_can_be_asked(link: Link) -> None:
    linked = await link()
    await linked.close()
    with pytest.raises(NotPossible, match="not connected"):
        await linked.session.check_numbers(["+628123456789"])


async def test_typing_is_seen_by_the_person(link: Link, new_phone: NewPhone, whatsapp: RunningEmulator) -> None:
    linked, person = await link(), new_phone()
    await linked.session.typing(person, 1.0)
    for _ in range(100):
        if seen := await linked.in_thread(whatsapp.get, "/typing"):
            break
        await linked.pause()
    assert seen[-1]["from"] == linked.phone


async def test_a_group_is_made_written_to_and_heard(link: Link, new_phone: NewPhone) -> None:
    linked, one, other = await link(), new_phone(), new_phone()
    await linked.session.check_numbers([one, other])
    group = await linked.session.create_group("Customers", [one, other])
    assert group.subject == "Customers"
    assert group.whatsapp_id.endswith("@g.us")
    assert {member.phone_number for member in group.members} == {linked.phone, one, other}
    assert [found.whatsapp_id for found in await linked.session.groups()] == [group.whatsapp_id]
    members = await linked.session.group_members(group.whatsapp_id)
    assert {member.phone_number: member.is_admin for member in members} == {
        linked.phone: True,
        one: False,
        other: False,
    }

    await linked.send(1, "", "Hello everybody", group=group.whatsapp_id)
    assert await linked.has_result(1) == ("acknowledged", "")
    for person in (one, other):
        line = await arrival(linked, person)
        assert (line["text"], line["group"]) == ("Hello everybody", group.whatsapp_id)
    await until(lambda: len(linked.heard.receipts) >= 2, PATIENCE)

    await linked.say_in(group.whatsapp_id, one, "Hello!")
    said = await received(linked)
    assert (said.text, said.group, said.phone_number) == ("Hello!", group.whatsapp_id, one)
