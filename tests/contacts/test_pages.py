"""Pages of contacts."""

import pytest
from django.test import Client

from contacts import import_requests, imports, services
from contacts.models import BlocklistEntry, Contact, ListImport
from tests.contacts.workbooks import customers, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def at(organization) -> str:
    return f"/o/{organization.slug}/contacts"


class TestImport:
    def test_onto_a_new_list(self, owner_client, at):
        form = {"file": customers(), "purpose": "contacts", "new_list": "November"}
        response = owner_client.post(f"{at}/import", form)
        list_import = ListImport.objects.get()
        assert response.headers["Location"] == f"{at}/imports/{list_import.pk}"
        assert "Reading" in owner_client.get(f"{at}/imports/{list_import.pk}").text
        imports.run(list_import_id=list_import.pk)
        assert "Import 930 people" in owner_client.get(f"{at}/imports/{list_import.pk}/live").text
        assert not Contact.objects.exists()
        owner_client.post(f"{at}/imports/{list_import.pk}/commit")
        imports.run(list_import_id=list_import.pk)
        page = owner_client.get(f"{at}/imports/{list_import.pk}/live").text
        assert "Onto the list “November”" in page
        assert "1,000 rows under the header, 10 of them blank" in page
        assert "halo@contoh.id" in page
        assert "1–20 of 20" in owner_client.get(f"{at}/imports/{list_import.pk}/rejected").text
        assert "930" in owner_client.get(f"{at}/lists").text

    def test_a_bad_file_is_named(self, owner_client, at):
        response = owner_client.post(f"{at}/import", {"file": upload(b"", "people.xlsx"), "purpose": "contacts"})
        assert response.status_code == 422
        assert "“people.xlsx” is empty" in response.text
        assert "Choose a file" in owner_client.post(f"{at}/import", {}).text

    def test_cancelling(self, owner_client, at, organization):
        list_import = import_requests.start_import(
            organization=organization, file=customers(), file_name="customers_1000.xlsx", commit=False
        )
        imports.run(list_import_id=list_import.pk)
        assert "Import 930 people" in owner_client.get(f"{at}/imports/{list_import.pk}").text
        owner_client.post(f"{at}/imports/{list_import.pk}/cancel")
        refused = owner_client.post(f"{at}/imports/{list_import.pk}/commit", follow=True)
        assert "Only a file that is read" in refused.text
        assert "No contact was changed" in refused.text


class TestPeople:
    def test_search_and_lists(self, owner_client, at, organization):
        vip = services.create_list(organization=organization, name="VIP")
        for number, name in (("081200000001", "<b>Tono</b>"), ("081200000002", "Budi")):
            services.save_contact(
                organization=organization, phone_number=number, name=name, attributes={"kota": "Solo"}
            )
        vip.contacts.add(Contact.objects.get(name="Budi"))
        services.block(organization=organization, phone_number="081200000002", reason="opted_out")
        page = owner_client.get(at).text
        assert "&lt;b&gt;Tono&lt;/b&gt;" in page
        assert "Opted out" in page
        assert "kota: Solo" in page
        assert "Budi" not in owner_client.get(at, {"search": "0812-0000-0001"}).text
        assert "Tono" not in owner_client.get(at, {"list": vip.pk}).text
        assert owner_client.get(at, {"list": 999_999}).status_code == 404
        assert "Nobody found" in owner_client.get(at, {"search": "zzz"}).text

    def test_empty(self, owner_client, at):
        assert "No contacts yet" in owner_client.get(at).text
        assert "No lists yet" in owner_client.get(f"{at}/lists").text


class TestBlocklist:
    def test_adding_and_removing(self, owner_client, at, owner):
        form = {"numbers": "0812 3456 7890", "reason": "blocked"}
        said = owner_client.post(f"{at}/blocklist/add", form, follow=True).text
        assert "+6281234567890 is blocked from now on." in said
        assert BlocklistEntry.objects.get().source == str(owner)
        assert "was blocked already" in owner_client.post(f"{at}/blocklist/add", form, follow=True).text
        remove = {"phone_number": "+6281234567890"}
        assert "may be messaged again" in owner_client.post(f"{at}/blocklist/remove", remove, follow=True).text
        assert "not on the blocklist" in owner_client.post(f"{at}/blocklist/remove", remove, follow=True).text

    def test_what_is_no_number(self, owner_client, at):
        response = owner_client.post(f"{at}/blocklist/add", {"numbers": "0812", "reason": "blocked"})
        assert response.status_code == 422
        assert "“0812” is no phone number." in response.text


def test_viewers_look_and_change_nothing(teammate_client: Client, at):
    assert teammate_client.get(at).status_code == 200
    assert teammate_client.get(f"{at}/import").status_code == 403
    assert teammate_client.post(f"{at}/blocklist/add", {"phone_number": "081234567890"}).status_code == 403
    assert "Block</button>" not in teammate_client.get(f"{at}/blocklist").text
