"""Groups stay full, whoever comes and goes."""

import random

import pytest

from broadcasts import members, services
from broadcasts.models import BroadcastList
from contacts.models import Contact, ContactList
from tests.factories import make_organization, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def broadcast_list() -> BroadcastList:
    numbers = [phone_number(index) for index in range(600)]
    return services.create_list(organization=make_organization(), name="Pelanggan", numbers=numbers)


def positions(broadcast_list: BroadcastList) -> list[int]:
    return list(broadcast_list.members.order_by("position").values_list("position", flat=True))


def test_people_are_in_groups_of_256(broadcast_list: BroadcastList) -> None:
    assert positions(broadcast_list) == list(range(600))
    assert members.group_sizes(600) == [256, 256, 88]
    assert [broadcast_list.members.get(position=place).group for place in (255, 256, 599)] == [0, 1, 2]


def test_gaps_are_closed_by_the_last_ones(broadcast_list: BroadcastList) -> None:
    gone = [phone_number(index) for index in (0, 3, 300, 599)]
    assert services.remove_members(broadcast_list=broadcast_list, numbers=gone) == 4
    assert positions(broadcast_list) == list(range(596))
    assert not broadcast_list.members.filter(phone_number__in=gone).exists()
    moved = {place: broadcast_list.members.get(position=place).phone_number for place in (0, 3, 300)}
    assert moved == {0: phone_number(596), 3: phone_number(597), 300: phone_number(598)}
    assert broadcast_list.members.get(position=4).phone_number == phone_number(4)  # who stays keeps the group


def test_any_order_of_changes_leaves_full_groups_of_people_who_are_there_once(broadcast_list: BroadcastList) -> None:
    randomness = random.Random(4)
    expected = {phone_number(index) for index in range(600)}
    for _turn in range(10):
        gone = set(randomness.sample(sorted(expected), randomness.randint(1, len(expected) // 2)))
        new = {phone_number(randomness.randrange(2000)) for _ in range(randomness.randint(1, 400))}
        services.remove_members(broadcast_list=broadcast_list, numbers=gone)
        expected -= gone
        assert services.add_members(broadcast_list=broadcast_list, numbers=new) == len(new - expected)
        expected |= new
        assert positions(broadcast_list) == list(range(len(expected)))
    assert set(broadcast_list.members.values_list("phone_number", flat=True)) == expected


def test_members_come_from_contacts_and_lists_of_the_own_organization(broadcast_list: BroadcastList) -> None:
    organization = broadcast_list.organization
    mine = Contact.objects.create(organization=organization, phone_number="+6281900000001", name="Sari")
    listed = Contact.objects.create(organization=organization, phone_number="+6281900000002", name="Budi")
    other = Contact.objects.create(organization=make_organization(), phone_number="+6281900000003", name="Eko")
    contact_list = ContactList.objects.create(organization=organization, name="VIP")
    contact_list.contacts.add(listed)
    found = members.of_sources(organization, contacts=[mine.pk, other.pk], lists=[contact_list])
    assert found == ["+6281900000001", "+6281900000002"]


def test_numbers_are_read_as_people_write_them() -> None:
    numbers, problems = members.read(
        ["0812-3456-7890", "+62 812 3456 7890", "hello"], make_organization(default_region="ID")
    )
    assert (numbers, problems) == (["+6281234567890"], ["hello"])
