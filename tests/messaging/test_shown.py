"""How people see messages of every kind, on pages and in the admin."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import Organization, User
from messaging import media
from messaging.kinds import Kind
from messaging.models import Media, Message, MessageStatus
from messaging.shown import shown
from tests.factories import make_sender
from tests.fixtures_people import signed_in
from tests.messaging.files import PNG

pytestmark = pytest.mark.django_db


def message(organization: Organization, **fields: Any) -> Message:
    return Message.objects.create(
        organization=organization,
        sender=make_sender(organization),
        **{"direction": "in", "phone_number": "+6281200000001", "status": MessageStatus.RECEIVED, **fields},
    )


def seen(row: Message) -> str:
    return " ".join(render_to_string("components/bubble.html", {"message": row}).split())


def stored(organization: Organization, mime_type: str, name: str) -> Media:
    return media.store(organization_id=organization.pk, file=BytesIO(PNG), mime_type=mime_type, file_name=name)


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.parametrize(
    ("kind", "content", "parts"),
    [
        ("location", {"latitude": -6.2, "longitude": 106.8, "name": "Monas"}, ["Monas", "-6.20000, 106.80000"]),
        ("location", {}, ["0.00000"]),
        ("contact", {"name": "Ani", "phone_number": "+6281"}, ["Ani", "+6281"]),
        ("poll", {"question": "When?", "options": ["Now", "Later"], "choices": 1}, ["When?", "○ Now", "One choice"]),
        ("poll_vote", {"to": "X", "options": ["Now"]}, ["Voted in a poll", "● Now"]),
        ("poll_vote", {"to": "X", "options": []}, ["Took the vote back"]),
        ("reaction", {"to": "X", "emoji": "👍"}, ["👍", "Reacted with 👍"]),
        ("reaction", {"to": "X", "emoji": ""}, ["Took a reaction back"]),
        ("unsupported", {"name": "eventMessage"}, ["only the phone can show", "eventMessage"]),
        ("text", {"reply_to": {"whatsapp_id": "X", "from_me": True, "text": "Well?"}}, ["bubble-quote", "Well?"]),
        ("image", {"missing_media": {"error": "too_large"}}, ["too large to be kept"]),
        ("image", {"missing_media": {"error": "failed"}}, ["could not be fetched"]),
    ],
)
def test_what_is_no_text_is_shown_as_what_it_is(
    organization: Organization, kind: str, content: dict[str, Any], parts: list[str]
) -> None:
    page = seen(message(organization, kind=kind, content=content))
    assert [part for part in parts if part not in page] == []


@pytest.mark.parametrize(
    ("kind", "mime_type", "tag"),
    [
        ("image", "image/png", "<img"),
        ("video", "video/mp4", "<video"),
        ("voice", "audio/ogg; codecs=opus", "<audio"),
        ("document", "application/pdf", "download"),
        ("image", "image/svg+xml", "download"),  # could run a script
    ],
)
def test_files_are_shown_or_offered(organization: Organization, kind: str, mime_type: str, tag: str) -> None:
    row = message(organization, kind=kind, media=stored(organization, mime_type, "a file"), text="Look <b>")
    page = seen(row)
    assert tag in page
    assert reverse("messaging:media", args=[organization.slug, row.pk]) in page
    assert "Look &lt;b&gt;" in page


def test_a_deleted_and_an_edited_message_say_so(organization: Organization) -> None:
    assert "This message was deleted." in seen(message(organization, deleted_at=now()))
    assert "Edited" in seen(message(organization, text="new", edited_at=now()))


def test_the_file_is_for_members_alone(
    organization: Organization, owner_client: Client, outsider_client: Client
) -> None:
    row = message(organization, kind="image", media=stored(organization, "image/png", "cat.png"))
    address = reverse("messaging:media", args=[organization.slug, row.pk])
    assert owner_client.get(address).headers["Content-Type"] == "image/png"
    assert outsider_client.get(address).status_code == 404


def test_the_admin_shows_kinds_and_files(
    organization: Organization, owner: User, other_organization: Organization, outsider: User
) -> None:
    for person in (owner, outsider):
        person.is_staff = True
        person.save()
    row = message(organization, kind="image", media=stored(organization, "image/png", "cat.png"), text="Cat")
    client = signed_in(owner)
    assert "Picture" in client.get(reverse("admin:messaging_message_changelist")).text
    file = reverse("admin:messaging_media_file", args=[row.media_id])
    assert file in client.get(reverse("admin:messaging_message_change", args=[row.pk])).text
    assert client.get(file).status_code == 200
    assert signed_in(outsider).get(file).status_code == 404


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (MessageStatus.PENDING, "Its text is written when its turn comes."),
        (MessageStatus.SKIPPED, "Its text was never written."),
    ],
)
def test_a_text_of_a_campaign_that_is_not_written(status: MessageStatus, note: str) -> None:
    seen = shown(Message(kind=Kind.TEXT, status=status, batch_id=1, direction=Message.Direction.OUT))
    assert (seen.show, seen.title) == ("note", note)
