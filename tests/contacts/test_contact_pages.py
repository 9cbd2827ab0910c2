"""A contact's page and the pages of lists, as a person uses them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from contacts import blocklist, lists, merges, people
from contacts.models import AttributeDefinition, BlocklistEntry, Contact, ContactList
from contacts.pages import paging
from messaging.models import Message, MessageStatus
from tests.factories import make_batch, make_sender

NUMBER = "+6281200000001"


@pytest.fixture
def ayu(organization) -> Contact:
    return people.create(
        organization=organization, phone_number=NUMBER, name="Ayu", attributes={"city": "Bandung"}, tag_names=["vip"]
    )


@pytest.fixture
def budi(organization) -> Contact:
    return people.create(organization=organization, phone_number="+6281200000002", name="Budi")


def at(name: str, *arguments: object) -> str:
    return reverse(f"contacts:{name}", args=["nusantara", *arguments])


def shown(client: Client, name: str, *arguments: object, **query: Any) -> str:
    response = client.get(at(name, *arguments), query)
    assert response.status_code == 200
    return response.text


class TestContact:
    def test_who_it_is_and_what_happened(self, owner_client, organization, ayu):
        sender = make_sender(organization, name="Toko 1")
        Message.objects.create(
            organization=organization,
            sender=sender,
            phone_number=NUMBER,
            status=MessageStatus.READ,
            text="Halo Ayu",
        )
        blocklist.block(organization=organization, phone_number=NUMBER, reason="opted_out", source="Wrote STOP")
        vip = lists.create(organization=organization, name="VIP people")
        lists.add(contact_list=vip, contacts=[ayu.pk])
        page = shown(owner_client, "contact", ayu.pk)
        for text in ("+62 812-0000-0001", NUMBER, "Indonesia", "Bandung", "vip", "Opted out", "Halo Ayu", "Toko 1"):
            assert text in page
        assert "Put on the list “VIP people”" in page
        assert page.index("VIP people”") < page.index("Wrote STOP") < page.index("Halo Ayu")

    def test_viewers_see_it_and_change_nothing(self, teammate_client, ayu):
        page = shown(teammate_client, "contact", ayu.pk)
        assert "Bandung" in page
        assert "<form" not in page.split("<main", 1)[1].split("</main>")[0]
        for name in ("edit_contact", "delete_contact", "block_contact", "merge", "put_on_list"):
            assert teammate_client.post(at(name, ayu.pk)).status_code == 403

    def test_a_long_timeline_comes_in_parts(self, owner_client, organization, ayu):
        for number in range(45):
            people.change(contact=ayu, name=f"Ayu {number}")
        page = owner_client.get(at("contact", ayu.pk))
        older = page.context["older"]
        assert older
        part = owner_client.get(at("timeline", ayu.pk), {"older_than": older})
        assert part.context["older"] == ""
        assert len(page.context["entries"]) + len(part.context["entries"]) == 46
        assert "Added" in part.text
        assert owner_client.get(at("timeline", ayu.pk), {"older_than": "no"}).status_code == 404

    def test_editing_by_type(self, owner_client, organization, ayu):
        AttributeDefinition.objects.create(organization=organization, key="age", label="Age", kind="number")
        form = {
            "name": "Ayu W",
            "phone_number": "0812 0000 0001",
            "tags": "VIP, new",
            "attribute_city": "",
            "attribute_age": "thirty",
            "new_key": "Pet",
            "new_value": "cat",
        }
        refused = owner_client.post(at("edit_contact", ayu.pk), form)
        assert refused.status_code == 422
        assert "attribute_age_error" in refused.text
        done = owner_client.post(at("edit_contact", ayu.pk), {**form, "attribute_age": "30"})
        assert done.status_code == 302
        ayu.refresh_from_db()
        assert (ayu.name, ayu.attributes, ayu.tags) == ("Ayu W", {"age": "30", "pet": "cat"}, ["new", "vip"])

    def test_adding_a_person(self, owner_client, organization, ayu):
        assert "Ayu has this number already." in owner_client.post(at("new_contact"), {"phone_number": NUMBER}).text
        done = owner_client.post(at("new_contact"), {"phone_number": "081200000009", "name": "Citra"})
        assert done["Location"] == at("contact", Contact.objects.get(name="Citra").pk)

    def test_blocking_lists_and_deleting(self, owner_client, organization, ayu):
        vip = lists.create(organization=organization, name="VIP people")
        owner_client.post(at("block_contact", ayu.pk))
        assert BlocklistEntry.objects.get().phone_number == NUMBER
        owner_client.post(at("unblock_contact", ayu.pk))
        assert not BlocklistEntry.objects.exists()
        owner_client.post(at("put_on_list", ayu.pk), {"list": vip.pk})
        assert list(vip.contacts.all()) == [ayu]
        owner_client.post(at("take_off_list", ayu.pk), {"list": vip.pk})
        assert not vip.contacts.exists()
        assert owner_client.post(at("put_on_list", ayu.pk), {"list": "x"}).status_code == 400
        owner_client.post(at("delete_contact", ayu.pk))
        assert not Contact.objects.exists()

    def test_merging_and_parting(self, owner_client, organization, ayu, budi):
        people.change(contact=budi, attributes={"city": "Jakarta", "pet": "cat"})
        assert "Budi" in shown(owner_client, "merge", ayu.pk, search="0002")
        comparison = shown(owner_client, "merge", ayu.pk, **{"with": budi.pk})
        assert "take:attributes.city" in comparison
        assert "pet: cat" in comparison
        form = {"other": budi.pk, "take:name": "kept", "take:attributes.city": "other"}
        owner_client.post(at("merge", ayu.pk), form)
        ayu.refresh_from_db()
        assert (ayu.name, ayu.attributes) == ("Ayu", {"city": "Jakarta", "pet": "cat"})
        page = shown(owner_client, "contact", ayu.pk)
        assert "Merged with Budi" in page
        assert "+62 812-0000-0002" in page
        merge_id = ayu.merges.get().pk
        owner_client.post(at("undo_merge", ayu.pk), {"merge": merge_id})
        assert Contact.objects.filter(pk=budi.pk).exists()
        assert "Undo the merge" not in shown(owner_client, "contact", ayu.pk)

    def test_another_number_can_be_removed(self, owner_client, organization, ayu, budi):
        merges.merge(organization=organization, kept=ayu, other=budi)
        owner_client.post(at("remove_number", ayu.pk), {"number": ayu.other_numbers.get().pk})
        assert not ayu.other_numbers.exists()


class TestLists:
    def test_making_filling_renaming_deleting(self, owner_client, organization, ayu):
        made = owner_client.post(at("new_list"), {"name": "VIP"})
        vip = ContactList.objects.get()
        assert made["Location"] == at("paste", vip.pk)
        assert owner_client.post(at("new_list"), {"name": "VIP"}).status_code == 422
        partly = owner_client.post(at("paste", vip.pk), {"numbers": f"{NUMBER}\nnobody"})
        assert "1 person is new on the list" in partly.text
        assert ">nobody</textarea>" in partly.text.replace("\n", "")
        assert list(vip.contacts.all()) == [ayu]
        owner_client.post(at("edit_list", vip.pk), {"name": "Regulars"})
        vip.refresh_from_db()
        assert vip.name == "Regulars"
        batch = make_batch(organization, [make_sender(organization)], 0)
        campaign = Campaign.objects.create(organization=organization, name="Sale", batch=batch, contact_list=vip)
        page = shown(owner_client, "edit_list", vip.pk)
        assert "1 campaign: Sale" in page
        assert at("delete_list", vip.pk) not in page
        assert owner_client.post(at("delete_list", vip.pk))["Location"] == at("edit_list", vip.pk)
        campaign.delete()
        owner_client.post(at("delete_list", vip.pk))
        assert not ContactList.objects.exists()
        assert Contact.objects.count() == 1

    def test_chosen_people_and_everybody_found(self, owner_client, organization, ayu, budi):
        vip = lists.create(organization=organization, name="VIP")
        form = {"target": vip.pk, "action": "add"}
        owner_client.post(at("chosen"), {**form, "whom": "ticked", "contact": [ayu.pk, "x"]})
        assert list(vip.contacts.all()) == [ayu]
        done = owner_client.post(at("chosen"), {**form, "whom": "found", "search": "bud"})
        assert done["Location"].endswith("?search=bud")
        assert vip.contacts.count() == 2
        owner_client.post(at("chosen"), {**form, "action": "remove", "whom": "found", "list": vip.pk})
        assert not vip.contacts.exists()
        assert owner_client.post(at("chosen"), {**form, "action": "eat"}).status_code == 400

    def test_more_people_than_are_counted(self, owner_client, organization, ayu, budi, monkeypatch):
        monkeypatch.setattr(paging, "MOST_COUNTED", 2)
        assert "1–2 of more than 2" in " ".join(shown(owner_client, "list").split())

    def test_tags_lead_to_their_people(self, owner_client, ayu, budi):
        page = shown(owner_client, "list", tag="vip")
        assert "Ayu" in page
        assert "Budi" not in page

    @pytest.mark.parametrize("wanted", ["xlsx", "csv"])
    def test_what_is_found_is_exported(self, owner_client, ayu, budi, wanted):
        answer = owner_client.get(at("export"), {"as": wanted, "search": "ayu"})
        content = b"".join(answer)
        assert answer["Content-Disposition"].endswith(f'.{wanted}"')
        if wanted == "csv":
            assert b"Ayu" in content
            assert b"Budi" not in content
