"""People added, changed and deleted one by one and in bulk, and the lists they are on."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from campaigns.models import Campaign
from contacts import bulk, lists, people
from contacts.models import AttributeDefinition, Contact, ContactList, OtherNumber
from contacts.services import NotAllowed
from tests.factories import make_batch, make_sender

NUMBER = "+6281200000001"


@pytest.fixture
def ayu(organization) -> Contact:
    return people.create(
        organization=organization, phone_number="0812-0000-0001", name="Ayu", attributes={"City": "Bandung"}
    )


def events_of(contact: Contact) -> list[tuple[str, dict]]:
    return list(contact.events.order_by("id").values_list("kind", "detail"))


class TestOne:
    def test_a_new_person(self, organization, owner, ayu):
        assert (ayu.phone_number, ayu.attributes) == (NUMBER, {"city": "Bandung"})
        assert events_of(ayu) == [("created", {})]
        assert AttributeDefinition.objects.get().key == "city"

    @pytest.mark.parametrize("number", [NUMBER, "+6281200000009"])
    def test_whose_number_somebody_has(self, organization, ayu, number):
        OtherNumber.objects.create(organization=organization, contact=ayu, phone_number="+6281200000009")
        with pytest.raises(ValidationError) as raised:
            people.create(organization=organization, phone_number=number)
        assert raised.value.message_dict == {"phone_number": ["Ayu has this number already."]}

    def test_what_cannot_be_stored(self, organization, ayu):
        AttributeDefinition.objects.filter(key="city").update(kind="number")
        for field, given in (
            ("phone_number", {"phone_number": "0812"}),
            ("name", {"name": "x" * 201}),
            ("attributes", {"attributes": {"!": "1"}}),
            ("attributes", {"attributes": {"a": ["b"]}}),
            ("attributes", {"attributes": {"city": "Jakarta"}}),
            ("tags", {"tag_names": ["x" * 51]}),
        ):
            with pytest.raises(ValidationError) as raised:
                people.change(contact=ayu, **given)
            assert list(raised.value.message_dict) == [field]
        assert len(events_of(ayu)) == 1

    def test_what_changes_stands_on_the_timeline(self, organization, owner, ayu):
        changed = people.change(
            contact=ayu,
            name="Ayu\x00 Wijaya ",
            attributes={"city": None, "VIP": True, "n": 5},
            tag_names=["VIP", "new"],
            by=owner,
        )
        assert (changed.name, changed.attributes, changed.tags) == (
            "Ayu Wijaya",
            {"vip": "yes", "n": "5"},
            ["new", "vip"],
        )
        assert events_of(ayu)[1:] == [
            (
                "edited",
                {
                    "changes": {
                        "name": {"from": "Ayu", "to": "Ayu Wijaya"},
                        "attributes.city": {"from": "Bandung", "to": None},
                        "attributes.vip": {"from": None, "to": "yes"},
                        "attributes.n": {"from": None, "to": "5"},
                    }
                },
            ),
            ("tags_added", {"tags": ["new", "vip"]}),
        ]
        people.change(contact=changed, name="Ayu Wijaya", attributes={"n": 5}, tag_names=["new", "vip"])
        assert len(events_of(ayu)) == 3

    def test_a_new_number_and_what_becomes_of_the_old_one(self, organization, ayu):
        Contact.objects.filter(pk=ayu.pk).update(lid="111")
        changed = people.change(contact=ayu, phone_number="0812 0000 0002", keep_number=True)
        assert (changed.phone_number, changed.lid) == ("+6281200000002", "")
        assert list(ayu.other_numbers.values_list("phone_number", "lid")) == [(NUMBER, "111")]
        assert people.find(organization, NUMBER) == ayu
        back = people.change(contact=changed, phone_number=NUMBER)
        assert (back.phone_number, back.lid) == (NUMBER, "111")
        assert not ayu.other_numbers.exists()
        assert people.find(organization, "+6281200000002") is None

    def test_a_number_of_somebody_else(self, organization, ayu):
        people.create(organization=organization, phone_number="+6281200000002", name="Budi")
        with pytest.raises(ValidationError, match=r"Budi has this number already\. Merge the two"):
            people.change(contact=ayu, phone_number="+6281200000002")

    def test_deleting(self, organization, other_organization, ayu):
        stranger = Contact.objects.create(organization=other_organization, phone_number=NUMBER)
        assert people.delete(organization=organization, contact_ids=[ayu.pk, stranger.pk]) == 1
        assert list(Contact.objects.all()) == [stranger]


class TestBulk:
    def test_each_row_says_what_became_of_it(self, organization, owner, ayu):
        people.create(organization=organization, phone_number="+6281200000002", name="Budi")
        vip = lists.create(organization=organization, name="VIP")
        rows: list[dict[str, Any]] = [
            {"phone_number": "081200000001", "name": "", "attributes": {"city": "", "size": "M"}, "tags": ["x"]},
            {"phone_number": "+62 812 0000 0002", "name": "Budi"},
            {"phone_number": "081200000003", "name": "Early", "attributes": {"a": "1", "b": "1"}},
            {"phone_number": "nonsense", "name": "x" * 300},
            {"phone_number": "081200000003", "name": "Citra", "attributes": {"b": "2"}},
        ]
        done = bulk.upsert(organization=organization, rows=rows, contact_list=vip, by=owner)
        assert [row.status for row in done] == ["updated", "unchanged", "merged", "invalid", "created"]
        assert set(done[3].errors) == {"phone_number", "name"}
        assert done[2].contact_id == done[4].contact_id
        ayu.refresh_from_db()
        assert (ayu.name, ayu.attributes, ayu.tags) == ("Ayu", {"city": "Bandung", "size": "M"}, ["x"])
        citra = Contact.objects.get(phone_number=done[4].phone_number)
        assert (citra.name, citra.attributes) == ("Citra", {"a": "1", "b": "2"})
        assert vip.contacts.count() == 3
        assert [kind for kind, _ in events_of(ayu)] == ["created", "edited", "tags_added", "list_added"]
        assert events_of(ayu)[1][1] == {"changes": {"attributes.size": {"from": None, "to": "M"}}}

    def test_a_repeat_changes_nothing(self, organization, ayu):
        rows = [{"phone_number": NUMBER, "name": "Ayu", "attributes": {"city": "Bandung"}, "tags": []}] * 2
        before = Contact.objects.values().get()
        assert [row.status for row in bulk.upsert(organization=organization, rows=rows)] == ["merged", "unchanged"]
        assert Contact.objects.values().get() == before
        assert len(events_of(ayu)) == 1

    def test_under_another_number(self, organization, ayu):
        OtherNumber.objects.create(organization=organization, contact=ayu, phone_number="+6281200000009")
        rows: list[dict[str, Any]] = [
            {"phone_number": "+6281200000009", "name": "Ayu W"},
            {"phone_number": NUMBER, "tags": ["x"]},
        ]
        done = bulk.upsert(organization=organization, rows=rows)
        assert [row.status for row in done] == ["merged", "updated"]
        ayu = Contact.objects.get()
        assert (ayu.name, ayu.tags, ayu.phone_number) == ("Ayu W", ["x"], NUMBER)

    def test_a_thousand_rows_cost_as_many_queries_as_two(self, organization, django_assert_max_num_queries):
        rows = [{"phone_number": f"+628120000{index:04}", "name": f"P {index}"} for index in range(1000)]
        with django_assert_max_num_queries(14):
            done = bulk.upsert(organization=organization, rows=rows)
        assert {row.status for row in done} == {"created"}
        with django_assert_max_num_queries(14):
            done = bulk.upsert(organization=organization, rows=[{**row, "name": "New"} for row in rows])
        assert {row.status for row in done} == {"updated"}


class TestLists:
    def test_names(self, organization, other_organization):
        vip = lists.create(organization=organization, name="  VIP  people ")
        assert vip.name == "VIP people"
        lists.create(organization=other_organization, name="VIP people")
        for name in ("VIP people", "", "x" * 121):
            with pytest.raises(ValidationError) as raised:
                lists.create(organization=organization, name=name)
            assert list(raised.value.message_dict) == ["name"]
        news = lists.create(organization=organization, name="News")
        with pytest.raises(ValidationError, match="Another list"):
            lists.rename(contact_list=news, name="VIP people")
        lists.rename(contact_list=news, name="Newsletter")
        assert ContactList.objects.get(pk=news.pk).name == "Newsletter"

    def test_people_by_query_and_by_id(self, organization, other_organization, owner, ayu):
        stranger = Contact.objects.create(organization=other_organization, phone_number=NUMBER)
        budi = people.create(organization=organization, phone_number="+6281200000002", name="100% Budi")
        vip = lists.create(organization=organization, name="V{I}%P")
        assert lists.add(contact_list=vip, contacts=Contact.objects.filter(name__icontains="100% B"), by=owner) == 1
        assert lists.add(contact_list=vip, contacts=[ayu.pk, budi.pk, stranger.pk], by=owner) == 1
        assert lists.add(contact_list=vip, contacts=[]) == 0
        assert events_of(ayu)[1:] == [("list_added", {"list": vip.pk, "name": "V{I}%P"})]
        assert lists.remove(contact_list=vip, contacts=Contact.objects.all()) == 2
        assert lists.remove(contact_list=vip, contacts=[ayu.pk]) == 0
        assert [kind for kind, _ in events_of(ayu)] == ["created", "list_added", "list_removed"]

    def test_pasted_numbers(self, organization, ayu):
        vip = lists.create(organization=organization, name="VIP")
        OtherNumber.objects.create(organization=organization, contact=ayu, phone_number="+6281200000009")
        pasted = lists.add_numbers(
            contact_list=vip, written="0812 0000 0001\n+6281200000009; 0812-0000-0005,\r\nnobody\n081200000005"
        )
        assert (pasted.added, pasted.already, pasted.created, pasted.problems) == (2, 0, 1, ["nobody"])
        again = lists.add_numbers(contact_list=vip, written="0812 0000 0001")
        assert (again.added, again.already, again.created) == (0, 1, 0)
        for written in (" \n ", "1\n" * (lists.MOST_PASTED + 1)):
            with pytest.raises(ValidationError):
                lists.add_numbers(contact_list=vip, written=written)

    def test_what_uses_a_list_keeps_it(self, organization, ayu):
        vip = lists.create(organization=organization, name="VIP")
        lists.add(contact_list=vip, contacts=[ayu.pk])
        assert lists.uses_of(vip) == []
        batch = make_batch(organization, [make_sender(organization)], 0)
        Campaign.objects.create(organization=organization, name="Sale", batch=batch, contact_list=vip)
        assert lists.uses_of(vip) == [lists.Use("campaign", 1, ["Sale"], keeps_it=True)]
        with pytest.raises(NotAllowed, match="campaign: Sale"):
            lists.delete(contact_list=vip)
        Campaign.objects.all().delete()
        lists.delete(contact_list=vip)
        assert Contact.objects.get() == ayu
