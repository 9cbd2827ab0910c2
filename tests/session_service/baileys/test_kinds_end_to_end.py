"""Every kind from the API to a phone of the emulated WhatsApp and from a phone into the ledger, with everything between:
planner, worker, storage, bridge, encryption."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from contacts.models import Contact
from messaging import planner
from messaging.models import Message, MessageStatus
from senders import linking
from senders.models import Sender, SenderStatus
from tests.fixtures_people import api_client
from tests.messaging.files import JPEG, MP4, OGG, WEBP, body
from tests.session_service.baileys.linking import MakeSender
from tests.session_service.running import running_worker, wait_until
from tests.whatsapp_emulator.running import RunningEmulator

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {
    "image": ("image/jpeg", JPEG),
    "video": ("video/mp4", MP4),
    "audio": ("audio/mpeg", b"ID3 song"),
    "voice": ("audio/ogg; codecs=opus", OGG),
    "document": ("application/pdf", b"%PDF-1.7 bill"),
    "sticker": ("image/webp", WEBP),
}


@dataclass
class Chat:
    """A linked sender that a worker holds, and a person on the emulated WhatsApp."""

    api: APIClient
    whatsapp: RunningEmulator
    sender: Sender
    person: str

    def sends(self, **fields: Any) -> dict[str, Any]:
        """Sends by the API and gives the answer once the message is read, or, of a reaction, delivered."""
        to = {} if {"reply_to", "reaction", "group"} & set(fields) else {"to": self.person}
        response = self.api.post("/api/messages", {**to, **fields}, format="json")
        assert response.status_code == 202, response.content
        address = f"/api/messages/{response.json()['id']}"
        last = "delivered" if "reaction" in fields else "read"
        wait_until(lambda: self._status_at(address) == last, f"{fields} is {last}")
        return self.api.get(address).json()

    def _status_at(self, address: str) -> str:
        planner.plan_all()
        return self.api.get(address).json()["status"]

    def says(self, **fields: Any) -> Message:
        """The person writes; gives the message as the ledger has it."""
        whatsapp_id = self.whatsapp.say(sender=self.person, to=self.sender.phone_number, **fields)
        wait_until(lambda: Message.objects.filter(whatsapp_id=whatsapp_id).exists(), f"{fields} is stored")
        return Message.objects.get(whatsapp_id=whatsapp_id)

    def arrived(self, message: dict[str, Any]) -> dict[str, Any]:
        [line] = [line for line in self.whatsapp.lines(self.person) if line["message_id"] == message["whatsapp_id"]]
        return line


@pytest.fixture
def chat(
    whatsapp: RunningEmulator,
    new_sender: MakeSender,
    new_phone: Callable[[], str],
    settings: Any,
    tmp_path: Path,
) -> Iterator[Chat]:
    settings.MEDIA_ROOT = tmp_path
    sender, phone = new_sender(), new_phone()
    with running_worker():
        wait_until(lambda: linking.shown_qr(sender.pk), "a QR code is shown")
        code = linking.shown_qr(sender.pk)
        assert code is not None
        whatsapp.scan(qr=code.text, phone=phone)
        wait_until(lambda: Sender.objects.get().status == SenderStatus.CONNECTED, "the sender is connected")
        yield Chat(api_client(sender.organization), whatsapp, Sender.objects.get(), new_phone())


def test_every_kind_is_read_on_the_phone(chat: Chat) -> None:
    for kind, (mime_type, content) in FILES.items():
        data = base64.b64encode(content).decode()
        sent = chat.sends(kind=kind, media_base64=data, mime_type=mime_type, file_name="Menu.x")
        line = chat.arrived(sent)
        assert (line["kind"], line["content"]["sha256"]) == (kind, sent["media"]["sha256"])
    for kind, fields in {
        "location": {"latitude": -6.2, "longitude": 106.8, "name": "Monas"},
        "contact": {"name": "Ani", "phone_number": "+6281234567892"},
        "poll": {"question": "When?", "options": ["Today", "Tomorrow"], "choices": 1},
    }.items():
        line = chat.arrived(chat.sends(**{kind: fields}))
        assert (line["kind"], line["content"]) == (kind, fields)


def test_every_kind_that_a_person_sends_is_kept(chat: Chat) -> None:
    for kind, (mime_type, content) in FILES.items():
        message = chat.says(kind=kind, data=base64.b64encode(content).decode(), mime_type=mime_type)
        assert message.kind == kind
        assert message.media is not None
        assert default_storage.open(message.media.name).read() == content
        shown = chat.api.get(f"/api/messages/{message.pk}").json()
        assert body(chat.api.get(shown["media"]["url"])) == content
    place = {"latitude": 1.5, "longitude": 2.5, "name": "Home"}
    assert chat.says(kind="location", **place).content == place


def test_a_conversation_with_replies_reactions_votes_edits_and_deletions(chat: Chat) -> None:
    question = chat.says(text="Are you open?")
    answer = chat.sends(text="Until nine.", reply_to=question.pk)
    assert chat.arrived(answer)["content"]["reply_to"] == question.whatsapp_id
    liked = chat.sends(reaction={"to": question.pk, "emoji": "👍"})
    assert chat.arrived(liked)["content"]["emoji"] == "👍"

    thanks = chat.says(text="Thanks", reply_to=answer["whatsapp_id"])
    assert chat.api.get(f"/api/messages/{thanks.pk}").json()["reply_to"] == answer["id"]
    poll = chat.sends(poll={"question": "When?", "options": ["Today", "Tomorrow"]})
    vote = chat.says(kind="poll_vote", to_message=poll["whatsapp_id"], options=["Tomorrow"])
    assert (vote.kind, vote.content) == ("poll_vote", {"to": poll["whatsapp_id"], "options": ["Tomorrow"]})

    chat.whatsapp.say(
        sender=chat.person, to=chat.sender.phone_number, text="Thank you", kind="edit", to_message=thanks.whatsapp_id
    )
    wait_until(lambda: Message.objects.get(pk=thanks.pk).text == "Thank you", "it is edited")
    chat.whatsapp.say(sender=chat.person, to=chat.sender.phone_number, kind="deletion", to_message=thanks.whatsapp_id)
    wait_until(lambda: Message.objects.get(pk=thanks.pk).deleted_at, "it is deleted")
    assert Message.objects.get(pk=thanks.pk).text == ""
    contact = Contact.objects.get()
    assert contact.phone_number == chat.person
    assert contact.lid


def test_numbers_and_groups_through_the_api(chat: Chat) -> None:
    checked = chat.api.post("/api/numbers/check", {"numbers": [chat.person, "+628211110000"]}, format="json").json()
    assert [each["exists"] for each in checked["results"]] == [True, False]
    wanted = {"sender": chat.sender.pk, "subject": "Customers", "members": [chat.person]}
    made = chat.api.post("/api/groups", wanted, format="json")
    assert made.status_code == 201, made.content
    group = made.json()
    members = chat.api.get(f"/api/groups/{group['id']}/members").json()["members"]
    assert {each["phone_number"] for each in members} == {chat.sender.phone_number, chat.person}
    sent = chat.sends(group=group["id"], text="Hello everybody")
    assert chat.arrived(sent)["group"] == group["whatsapp_id"]

    chat.whatsapp.post("/say", {"from": chat.person, "group": group["whatsapp_id"], "text": "When?"})
    wait_until(lambda: Message.objects.filter(direction="in").exists(), "the member's message is stored")
    heard = Message.objects.get(direction="in")
    assert (heard.group_id, heard.phone_number, heard.status) == (group["id"], chat.person, MessageStatus.RECEIVED)
    answer = chat.sends(text="At nine.", reply_to=heard.pk)
    assert chat.arrived(answer)["content"]["reply_to"] == heard.whatsapp_id
