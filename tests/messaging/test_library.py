"""The media library: kept once, sent often, small pictures, voice notes, and files in an S3 storage."""

import io
import wave
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import imageio_ffmpeg  # type: ignore[import-untyped]
import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from moto.server import ThreadedMotoServer
from PIL import Image
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import Organization
from broadcasts import reminders
from messaging import attachments, library, media, voice_notes
from messaging.attachments import InvalidFile
from messaging.models import LibraryFile, Media, Message
from tests.factories import make_sender, phone_number
from tests.messaging.file_server import serving
from tests.messaging.files import OGG, body

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def picture(width: int = 800, height: int = 600, mode: str = "RGB", **options: Any) -> bytes:
    made = io.BytesIO()
    Image.new(mode, (width, height), "teal").save(made, "PNG" if mode == "RGBA" else "JPEG", **options)
    return made.getvalue()


def recording(seconds: float = 0.3) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 8000) * 4))
    return made.getvalue()


def uploaded(api: APIClient, content: bytes, file_name: str, status: int = 201, **fields: str) -> dict[str, Any]:
    file = SimpleUploadedFile(file_name, content, content_type=fields.pop("content_type", "application/octet-stream"))
    response = api.post("/api/media", {"file": file, **fields}, format="multipart")
    assert response.status_code == status, response.content
    return response.json()


def test_a_file_is_kept_once_and_sent_often(owner_api: APIClient, organization: Organization) -> None:
    make_sender(organization)
    first = uploaded(owner_api, picture(), "promo.jpg", name="Promo")
    assert uploaded(owner_api, picture(), "promo.jpg")["id"] == first["id"]
    assert (first["kind"], first["name"], first["mime_type"]) == ("image", "Promo", "image/jpeg")
    for index in range(2):
        asked = {"to": phone_number(index), "media": first["id"], "text": "Lihat"}
        assert owner_api.post("/api/messages", asked, format="json").status_code == 202
    bulk = {"to": [phone_number(2)], "media": first["id"]}
    assert owner_api.post("/api/messages/bulk", bulk, format="json").status_code == 202
    kept = LibraryFile.objects.get()
    assert set(Message.objects.filter(batch=None).values_list("media", "kind")) == {(kept.media_id, "image")}
    assert body(owner_api.get(f"/api/media/{first['id']}/file")) == picture()


def test_pictures_get_a_small_one_as_the_camera_was_held(owner_api: APIClient) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by 90 degrees
    made = uploaded(owner_api, picture(1600, 800, exif=turned), "tall.jpg")
    with Image.open(io.BytesIO(body(owner_api.get(f"/api/media/{made['id']}/thumbnail")))) as small:
        assert (small.format, small.size) == ("WEBP", (160, 320))
    assert uploaded(owner_api, b"%PDF-1.7 list", "list.pdf")["thumbnail_url"] == ""
    assert uploaded(owner_api, b"\xff\xd8\xff broken", "broken.jpg")["thumbnail_url"] == ""


def test_a_picture_that_unpacks_to_gigabytes_is_not_unpacked(
    owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "MOST_PIXELS", 100)
    assert uploaded(owner_api, picture(), "bomb.jpg")["thumbnail_url"] == ""


def test_a_file_comes_by_its_address(owner_api: APIClient, settings: Settings) -> None:
    answer = (200, {"Content-Type": "image/jpeg"}, picture())
    with serving({"/promo.jpg": answer}) as server:
        asked = {"media_url": f"{server.url}/promo.jpg"}
        refused = owner_api.post("/api/media", asked, format="json")
        assert list(refused.json()) == ["media_url"], "private addresses cannot be reached"
        settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        made = owner_api.post("/api/media", asked, format="json")
    assert made.status_code == 201
    assert made.json()["file_name"] == "promo.jpg"


def test_what_is_kept_is_not_removed_and_what_was_taken_out_is(
    organization: Organization, owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = uploaded(owner_api, picture(), "promo.jpg")
    monkeypatch.setattr(media, "KEPT_WITHOUT_A_MESSAGE", -media.KEPT_WITHOUT_A_MESSAGE)
    assert media.remove_unused() == 0
    kept = LibraryFile.objects.get()
    reminder = reminders.create_reminder(
        organization=organization, phone_number=phone_number(0), repeat="daily", time=time(9), file=kept
    )
    assert owner_api.delete(f"/api/media/{made['id']}").status_code == 409
    reminder.delete()
    assert owner_api.delete(f"/api/media/{made['id']}").status_code == 204
    assert media.remove_unused() == 2
    assert not Media.objects.exists()


# -- Voice notes --


def test_a_recording_becomes_a_voice_note(owner_api: APIClient, settings: Settings) -> None:
    settings.FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
    made = uploaded(owner_api, recording(), "note.wav", kind="voice", content_type="audio/wav")
    assert (made["mime_type"], made["file_name"]) == ("audio/ogg; codecs=opus", "note.ogg")
    assert voice_notes.is_opus(io.BytesIO(body(owner_api.get(f"/api/media/{made['id']}/file"))))
    said = uploaded(owner_api, b"RIFF no sound at all", "noise.wav", 400, kind="voice", content_type="audio/wav")
    assert "The recording cannot be read" in said["file"][0]


def test_without_ffmpeg_the_person_is_told_what_to_do(owner_api: APIClient, settings: Settings) -> None:
    settings.FFMPEG = "no-such-program"
    said = uploaded(owner_api, recording(), "note.wav", 400, kind="voice", content_type="audio/wav")
    assert "ffmpeg is not installed" in said["file"][0]
    assert uploaded(owner_api, OGG, "note.ogg", kind="voice", content_type="audio/ogg")["kind"] == "voice"


def test_a_text_is_no_voice_note(organization: Organization) -> None:
    with pytest.raises(InvalidFile):
        attachments.take_in(organization_id=organization.pk, kind="voice", file=io.BytesIO(b"Hi"), file_name="hi.txt")


# -- Files in an S3 storage --


@pytest.fixture
def s3(settings: Settings) -> Iterator[None]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
    keys = {"access_key": "key", "secret_key": "secret"}
    boto3.client(
        "s3", **access, aws_access_key_id=keys["access_key"], aws_secret_access_key=keys["secret_key"]
    ).create_bucket(Bucket="files")
    options = {**settings.S3_STORAGE["OPTIONS"], "bucket_name": "files", **access, **keys}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.S3_STORAGE, "OPTIONS": options}}
    yield
    server.stop()


def test_files_lie_in_an_s3_storage(s3: None, owner_api: APIClient, settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    made = uploaded(owner_api, picture(), "promo.jpg")
    kept = LibraryFile.objects.get()
    assert storages["default"].exists(kept.media.name)
    assert not list(tmp_path.rglob("*.jpg")), "nothing lies on this machine"
    assert body(owner_api.get(f"/api/media/{made['id']}/file")) == picture()
    assert made["thumbnail_url"]
    copy = Path(media.local_copy(kept.media.name, kept.media.size))  # as a session reads it
    assert copy.read_bytes() == picture()
    assert uploaded(owner_api, picture(), "promo.jpg")["id"] == made["id"]
