"""Contacts, lists, merges and timelines by REST."""

import csv
import io

import pytest
from openpyxl import load_workbook

from contacts import blocklist, exports, lists, people, queries
from contacts.models import Consent, Contact, ContactList, Segment
from messaging.models import Message, MessageStatus
from tests.factories import make_batch, make_sender
from tests.fixtures_people import api_client

NUMBER = "+6281200000001"


@pytest.fixture
def ayu(organization) -> Contact:
    return people.create(
        organization=organization, phone_number=NUMBER, name="Ayu", attributes={"city": "Bandung", "size": "M"}
    )


def downloaded(answer) -> bytes:
    return b"".join(answer)


class TestContacts:
    def test_posting_twice_makes_one_person(self, owner_api, organization):
        given = {"phone_number": "0812 0000 0001", "name": "Ayu", "attributes": {"City": "Bandung"}, "list": "VIP"}
        first = owner_api.post("/api/contacts", given, format="json")
        assert first.status_code == 201, first.json()
        told = first.json()
        assert (told["phone_number"], told["attributes"]) == (NUMBER, {"city": "Bandung"})
        assert [each["name"] for each in told["lists"]] == ["VIP"]
        again = owner_api.post("/api/contacts", given, format="json")
        assert (again.status_code, again.json()) == (200, told)
        assert Contact.objects.get().events.filter(kind="created", source="API: Tests").count() == 1

    def test_what_is_wrong_is_said_by_field(self, owner_api):
        answer = owner_api.post("/api/contacts", {"phone_number": "0812", "name": "x" * 201}, format="json")
        assert answer.status_code == 400
        assert set(answer.json()) == {"phone_number", "name"}
        assert owner_api.post("/api/contacts", {}, format="json").json() == {
            "phone_number": ["This field is required."]
        }

    def test_patching_merges_attributes(self, owner_api, ayu):
        where = f"/api/contacts/{ayu.pk}"
        given = {"attributes": {"city": None, "pet": "cat"}, "tags": ["VIP"], "name": ""}
        told = owner_api.patch(where, given, format="json").json()
        assert (told["attributes"], told["tags"], told["name"]) == ({"size": "M", "pet": "cat"}, ["vip"], "")
        told = owner_api.patch(where, {"phone_number": "+6281200000002", "keep_number": True}, format="json").json()
        assert told["phone_number"] == "+6281200000002"
        assert [each["phone_number"] for each in told["other_numbers"]] == [NUMBER]
        other_id = told["other_numbers"][0]["id"]
        assert owner_api.delete(f"/api/contacts/other-numbers/{other_id}").status_code == 204
        assert owner_api.get(where).json()["other_numbers"] == []
        answer = owner_api.patch(where, {"phone_number": "1"}, format="json")
        assert (answer.status_code, list(answer.json())) == (400, ["phone_number"])

    def test_state_and_deletion(self, owner_api, organization, ayu):
        blocklist.block(organization=organization, phone_number=NUMBER, reason="opted_out")
        where = f"/api/contacts/{ayu.pk}"
        assert owner_api.get(where).json()["blocked"] == "opted_out"
        assert owner_api.delete(where).status_code == 204
        assert owner_api.get(where).status_code == 404

    def test_keys_that_may_only_look(self, organization, ayu):
        looking = api_client(organization, "contacts.view")
        where = f"/api/contacts/{ayu.pk}"
        assert looking.get(where).status_code == 200
        for answer in (
            looking.post("/api/contacts", {}),
            looking.patch(where, {}),
            looking.delete(where),
            looking.post("/api/contacts/bulk", {}),
            looking.post(f"{where}/merge", {}),
            looking.post("/api/contact-lists", {}),
        ):
            assert answer.status_code == 403

    def test_bulk(self, owner_api, ayu):
        rows = [{"phone_number": NUMBER, "name": "Ayu W"}, {"phone_number": "?"}, {"phone_number": "0812 0000 0002"}]
        told = owner_api.post("/api/contacts/bulk", {"contacts": rows, "list": "New"}, format="json").json()
        assert {key: told[key] for key in ("created", "updated", "unchanged", "merged", "invalid")} == {
            "created": 1,
            "updated": 1,
            "unchanged": 0,
            "merged": 0,
            "invalid": 1,
        }
        assert [each["status"] for each in told["results"]] == ["updated", "invalid", "created"]
        assert told["results"][0]["id"] == ayu.pk
        assert "phone_number" in told["results"][1]["errors"]
        assert ContactList.objects.get(name="New").contacts.count() == 2
        for wrong in ({"contacts": []}, {"contacts": [{}] * 1001}, {"contacts": "x"}, {}):
            assert owner_api.post("/api/contacts/bulk", wrong, format="json").status_code == 400

    def test_of_a_segment(self, owner_api, outsider_api, organization, ayu):
        people.create(organization=organization, phone_number="+6281200000002", name="Budi")
        tree = {"all": [{"field": "attribute.city", "operator": "is", "value": "Bandung"}]}
        segment = Segment.objects.create(organization=organization, name="In Bandung", filter=tree)
        found = owner_api.get("/api/contacts", {"segment": segment.pk, "search": "a"}).json()["results"]
        assert [each["name"] for each in found] == ["Ayu"]
        assert owner_api.get("/api/contacts", {"segment": segment.pk, "search": "bud"}).json()["results"] == []
        assert outsider_api.get("/api/contacts", {"segment": segment.pk}).status_code == 404
        assert b"Budi" not in downloaded(owner_api.get(f"/api/contacts/export?segment={segment.pk}"))
        vip = lists.create(organization=organization, name="VIP")
        assert lists.add(contact_list=vip, contacts=queries.contacts(organization, segment=segment)) == 1


class TestLists:
    def test_making_renaming_deleting(self, owner_api):
        made = owner_api.post("/api/contact-lists", {"name": "VIP"}, format="json")
        assert (made.status_code, made.json()["size"]) == (201, 0)
        assert owner_api.post("/api/contact-lists", {"name": "VIP"}, format="json").status_code == 400
        where = f"/api/contact-lists/{made.json()['id']}"
        assert owner_api.patch(where, {"name": "Very VIP"}, format="json").json()["name"] == "Very VIP"
        assert owner_api.delete(where).status_code == 204
        assert owner_api.get(where).status_code == 404

    def test_people_of_a_list(self, owner_api, organization, ayu):
        vip = lists.create(organization=organization, name="VIP")
        where = f"/api/contact-lists/{vip.pk}/members"
        given = {"contacts": [ayu.pk, 10**9], "phone_numbers": ["0812 0000 0002", "nobody"]}
        told = owner_api.post(where, given, format="json").json()
        assert told == {"changed": 2, "created": 1, "problems": ["nobody"]}
        assert [each["name"] for each in owner_api.get(where).json()["results"]] == ["", "Ayu"]
        assert owner_api.get(f"/api/contact-lists/{vip.pk}").json()["size"] == 2
        told = owner_api.post(f"{where}/remove", {"phone_numbers": ["081200000002"]}, format="json").json()
        assert told["changed"] == 1
        assert owner_api.post(f"{where}/remove", {"search": "ay"}, format="json").json()["changed"] == 1
        assert owner_api.post(where, {"search": "ay"}, format="json").json()["changed"] == 1
        assert owner_api.post(where, {}, format="json").status_code == 400

    def test_a_list_that_a_campaign_needs(self, owner_api, organization):
        from campaigns.models import Campaign

        vip = lists.create(organization=organization, name="VIP")
        batch = make_batch(organization, [make_sender(organization)], 0)
        Campaign.objects.create(organization=organization, name="Sale", batch=batch, contact_list=vip)
        answer = owner_api.delete(f"/api/contact-lists/{vip.pk}")
        assert answer.status_code == 409
        assert "Sale" in answer.json()["detail"]


class TestTimelineAndMerging:
    def test_messages_and_events_page_by_page(self, owner_api, organization, ayu):
        sender = make_sender(organization)
        for number in range(5):
            Message.objects.create(
                organization=organization,
                sender=sender,
                phone_number=NUMBER,
                direction="in",
                status=MessageStatus.RECEIVED,
                text=f"Message {number}",
                whatsapp_id=f"IN{number}",
            )
            people.change(contact=ayu, name=f"Ayu {number}")
        where = f"/api/contacts/{ayu.pk}/timeline"
        told = owner_api.get(where).json()
        assert told["older"] == ""
        assert [each["type"] for each in told["results"]] == ["event", "message"] * 5 + ["event"]
        assert told["results"][1]["data"]["text"] == "Message 4"
        only_contacts = api_client(organization, "contacts.view").get(where).json()["results"]
        assert {each["type"] for each in only_contacts} == {"event"}
        assert owner_api.get(where, {"older_than": "x"}).status_code == 400

    def test_merging_and_parting(self, owner_api, organization, ayu):
        other = people.create(organization=organization, phone_number="+6281200000002", name="Ayu W")
        where = f"/api/contacts/{ayu.pk}/merge"
        told = owner_api.post(where, {"other": other.pk, "take": ["name"]}, format="json").json()
        assert told["contact"]["name"] == "Ayu W"
        assert owner_api.post(where, {"other": other.pk}, format="json").status_code == 400
        undo = f"/api/contacts/merges/{told['merge']}/undo"
        assert owner_api.post(undo).json()["id"] == other.pk
        assert owner_api.post(undo).status_code == 404
        assert owner_api.post(where, {"other": ayu.pk}, format="json").status_code == 409


class TestExport:
    @pytest.fixture(autouse=True)
    def people(self, organization, ayu):
        vip = lists.create(organization=organization, name="VIP")
        lists.add(contact_list=vip, contacts=[ayu.pk])
        people.change(contact=ayu, tag_names=["x", "y"])
        people.create(organization=organization, phone_number="+447400194042", name='=HYPERLINK("http://x")')

    def test_csv(self, owner_api, organization):
        Consent.objects.create(organization=organization, phone_number=NUMBER, is_given=True)
        answer = owner_api.get("/api/contacts/export")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(downloaded(answer).decode("utf-8-sig"))))
        assert [row["Consent"] for row in rows] == ["", "given"]
        assert [row["Phone number"] for row in rows] == ["+447400194042", NUMBER]
        assert rows[0]["Name"] == '\'=HYPERLINK("http://x")'
        assert (rows[1]["Lists"], rows[1]["Tags"], rows[1]["city"], rows[1]["size"]) == ("VIP", "x, y", "Bandung", "M")

    def test_xlsx(self, owner_api):
        sheet = load_workbook(io.BytesIO(downloaded(owner_api.get("/api/contacts/export?as=xlsx&search=44")))).active
        assert [cell.value for cell in sheet[2]][:2] == ['=HYPERLINK("http://x")', "+447400194042"]
        assert sheet["A2"].data_type == "s"
        assert sheet.max_row == 2

    def test_by_portions(self, owner_api, organization, monkeypatch):
        monkeypatch.setattr(exports, "AT_A_TIME", 2)
        for number in range(7):
            Contact.objects.create(organization=organization, phone_number=f"+62812777{number:05}")
        lines = downloaded(owner_api.get("/api/contacts/export")).decode().splitlines()
        assert len(lines) == 10
        assert len(set(lines)) == 10

    def test_too_many_for_a_workbook(self, owner_api, monkeypatch):
        monkeypatch.setattr(exports, "MOST_IN_A_WORKBOOK", 1)
        answer = owner_api.get("/api/contacts/export?as=xlsx")
        assert answer.status_code == 409
        assert "csv" in answer.json()["detail"]
        assert owner_api.get("/api/contacts/export?as=pdf").status_code == 400
