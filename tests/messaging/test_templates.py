"""Templates: written, versioned, archived; by page and by REST."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Organization, User
from messaging import media, message_files, templates
from messaging.attachments import InvalidFile
from messaging.kinds import Kind
from messaging.models import Media, MessageTemplate
from tests.factories import make_organization
from tests.messaging.files import JPEG, PNG, body

pytestmark = pytest.mark.django_db

TEMPLATES = "/o/nusantara/templates"


def make(
    organization: Organization, name: str = "Welcome", text: str = "Hi {{name}}", folder: str = ""
) -> MessageTemplate:
    return templates.create_template(organization=organization, name=name, text=text, folder=folder)


def upload(client: Client, file: SimpleUploadedFile, status: int = 200) -> dict[str, Any]:
    """What the editor gets for a file."""
    answer = client.post("/o/nusantara/messages/file", {"file": file})
    assert answer.status_code == status
    return answer.json()


def texts(template: MessageTemplate) -> list[str]:
    return list(template.versions.values_list("text", flat=True))


class TestVersions:
    def test_a_changed_text_is_a_new_version_and_the_old_one_stays(
        self, organization: Organization, owner: User
    ) -> None:
        template = make(organization)
        templates.change_template(template=template, name="Welcome", text="Hello {{name}}", by=owner)
        assert texts(template) == ["Hello {{name}}", "Hi {{name}}"]
        newest = templates.newest_version(template)
        assert (newest.number, newest.created_by) == (2, owner)
        assert "template.changed" in AuditEntry.objects.values_list("action", flat=True)

    def test_a_new_name_is_no_new_version(self, organization: Organization) -> None:
        template = make(organization)
        templates.change_template(template=template, name="Greeting", folder="Shop", text="Hi {{name}}")
        template.refresh_from_db()
        assert (str(template), len(texts(template))) == ("Shop / Greeting", 1)

    def test_an_old_version_comes_back_as_the_newest(self, organization: Organization) -> None:
        template = make(organization)
        templates.change_template(template=template, name="Welcome", text="Hello")
        templates.bring_back(version=template.versions.get(number=1))
        assert texts(template) == ["Hi {{name}}", "Hello", "Hi {{name}}"]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"name": " "}, "name"),
            ({"text": ""}, "text"),
            ({"text": "Hi {{name"}, "text"),
            ({"text": "x" * 4097}, "text"),
            ({"folder": "x" * 81}, "folder"),
        ],
    )
    def test_with_the_field(self, organization: Organization, fields: dict[str, str], wrong: str) -> None:
        with pytest.raises(ValidationError) as refused:
            make(organization, **fields)
        assert list(refused.value.message_dict) == [wrong]
        assert not MessageTemplate.objects.exists()

    def test_a_name_twice_in_a_folder(self, organization: Organization) -> None:
        make(organization, folder="Shop")
        make(organization)  # in no folder
        with pytest.raises(ValidationError, match="“Shop” has a template of the name “Welcome”"):
            make(organization, folder="Shop")

    def test_a_long_caption(self, organization: Organization) -> None:
        file = Media.objects.create(organization=organization, name="x", mime_type="image/png", size=1, sha256="x")
        assert templates.complaint_about("", file, Kind.IMAGE) == ""
        assert "1024" in templates.complaint_about("x" * 1025, file, Kind.IMAGE)
        assert "no text" in templates.complaint_about("x", file, Kind.AUDIO)


class TestArchive:
    def test_its_name_is_free_again(self, organization: Organization) -> None:
        first = make(organization)
        templates.archive_template(template=first)
        make(organization, text="Other")
        [found] = templates.templates_of(organization)
        assert texts(found) == ["Other"]
        with pytest.raises(ValidationError, match="already"):
            templates.restore_template(template=first)
        assert templates.templates_of(organization, archived=True).get() == first


class TestFiles:
    def test_the_file_of_a_template_outlasts_the_cleaning(
        self, organization: Organization, owner_client: Client
    ) -> None:
        file = SimpleUploadedFile("menu.jpg", JPEG, content_type="image/jpeg")
        attached = upload(owner_client, file)["token"]
        owner_client.post(f"{TEMPLATES}/new", {"name": "Menu", "text": "Today for {{name}}", "attached": attached})
        template = MessageTemplate.objects.get()
        stored = Media.objects.get()
        assert (templates.newest_version(template).kind, stored.file_name) == (Kind.IMAGE, "menu.jpg")
        Media.objects.update(created_at=now() - timedelta(days=2))
        assert media.remove_unused() == 0
        assert default_storage.exists(stored.name)
        answer = owner_client.get(f"{TEMPLATES}/{template.pk}/versions/1/media")
        assert (answer["Content-Type"], body(answer)) == ("image/jpeg", JPEG)

    def test_it_stays_with_a_new_text_until_it_is_removed(
        self, organization: Organization, owner_client: Client
    ) -> None:
        file = SimpleUploadedFile("cat.png", PNG, content_type="image/png")
        attached = upload(owner_client, file)["token"]
        owner_client.post(f"{TEMPLATES}/new", {"name": "Cat", "attached": attached})
        at = f"{TEMPLATES}/{MessageTemplate.objects.get().pk}"
        owner_client.post(at, {"name": "Cat", "text": "Look", "attached": attached})
        owner_client.post(at, {"name": "Cat", "text": "Look", "attached": ""})
        versions = MessageTemplate.objects.get().versions.values_list("number", "kind", "media__file_name")
        assert list(versions) == [(3, "text", None), (2, "image", "cat.png"), (1, "image", "cat.png")]

    def test_a_file_that_is_none_is_said_at_its_field(self, organization: Organization, owner_client: Client) -> None:
        file = SimpleUploadedFile("cat.png", b"<html>", content_type="image/png")
        assert "This is no file of the type image/png." in upload(owner_client, file, 400)["error"]
        answer = owner_client.post(f"{TEMPLATES}/new", {"name": "Cat", "attached": "made:up:token"})
        assert (answer.status_code, "Choose it again" in answer.text) == (422, True)
        assert not MessageTemplate.objects.exists()

    def test_a_file_is_shown_to_its_organization_only(
        self, owner_client: Client, outsider_client: Client, organization: Organization
    ) -> None:
        file = SimpleUploadedFile("cat.png", PNG, content_type="image/png")
        given = upload(owner_client, file)
        assert (given["kind"], given["name"], given["size"]) == ("image", "cat.png", len(PNG))
        assert body(owner_client.get(given["url"])) == PNG
        assert outsider_client.get(given["url"]).status_code == 404
        with pytest.raises(InvalidFile):
            message_files.read(make_organization(), given["token"])
        assert owner_client.get("/o/nusantara/messages/file?token=x").status_code == 404

    def test_a_template_is_taken_into_another_form(self, owner_client: Client, organization: Organization) -> None:
        template = make(organization, text="Hi {{name}}")
        assert "Welcome" in owner_client.get(f"{TEMPLATES}/choices", {"template_search": "hi"}).text
        assert "Welcome" not in owner_client.get(f"{TEMPLATES}/choices", {"template_search": "bye"}).text
        taken = owner_client.get(f"{TEMPLATES}/{template.pk}/content").json()
        attached = message_files.read(organization, taken["token"])
        assert (taken["text"], taken["url"], attached.version) == ("Hi {{name}}", "", template.versions.get())


class TestPages:
    def test_folders_and_search(self, organization: Organization, owner_client: Client) -> None:
        make(organization, folder="Shop")
        make(organization, name="Bill", text="You owe {{amount}}")
        page = owner_client.get(TEMPLATES).text
        assert "Welcome" in page
        assert "?folder=Shop" in page
        assert "Bill" not in owner_client.get(TEMPLATES, {"folder": "Shop"}).text
        assert "Welcome" not in owner_client.get(TEMPLATES, {"search": "owe"}).text
        assert "No template found" in owner_client.get(TEMPLATES, {"search": "nothing"}).text

    def test_what_was_written_stays_when_it_is_refused(self, organization: Organization, owner_client: Client) -> None:
        template = make(organization)
        answer = owner_client.post(f"{TEMPLATES}/{template.pk}", {"name": "Welcome", "text": "Dear {{name"})
        assert answer.status_code == 422
        assert "Dear {{name" in answer.text
        assert "is not closed" in answer.text

    def test_viewers_see_and_change_nothing(self, organization: Organization, teammate_client: Client) -> None:
        template = make(organization)
        at = f"{TEMPLATES}/{template.pk}"
        assert "Save the template" not in teammate_client.get(at).text
        for address in (at, f"{at}/archive", f"{at}/versions/1/bring-back", f"{TEMPLATES}/new"):
            assert teammate_client.post(address, {"name": "Mine", "text": "Mine"}).status_code == 403
        template.refresh_from_db()
        assert (template.name, template.archived_at) == ("Welcome", None)

    def test_a_form_takes_over_what_it_says(self, organization: Organization, owner_client: Client) -> None:
        template = make(organization)
        content = owner_client.get(f"{TEMPLATES}/{template.pk}/content").json()
        assert {**content, "token": ""} == {
            "version": 1,
            "text": "Hi {{name}}",
            "file_name": "",
            "token": "",
            "kind": "text",
            "size": 0,
            "url": "",
        }


class TestApi:
    def test_create_change_and_archive(self, organization: Organization, owner_api: APIClient) -> None:
        made = owner_api.post("/api/templates", {"name": "Bill", "folder": "Money", "text": "Pay {{amount}}"})
        assert made.status_code == 201, made.data
        at = f"/api/templates/{made.data['id']}"
        changed = owner_api.patch(at, {"text": "Please pay {{amount}}"}).data
        assert (changed["name"], changed["folder"], changed["version"]) == ("Bill", "Money", 2)
        versions = owner_api.get(f"{at}/versions").data["results"]
        assert [version["text"] for version in versions] == ["Please pay {{amount}}", "Pay {{amount}}"]
        assert owner_api.delete(at).status_code == 204
        assert owner_api.get("/api/templates").data["results"] == []
        assert owner_api.get(at).data["archived_at"] is not None

    def test_a_picture_in_base64(self, organization: Organization, owner_api: APIClient) -> None:
        encoded = "data:image/png;base64," + base64.b64encode(PNG).decode()
        made = owner_api.post("/api/templates", {"name": "Cat", "text": "Look", "media_base64": encoded})
        assert (made.status_code, made.data["kind"]) == (201, "image")
        taken = owner_api.patch(f"/api/templates/{made.data['id']}", {"without_file": True}).data
        assert (taken["kind"], taken["version"]) == ("text", 2)

    def test_errors_name_the_field(self, organization: Organization, owner_api: APIClient) -> None:
        refused = owner_api.post("/api/templates", {"name": "Bill", "text": "Pay {{amount"})
        assert refused.status_code == 400
        assert list(refused.data) == ["text"]
