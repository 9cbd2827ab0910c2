"""Tags are written one way, put on and taken off many people at once, and never cross organizations."""

import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from accounts.models import Organization
from contacts import tags
from contacts.identities import Identity, learn
from contacts.models import Contact, ContactEvent


def make_people(organization: Organization, *held: list[str]) -> list[Contact]:
    start = Contact.objects.count()
    return [
        Contact.objects.create(organization=organization, phone_number=f"+62812000{start + index:04}", tags=each)
        for index, each in enumerate(held)
    ]


def tags_of(people: list[Contact]) -> list[list[str]]:
    stored = Contact.objects.in_bulk([person.pk for person in people])
    return [stored[person.pk].tags for person in people]


@pytest.mark.parametrize(
    ("written", "name"),
    [("VIP", "vip"), ("  Kopi \n Susu ", "kopi susu"), ("ＶＩＰ", "vip"), ("v\u200bip", "vip"), (" \u200b ", "")],
)
def test_a_tag_is_written_one_way(written: str, name: str) -> None:
    assert tags.tag_name(written) == name


def test_tags_of_a_cell_are_split_sorted_and_each_there_once() -> None:
    assert tags.split("VIP, jakarta; vip\nBali,,") == ["bali", "jakarta", "vip"]


@pytest.mark.parametrize("written", [["x" * 51], ["a,b"], [f"tag {number}" for number in range(101)]])
def test_tags_that_cannot_be_are_refused(written: list[str]) -> None:
    with pytest.raises(ValidationError):
        tags.tag_names(written)


def test_adding_changes_only_those_who_lack_one(organization: Organization) -> None:
    people = make_people(organization, [], ["vip"], ["bali", "vip"])
    ids = [person.pk for person in people]
    assert tags.add_tags(organization=organization, contact_ids=ids, tags=["Bali", "VIP"]) == 2
    assert tags_of(people) == [["bali", "vip"]] * 3
    assert tags.add_tags(organization=organization, contact_ids=ids, tags=["VIP"]) == 0
    entry = organization.audit_entries.latest("id")
    assert (entry.action, entry.target, entry.detail) == ("contacts.tagged", "bali, vip", {"people": 2})


def test_nobody_is_tagged_where_one_would_have_too_many(organization: Organization) -> None:
    people = make_people(organization, sorted(f"tag {number}" for number in range(tags.MOST)), [])
    with pytest.raises(ValidationError):
        tags.add_tags(organization=organization, contact_ids=[person.pk for person in people], tags=["vip"])
    assert tags_of(people)[1] == []


def test_removing_changes_only_those_who_have_one(organization: Organization) -> None:
    people = make_people(organization, ["bali", "lama", "vip"], ["bali"], [])
    ids = [person.pk for person in people]
    assert tags.remove_tags(organization=organization, contact_ids=ids, tags=["vip", "lama"]) == 1
    assert tags_of(people) == [["bali"], ["bali"], []]


def test_renaming_to_a_tag_that_is_there_makes_them_one(organization: Organization) -> None:
    people = make_people(organization, ["bali", "vip"], ["premium", "vip"], ["premium"])
    assert tags.rename_tag(organization=organization, tag="vip", to=" Premium ") == 2
    assert tags_of(people) == [["bali", "premium"], ["premium"], ["premium"]]
    assert tags.known_tags(organization) == [("bali", 1), ("premium", 3)]
    assert tags.delete_tag(organization=organization, tag="Premium") == 3
    assert tags.known_tags(organization) == [("bali", 1)]


def test_other_organizations_keep_theirs(organization: Organization, other_organization: Organization) -> None:
    theirs = make_people(other_organization, ["vip"])
    ids = [theirs[0].pk]
    assert tags.add_tags(organization=organization, contact_ids=ids, tags=["new"]) == 0
    assert tags.remove_tags(organization=organization, contact_ids=ids, tags=["vip"]) == 0
    assert tags.rename_tag(organization=organization, tag="vip", to="new") == 0
    assert tags.delete_tag(organization=organization, tag="vip") == 0
    assert tags.known_tags(organization) == []
    assert tags_of(theirs) == [["vip"]]


def test_a_person_known_by_two_names_keeps_the_tags_of_both(organization: Organization) -> None:
    by_number = make_people(organization, ["bali"])[0]
    Contact.objects.create(organization=organization, lid="77", tags=["vip"])
    learn(organization_id=organization.pk, seen=[Identity(phone_number=by_number.phone_number, lid="77")])
    assert tags_of([by_number]) == [["bali", "vip"]]


def test_tags_by_rest_are_told_on_timelines(
    organization: Organization, other_organization: Organization, owner_api: APIClient
) -> None:
    person = make_people(organization, ["old"])[0]
    stranger = make_people(other_organization, ["old"])[0]
    ids = [person.pk, stranger.pk]
    answer = owner_api.post("/api/contacts/tags", {"contacts": ids, "add": ["VIP"], "remove": ["Old"]}, format="json")
    assert answer.json() == {"added": 1, "removed": 1}
    assert tags_of([person, stranger]) == [["vip"], ["old"]]
    assert owner_api.get("/api/contacts/tags").json() == [{"name": "vip", "people": 1}]
    told = ContactEvent.objects.filter(contact=person).order_by("id").values_list("kind", "detail")
    assert list(told) == [("tags_added", {"tags": ["vip"]}), ("tags_removed", {"tags": ["old"]})]
    assert not ContactEvent.objects.filter(contact=stranger).exists()
    refused = owner_api.post("/api/contacts/tags", {"contacts": ids, "add": ["a,b"]}, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["add"])
