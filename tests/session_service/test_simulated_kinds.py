"""Every kind of message, out and in, through a worker and the simulated network."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings

from accounts.models import Organization
from contacts.models import Contact
from messaging import attachments, media, planner, services
from messaging.kinds import WITH_FILE, Kind
from messaging.models import Group, Media, Message, MessageStatus
from senders.models import Sender, SenderStatus
from session_service.providers.simulated import network
from session_service.providers.simulated.numbers import lid_of
from tests.factories import make_organization, make_sender
from tests.messaging.files import JPEG, MP4, OGG, PNG, WEBP
from tests.session_service.running import running_worker, wait_until

TO = "+6281234567891"
FILES = {
    Kind.IMAGE: ("menu.jpg", JPEG),
    Kind.VIDEO: ("party.mp4", MP4),
    Kind.AUDIO: ("song.ogg", OGG),
    Kind.VOICE: ("note.ogg", OGG),
    Kind.DOCUMENT: ("bill.pdf", b"%PDF-1.7"),
    Kind.STICKER: ("cat.webp", WEBP),
}
CONTENTS: dict[str, dict[str, Any]] = {
    Kind.LOCATION: {"latitude": -6.2, "longitude": 106.8},
    Kind.CONTACT: {"name": "Ani", "phone_number": "+6281234567892"},
    Kind.POLL: {"question": "When?", "options": ["Today", "Tomorrow"], "choices": 1},
    Kind.REACTION: {"to": "SIM1", "from_me": False, "emoji": "👍"},
}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def surroundings(settings: Settings, tmp_path: Path) -> None:
    settings.SIMULATOR_ACK_MS = 5
    settings.SIMULATOR_DELIVERED_MS = settings.SIMULATOR_READ_MS = 10
    settings.SIMULATOR_READ_RATE = 1.0
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def sender(organization: Organization) -> Sender:
    made = make_sender(organization, status=SenderStatus.CONNECTING)
    network.link(made.phone_number, made.pk)
    return made


def file_of(organization: Organization, kind: str) -> Media:
    name, content = FILES[Kind(kind)]
    return media.store(
        organization_id=organization.pk,
        file=BytesIO(content),
        mime_type=attachments.TYPES.get(kind, ("application/pdf",))[0],
        file_name=name,
    )


def everything_ended() -> bool:
    planner.plan_all()
    open_messages = Message.objects.exclude(status__gte=MessageStatus.READ)
    return not open_messages.exclude(kind=Kind.REACTION, status=MessageStatus.DELIVERED).exists()


def test_every_kind_arrives(organization: Organization, sender: Sender) -> None:
    for file_kind in WITH_FILE:
        media_file = file_of(organization, file_kind)
        services.send_message(
            organization=organization, to=TO, kind=file_kind, text=f"a {file_kind}", media=media_file
        )
    for kind, content in CONTENTS.items():
        services.send_message(organization=organization, to=TO, kind=kind, content=content)
    quote = {"reply_to": {"whatsapp_id": "SIM1", "from_me": False, "text": "How much?"}}
    services.send_message(organization=organization, to=TO, text="100", content=quote)
    with running_worker():
        wait_until(everything_ended, "every kind is read")
    assert set(Message.objects.values_list("status", flat=True)) == {MessageStatus.READ, MessageStatus.DELIVERED}
    arrived = {line["kind"]: line for line in network.deliveries()}
    for file_kind, (name, file) in FILES.items():
        assert (arrived[file_kind]["text"], arrived[file_kind]["media"]["file_name"]) == (f"a {file_kind}", name)
        assert arrived[file_kind]["media"]["size"] == len(file)
    assert {kind: arrived[kind]["content"] for kind in CONTENTS} == CONTENTS
    assert arrived["text"]["content"] == quote


def test_a_message_whose_file_is_gone_fails_and_blames_nobody(organization: Organization, sender: Sender) -> None:
    file = file_of(organization, Kind.IMAGE)
    default_storage.delete(file.name)
    services.send_message(organization=organization, to=TO, kind=Kind.IMAGE, media=file)
    with running_worker():
        wait_until(everything_ended, "it has failed")
    message = Message.objects.get()
    assert (message.status, message.error_code, message.attempts) == (MessageStatus.FAILED, "media_missing", 1)
    sender.refresh_from_db()
    assert sender.consecutive_failures == 0


def test_a_group_and_a_lid_are_written_to(organization: Organization, sender: Sender) -> None:
    group = Group.objects.create(organization=organization, sender=sender, whatsapp_id="1@g.us")
    services.send_message(organization=organization, group=group, text="Hi all")
    services.send_message(organization=organization, lid="1001", sender=sender, text="Hi you")
    with running_worker():
        wait_until(everything_ended, "both are read")
    arrived = {line["to"]: line["text"] for line in network.deliveries()}
    assert arrived == {"1@g.us": "Hi all", "1001@lid": "Hi you"}


def received(number: int) -> list[Message]:
    return list(Message.objects.filter(direction="in").order_by("id")) if _count() >= number else []


def _count() -> int:
    return Message.objects.filter(direction="in").count()


def test_a_file_that_a_person_sends_comes_into_the_storage(sender: Sender, tmp_path: Path) -> None:
    photo = tmp_path / "cat.png"
    photo.write_bytes(PNG)
    with running_worker():
        for _ in range(2):
            network.say(from_number=TO, to_number=sender.phone_number, text="Cat", file=photo, kind="image")
        wait_until(lambda: received(2), "both pictures are stored")
    first, second = received(2)
    assert first.media is not None
    assert (first.media, first.kind, first.text) == (second.media, "image", "Cat")
    assert default_storage.open(first.media.name).read() == PNG
    assert (first.media.file_name, first.media.mime_type, first.media.size) == ("cat.png", "image/png", len(PNG))


def test_what_is_too_large_is_shown_as_that(sender: Sender, tmp_path: Path, settings: Settings) -> None:
    settings.MEDIA_MAX_BYTES = 10
    film = tmp_path / "film.mp4"
    film.write_bytes(MP4)
    with running_worker():
        network.say(from_number=TO, to_number=sender.phone_number, text="Film", file=film, kind="video")
        wait_until(lambda: received(1), "the message is stored")
    [message] = received(1)
    assert (message.media, message.text) == (None, "Film")
    assert message.content["missing_media"]["error"] == "too_large"


def test_edits_and_deletions_reach_the_ledger(sender: Sender) -> None:
    with running_worker():
        edited = network.say(from_number=TO, to_number=sender.phone_number, text="one")
        deleted = network.say(from_number=TO, to_number=sender.phone_number, text="secret")
        wait_until(lambda: received(2), "both are stored")
        network.edit(from_number=TO, to_number=sender.phone_number, message_id=edited, text="two")
        network.delete(from_number=TO, to_number=sender.phone_number, message_id=deleted)
        wait_until(lambda: Message.objects.exclude(edited_at=None, deleted_at=None).count() == 2, "both are changed")
    assert Message.objects.get(whatsapp_id=edited).text == "two"
    assert Message.objects.get(whatsapp_id=deleted).text == ""


def test_who_hides_the_number_stays_one_person(organization: Organization, sender: Sender) -> None:
    with running_worker():
        network.say(from_number=TO, to_number=sender.phone_number, text="1", hides_number=True, name="Budi")
        wait_until(lambda: Contact.objects.exists(), "the person is known")
        assert Contact.objects.get().phone_number == ""
        network.say(from_number=TO, to_number=sender.phone_number, text="2")
        wait_until(lambda: not Message.objects.filter(phone_number="").exists(), "the number is known")
    contact = Contact.objects.get()
    assert (contact.phone_number, contact.lid, contact.name) == (TO, lid_of(TO), "Budi")


def test_a_storage_that_is_away_costs_the_file_and_not_the_message(
    sender: Sender, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_folder").write_text("a file where the folder should be")
    settings.MEDIA_ROOT = tmp_path / "no_folder"
    monkeypatch.setattr("session_service.inbound.SECONDS_BETWEEN_TRIES", 0.01)
    photo = tmp_path / "cat.png"
    photo.write_bytes(PNG)
    with running_worker():
        network.say(from_number=TO, to_number=sender.phone_number, text="Cat", file=photo, kind="image")
        wait_until(lambda: received(1), "the message is stored")
    [message] = received(1)
    assert message.content["missing_media"]["error"] == "failed"


def test_files_that_no_message_has_are_removed(organization: Organization) -> None:
    kept, unused = file_of(organization, Kind.IMAGE), file_of(organization, Kind.VIDEO)
    fresh = file_of(organization, Kind.STICKER)
    services.send_message(organization=organization, to=TO, kind=Kind.IMAGE, media=kept)
    Media.objects.exclude(pk=fresh.pk).update(created_at="2026-01-01T00:00Z")
    assert media.remove_unused() == 1
    assert set(Media.objects.all()) == {kept, fresh}
    assert default_storage.exists(kept.name)
    assert not default_storage.exists(unused.name)
