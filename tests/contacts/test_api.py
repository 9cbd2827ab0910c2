"""Contacts, lists, imports and the blocklist by REST."""

import pytest
from rest_framework.test import APIClient

from contacts import imports, services
from contacts.models import BlocklistEntry, Contact, ContactList, ListImport
from tests.contacts.workbooks import PROTECTED, customers, people, upload
from tests.fixtures_people import api_client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def send(api: APIClient, content: bytes | None = None, **fields: object):
    file = customers() if content is None else upload(content)
    return api.post("/api/contacts/imports", {"file": file, **fields}, format="multipart")


class TestImports:
    def test_from_upload_to_done(self, owner_api):
        answer = send(owner_api, list="November")
        assert answer.status_code == 202
        assert answer.json()["status"] == "reading"
        list_import_id = answer.json()["id"]
        imports.run(list_import_id=list_import_id)
        state = owner_api.get(f"/api/contacts/imports/{list_import_id}").json()
        rejected = state.pop("rejected_rows")
        assert state == {
            "id": list_import_id,
            "status": "done",
            "file_name": "customers_1000.xlsx",
            "purpose": "contacts",
            "rows": 1000,
            "rows_read": 1000,
            "people": 930,
            "people_written": 930,
            "blank_rows": 10,
            "created": 930,
            "updated": 0,
            "unchanged": 0,
            "merged": 40,
            "invalid": 20,
            "blocked": 0,
            "listed": 930,
            "rejected_file": f"http://testserver/api/contacts/imports/{list_import_id}/rejected",
        }
        assert rejected[0] == {"row_number": 470, "phone_as_written": "n/a", "problem": "no_number"}
        assert len(rejected) == 20
        assert ContactList.objects.get().contacts.count() == 930
        lists = owner_api.get("/api/contact-lists").json()["results"]
        assert [(found["name"], found["size"]) for found in lists] == [("November", 930)]

    def test_into_a_list_by_its_id(self, owner_api, organization):
        wanted = services.create_list(organization=organization, name="VIP")
        list_import_id = send(owner_api, people(3), list=wanted.pk).json()["id"]
        imports.run(list_import_id=list_import_id)
        assert wanted.contacts.count() == 3

    def test_reading_first_and_importing_when_asked(self, owner_api):
        list_import_id = send(owner_api, people(3), commit="false").json()["id"]
        imports.run(list_import_id=list_import_id)
        assert owner_api.get(f"/api/contacts/imports/{list_import_id}").json()["status"] == "ready"
        assert not Contact.objects.exists()
        assert owner_api.post(f"/api/contacts/imports/{list_import_id}/commit").status_code == 202
        imports.run(list_import_id=list_import_id)
        assert Contact.objects.count() == 3
        assert owner_api.post(f"/api/contacts/imports/{list_import_id}/commit").status_code == 409
        assert owner_api.post(f"/api/contacts/imports/{list_import_id}/cancel").status_code == 409

    def test_cancelling(self, owner_api):
        list_import_id = send(owner_api, people(3)).json()["id"]
        assert owner_api.post(f"/api/contacts/imports/{list_import_id}/cancel").json()["status"] == "cancelled"
        imports.run(list_import_id=list_import_id)
        assert not Contact.objects.exists()

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"", "“list.xlsx” is empty"),
            (b"Name,Phone\n", "no row under its column names"),
            (PROTECTED.read_bytes(), "protected with a password"),
        ],
    )
    def test_a_bad_file_is_an_error_of_the_field(self, owner_api, content, complaint):
        answer = send(owner_api, content, list="New")
        assert answer.status_code == 400
        assert complaint in answer.json()["file"][0]
        assert not ListImport.objects.exists()
        assert not ContactList.objects.exists()

    def test_no_file(self, owner_api):
        assert "file" in owner_api.post("/api/contacts/imports", {}, format="multipart").json()

    def test_a_failed_import_says_why(self, owner_api, monkeypatch):
        monkeypatch.setattr("contacts.sheets.beginning_of", lambda _file, _kind: None)
        from tests.contacts.workbooks import workbook

        list_import_id = send(owner_api, workbook(("Name",), ("Budi",))).json()["id"]
        imports.run(list_import_id=list_import_id)
        state = owner_api.get(f"/api/contacts/imports/{list_import_id}").json()
        assert state["status"] == "failed"
        assert "no column with phone numbers" in state["error"]

    def test_strangers_find_nothing(self, owner_api, outsider_api, organization):
        list_import_id = send(owner_api, people(3)).json()["id"]
        assert outsider_api.get(f"/api/contacts/imports/{list_import_id}").status_code == 404
        assert outsider_api.post(f"/api/contacts/imports/{list_import_id}/cancel").status_code == 404

    def test_a_key_that_may_only_look(self, organization):
        assert send(api_client(organization, "contacts.view"), people(3)).status_code == 403


class TestContacts:
    @pytest.fixture(autouse=True)
    def contacts(self, organization):
        for number, name in (("081200000001", "Ayu Wijaya"), ("081200000002", "Budi"), ("+447400194042", "Zoë")):
            services.save_contact(organization=organization, phone_number=number, name=name)

    @pytest.mark.parametrize(
        ("search", "names"),
        [
            ("", ["Zoë", "Budi", "Ayu Wijaya"]),
            ("wija", ["Ayu Wijaya"]),
            ("0812-0000-0002", ["Budi"]),
            ("08120000", ["Budi", "Ayu Wijaya"]),
            ("4042", ["Zoë"]),
            ("nobody", []),
        ],
    )
    def test_search(self, owner_api, search, names):
        found = owner_api.get("/api/contacts", {"search": search}).json()["results"]
        assert [contact["name"] for contact in found] == names

    def test_of_a_list(self, owner_api, organization):
        vip = services.create_list(organization=organization, name="VIP")
        vip.contacts.add(Contact.objects.get(name="Budi"))
        assert [c["name"] for c in owner_api.get(f"/api/contacts?list={vip.pk}").json()["results"]] == ["Budi"]
        assert owner_api.get("/api/contacts?list=x").status_code == 404

    def test_strangers_find_nobody(self, outsider_api):
        assert outsider_api.get("/api/contacts").json()["results"] == []


class TestBlocklist:
    def test_blocking_and_unblocking(self, owner_api, outsider_api):
        answer = owner_api.post("/api/blocklist", {"phone_number": "0812 3456 7890", "reason": "opted_out"})
        assert answer.status_code == 201
        assert answer.json()["phone_number"] == "+6281234567890"
        assert answer.json()["source"] == "API: Tests"
        assert owner_api.post("/api/blocklist", {"phone_number": "+6281234567890"}).status_code == 200
        assert [e["reason"] for e in owner_api.get("/api/blocklist?search=0812").json()["results"]] == ["opted_out"]
        assert outsider_api.get("/api/blocklist").json()["results"] == []
        assert outsider_api.delete("/api/blocklist/+6281234567890").status_code == 404
        assert owner_api.delete("/api/blocklist/+6281234567890").status_code == 204
        assert owner_api.delete("/api/blocklist/+6281234567890").status_code == 404
        assert owner_api.delete("/api/blocklist/nonsense").status_code == 404
        assert not BlocklistEntry.objects.exists()

    def test_a_reason_in_own_words(self, owner_api):
        given = {"phone_number": "0812 3456 7890", "reason": "Complained", "source": "Shop in Bandung"}
        answer = owner_api.post("/api/blocklist", given).json()
        assert (answer["reason"], answer["source"]) == ("blocked", "Complained · Shop in Bandung")
        many = {"numbers": ["0812 3456 7891"], "reason": "Complained"}
        assert owner_api.post("/api/blocklist", many).json()["new"] == 1
        assert set(BlocklistEntry.objects.values_list("reason", flat=True)) == {"blocked"}

    def test_what_is_no_number(self, owner_api):
        answer = owner_api.post("/api/blocklist", {"phone_number": "0812"})
        assert answer.status_code == 400
        assert "“0812” is not a possible mobile number" in answer.json()["phone_number"][0]
