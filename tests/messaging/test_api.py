"""Messages of every kind by REST."""

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import Organization
from messaging.models import Group, Media, Message, MessageStatus
from senders.models import Sender
from tests.factories import make_sender
from tests.messaging.file_server import serving
from tests.messaging.files import JPEG, MP4, OGG, PNG, WEBP, body

TO = "+6281234567890"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def made(api: APIClient, **fields: Any) -> Message:
    response = api.post("/api/messages", {"to": TO, **fields}, format="json")
    assert response.status_code == 202, response.content
    return Message.objects.get(pk=response.json()["id"])


def refused(api: APIClient, **fields: Any) -> dict[str, Any]:
    response = api.post("/api/messages", fields, format="json")
    assert response.status_code == 400, response.content
    assert not Message.objects.filter(direction="out", status=MessageStatus.PENDING).exists()
    return response.json()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("kind", "content", "fields"),
    [
        ("image", JPEG, {"text": "Look", "mime_type": "image/jpeg"}),
        ("video", MP4, {"mime_type": "video/mp4"}),
        ("audio", b"ID3 song", {"mime_type": "audio/mpeg"}),
        ("voice", OGG, {"mime_type": "audio/ogg; codecs=opus"}),
        ("document", b"%PDF-1.7 bill", {"text": "The bill", "file_name": "bill.pdf"}),
        ("sticker", WEBP, {"mime_type": "image/webp"}),
    ],
)
def test_every_kind_with_a_file(
    owner_api: APIClient, storage: Path, kind: str, content: bytes, fields: dict[str, str]
) -> None:
    message = made(owner_api, kind=kind, media_base64=encoded(content), **fields)
    assert message.media is not None
    assert (storage / message.media.name).read_bytes() == content
    shown = owner_api.get(f"/api/messages/{message.pk}").json()
    assert (shown["kind"], shown["text"]) == (kind, fields.get("text", ""))
    assert shown["media"]["size"] == len(content)
    file = owner_api.get(shown["media"]["url"])
    assert body(file) == content
    assert file.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "text", "text": "Halo"},
        {"kind": "location", "location": {"latitude": -6.2, "longitude": 106.8, "name": "Monas"}},
        {"kind": "poll", "poll": {"question": "When?", "options": ["Today", "Tomorrow"], "choices": 1}},
    ],
)
def test_every_kind_without_a_file(owner_api: APIClient, fields: dict[str, Any]) -> None:
    kind = fields.pop("kind")
    message = made(owner_api, **fields)
    assert (message.kind, message.content) == (kind, fields.get(kind, {}) if kind != "text" else {})


def test_a_contact_card_has_a_number_in_full(owner_api: APIClient) -> None:
    message = made(owner_api, contact={"name": "Ani", "phone_number": "0812-3456-7891"})
    assert (message.kind, message.content) == ("contact", {"name": "Ani", "phone_number": "+6281234567891"})


def test_an_upload_tells_its_kind(owner_api: APIClient) -> None:
    file = SimpleUploadedFile("menu.png", PNG, content_type="image/png")
    response = owner_api.post("/api/messages", {"to": TO, "text": "Our menu", "file": file}, format="multipart")
    assert response.status_code == 202, response.content
    assert (response.json()["kind"], response.json()["media"]["file_name"]) == ("image", "menu.png")


def test_the_same_file_lies_in_the_storage_once(owner_api: APIClient, storage: Path) -> None:
    for _ in range(2):
        made(owner_api, media_base64=f"data:image/png;base64,{encoded(PNG)}")
    assert Media.objects.count() == 1
    assert len([path for path in storage.rglob("*") if path.is_file()]) == 1


def answerable(organization: Organization, sender: Sender, **fields: Any) -> Message:
    return Message.objects.create(
        organization=organization,
        sender=sender,
        **{
            "direction": "in",
            "phone_number": TO,
            "whatsapp_id": "IN1",
            "text": "How much?",
            "status": MessageStatus.RECEIVED,
            **fields,
        },
    )


def test_a_reply_goes_into_the_chat_that_it_answers(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    question = answerable(organization, sender)
    response = owner_api.post("/api/messages", {"text": "100", "reply_to": question.pk})
    answer = Message.objects.get(pk=response.json()["id"])
    assert (answer.phone_number, answer.sender) == (TO, sender)
    assert answer.content == {"reply_to": {"whatsapp_id": "IN1", "from_me": False, "text": "How much?"}}
    assert response.json()["reply_to"] == question.pk


def test_a_reaction_names_its_message(owner_api: APIClient, organization: Organization, sender: Sender) -> None:
    question = answerable(organization, sender)
    response = owner_api.post("/api/messages", {"reaction": {"to": question.pk, "emoji": "👍"}}, format="json")
    answer = Message.objects.get(pk=response.json()["id"])
    assert answer.content == {"to": "IN1", "from_me": False, "emoji": "👍"}


def test_who_is_known_by_lid_only_can_be_answered(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    question = answerable(organization, sender, phone_number="", lid="1001")
    response = owner_api.post("/api/messages", {"text": "100", "reply_to": question.pk})
    answer = Message.objects.get(pk=response.json()["id"])
    assert (answer.phone_number, answer.lid) == ("", "1001")


def test_in_a_group_the_member_who_is_answered_is_named(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    group = Group.objects.create(organization=organization, sender=sender, whatsapp_id="1@g.us")
    question = answerable(organization, sender, group=group)
    response = owner_api.post("/api/messages", {"text": "100", "reply_to": question.pk})
    answer = Message.objects.get(pk=response.json()["id"])
    assert (answer.phone_number, answer.group) == ("", group)
    assert answer.content["reply_to"]["author"] == {"phone_number": TO, "lid": ""}


def test_a_message_to_a_group_goes_through_its_sender(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    group = Group.objects.create(organization=organization, sender=sender, whatsapp_id="1@g.us")
    response = owner_api.post("/api/messages", {"group": group.pk, "text": "Hi all"})
    message = Message.objects.get(pk=response.json()["id"])
    assert (message.phone_number, message.group, message.sender) == ("", group, sender)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": "x"}, "to"),
        ({"to": "12", "text": "x"}, "to"),
        ({"to": TO}, "text"),
        ({"to": TO, "group": 0, "text": "x"}, "group"),
        ({"to": TO, "text": "x", "sender": 0}, "sender"),
        ({"to": TO, "text": "x", "reply_to": 0}, "reply_to"),
        ({"to": TO, "kind": "poll_vote"}, "kind"),
        ({"to": TO, "kind": "image"}, "file"),
        ({"to": TO, "text": "x", "kind": "text", "media_base64": "aGFsbw=="}, "media_base64"),
        ({"to": TO, "kind": "image", "media_base64": "not base64!", "mime_type": "image/png"}, "media_base64"),
        ({"to": TO, "kind": "image", "media_base64": "aGFsbw==", "mime_type": "image/png"}, "media_base64"),
        ({"to": TO, "kind": "voice", "media_base64": "aGFsbw==", "mime_type": "audio/mpeg"}, "media_base64"),
        ({"to": TO, "kind": "document", "media_base64": "aGFsbw==", "media_url": "http://x.y/z"}, "media_url"),
        ({"to": TO, "kind": "document", "media_base64": "aGFsbw==", "text": "x" * 1025}, "text"),
        ({"to": TO, "kind": "audio", "media_base64": "aGFsbw==", "mime_type": "audio/mpeg", "text": "x"}, "text"),
        ({"to": TO, "kind": "document", "media_url": "http://127.0.0.1/"}, "media_url"),
        ({"to": TO, "kind": "document", "media_url": "file:///etc/passwd"}, "media_url"),
        ({"to": TO, "kind": "location"}, "location"),
        ({"to": TO, "location": {"latitude": 91, "longitude": 0}}, "location"),
        ({"to": TO, "poll": {"question": "?", "options": ["a", "a"]}}, "poll"),
        ({"to": TO, "poll": {"question": "?", "options": ["a", "b"], "choices": 3}}, "poll"),
        ({"to": TO, "contact": {"name": "x", "phone_number": "1"}}, "contact"),
        ({"reaction": {"to": 0, "emoji": "x"}}, "reaction"),
        ({"to": TO, "text": "x", "mime_type": "nonsense"}, "mime_type"),
    ],
)
def test_a_refusal_names_the_field(owner_api: APIClient, fields: dict[str, Any], named: str) -> None:
    assert named in refused(owner_api, **fields)


def test_nobody_answers_in_another_chat_or_through_another_sender(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    question = answerable(organization, sender)
    assert "to" in refused(owner_api, to="+6281234567899", text="x", reply_to=question.pk)
    assert "sender" in refused(owner_api, text="x", reply_to=question.pk, sender=make_sender(organization).pk)


def test_a_deleted_or_unsent_message_is_not_answered(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    unsent = answerable(organization, sender, whatsapp_id="")
    assert refused(owner_api, text="x", reply_to=unsent.pk) == {"reply_to": ["This message has not been sent yet."]}


def test_messages_of_others_are_not_answered(
    outsider_api: APIClient, organization: Organization, sender: Sender
) -> None:
    question = answerable(organization, sender)
    assert "reply_to" in refused(outsider_api, text="x", reply_to=question.pk)


def test_files_of_others_are_not_shown(owner_api: APIClient, outsider_api: APIClient) -> None:
    message = made(owner_api, media_base64=f"data:image/png;base64,{encoded(PNG)}")
    assert outsider_api.get(f"/api/messages/{message.pk}/media").status_code == 404


def test_a_large_file_is_refused(owner_api: APIClient, settings: Settings) -> None:
    settings.MEDIA_MAX_BYTES = 10
    assert "media_base64" in refused(owner_api, to=TO, kind="document", media_base64=encoded(b"x" * 11))


def test_what_is_too_large_for_json_comes_as_an_upload(owner_api: APIClient) -> None:
    content = b"x" * 12_000_000
    response = owner_api.post("/api/messages", {"to": TO, "kind": "document", "media_base64": encoded(content)})
    assert response.status_code == 413
    assert "multipart" in response.json()["detail"]
    file = SimpleUploadedFile("x.bin", content)
    response = owner_api.post("/api/messages", {"to": TO, "file": file}, format="multipart")
    assert (response.status_code, response.json()["media"]["size"]) == (202, len(content))


def test_a_url_is_fetched_once_for_a_key(owner_api: APIClient, settings: Settings) -> None:
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with serving({"/menu.png": (200, {"Content-Type": "image/png"}, PNG)}) as server:
        wanted = {"media_url": f"{server.url}/menu.png", "idempotency_key": "menu"}
        first = made(owner_api, **wanted)
        assert made(owner_api, **wanted) == first
        assert server.asked == ["/menu.png"]
    assert first.media is not None
    assert (first.kind, first.media.file_name, first.media.mime_type) == ("image", "menu.png", "image/png")


def test_a_key_is_not_for_another_file(owner_api: APIClient) -> None:
    made(owner_api, media_base64=f"data:image/png;base64,{encoded(PNG)}", idempotency_key="a")
    response = owner_api.post(
        "/api/messages",
        {"to": TO, "media_base64": f"data:image/png;base64,{encoded(PNG + b'x')}", "idempotency_key": "a"},
    )
    assert "idempotency_key" in response.json()


def test_what_could_run_in_a_browser_is_only_saved(owner_api: APIClient) -> None:
    message = made(owner_api, kind="document", media_base64=encoded(b"<script>"), mime_type="text/html")
    file = owner_api.get(f"/api/messages/{message.pk}/media")
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment")
