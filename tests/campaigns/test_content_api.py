"""What a campaign says, by REST: a text with choices, a file, a saved template."""

import base64

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import Organization
from campaigns import services
from messaging import planner, templates
from messaging.kinds import Kind
from messaging.models import Batch, Media, Message
from tests.campaigns.planned import make_list
from tests.contacts.workbooks import customers
from tests.factories import make_organization, make_sender
from tests.messaging.files import PNG, body

pytestmark = pytest.mark.django_db
ENCODED = base64.b64encode(PNG).decode()


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def people(organization: Organization) -> int:
    make_sender(organization)
    return make_list(organization, 2).pk


def test_a_picture_with_a_caption_reaches_everybody(owner_api: APIClient, people: int) -> None:
    asked = {"name": "Menu", "template": "{Hi|Hello} {{name}}", "contact_list": people}
    answer = owner_api.post("/api/campaigns", {**asked, "media_base64": f"data:image/png;base64,{ENCODED}"}, "json")
    assert answer.status_code == 202
    made = answer.json()
    assert (made["kind"], made["media"]["mime_type"], made["media"]["size"]) == ("image", "image/png", len(PNG))
    assert body(owner_api.get(made["media_link"])) == PNG
    services.prepare_campaign(campaign_id=made["id"])
    shown = owner_api.get(f"/api/campaigns/{made['id']}/preview").json()["results"]
    owner_api.post(f"/api/campaigns/{made['id']}/start")
    planner.plan_all()
    queued = Message.objects.filter(batch__campaign=made["id"]).order_by("id")
    assert {(message.kind, message.media_id) for message in queued} == {("image", Media.objects.get().pk)}
    assert [message.text for message in queued] == [person["text"] for person in shown]


def test_a_file_beside_the_sheet(owner_api: APIClient, organization: Organization) -> None:
    make_sender(organization)
    picture = SimpleUploadedFile("menu.png", PNG, content_type="image/png")
    answer = owner_api.post("/api/campaigns", {"name": "Menu", "file": customers(), "media": picture}, "multipart")
    assert (answer.status_code, answer.json()["kind"], answer.json()["template"]) == (202, "image", "")
    assert answer.json()["media"]["file_name"] == "menu.png"


@pytest.mark.parametrize("field", ["template", "template_id"])
def test_a_saved_template_is_copied_and_named(
    owner_api: APIClient, organization: Organization, people: int, field: str
) -> None:
    saved = templates.create_template(organization=organization, name="Menu", text="Hi {{name}}")
    answer = owner_api.post("/api/campaigns", {"name": "Menu", "contact_list": people, field: saved.pk}, "json")
    made = answer.json()
    assert (made["template"], made["template_id"], made["template_version"]) == ("Hi {{name}}", saved.pk, 1)
    templates.change_template(template=saved, name="Menu", text="Bye")
    again = owner_api.get(f"/api/campaigns/{made['id']}").json()
    assert (again["template"], again["template_version"]) == ("Hi {{name}}", 1)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "template"),
        ({"template_id": 0}, "template_id"),
        ({"template": "Hi", "media_base64": ENCODED, "kind": "voice"}, "media_base64"),
        ({"template": "Hi", "media_base64": ENCODED, "media_url": "https://example.com/x.png"}, "media_url"),
        ({"template": "Hi", "kind": "image"}, "kind"),
        ({"template": "x" * 1025, "media_base64": ENCODED, "media_type": "image/png"}, "template"),
        ({"template": "{Hi {{nobody}}|Hello}"}, "template"),
    ],
)
def test_refusals_name_the_field(owner_api: APIClient, people: int, given: dict[str, object], field: str) -> None:
    answer = owner_api.post("/api/campaigns", {"name": "Menu", "contact_list": people, **given}, "json")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Batch.objects.exists()


def test_the_template_of_somebody_else_is_none(owner_api: APIClient, people: int) -> None:
    theirs = templates.create_template(organization=make_organization(), name="Menu", text="Theirs")
    answer = owner_api.post("/api/campaigns", {"name": "x", "contact_list": people, "template_id": theirs.pk}, "json")
    assert (answer.status_code, list(answer.json())) == (400, ["template_id"])


def test_a_campaign_without_a_file_says_so(owner_api: APIClient, people: int) -> None:
    made = owner_api.post("/api/campaigns", {"name": "x", "contact_list": people, "template": "Hi"}, "json").json()
    assert (made["kind"], made["media"], made["media_link"]) == (Kind.TEXT, None, "")
    assert owner_api.get(f"/api/campaigns/{made['id']}/media").status_code == 409
