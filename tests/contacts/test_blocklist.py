"""The blocklist: one number or many, and whose wish counts."""

import pytest

from accounts.models import AuditEntry, Organization
from contacts import blocklist
from contacts.models import AskedBy, BlocklistEntry, Contact, OptOutEvent
from tests.factories import make_organization, phone_number

pytestmark = pytest.mark.django_db
Reason = BlocklistEntry.Reason


def entry_of(number: str) -> BlocklistEntry:
    return BlocklistEntry.objects.get(phone_number=number)


def test_many_numbers_are_blocked_at_once(organization: Organization) -> None:
    blocklist.block(organization=make_organization(), phone_number=phone_number(0))  # somebody else's
    blocklist.block(organization=organization, phone_number=phone_number(0), source="Ayu")
    numbers = [phone_number(0), phone_number(1), phone_number(2), phone_number(1)]
    blocked = blocklist.block_many(
        organization=organization, phone_numbers=numbers, source="old.xlsx", asked_by=AskedBy.IMPORT
    )
    assert blocked.new == {phone_number(1), phone_number(2)}
    assert not blocked.changed
    found = BlocklistEntry.objects.filter(organization=organization).order_by("phone_number")
    assert [(entry.asked_by, entry.source) for entry in found] == [
        ("staff", "Ayu"),
        ("import", "old.xlsx"),
        ("import", "old.xlsx"),
    ]
    again = blocklist.block_many(organization=organization, phone_numbers=numbers)
    assert not again.new
    assert not again.changed
    assert AuditEntry.objects.filter(organization=organization, action="contacts.blocked").count() == 2


def test_the_persons_own_wish_outweighs_that_of_staff_which_is_remembered(organization: Organization) -> None:
    number = phone_number(0)
    blocklist.block(organization=organization, phone_number=number, source="Ayu")
    blocked = blocklist.block_many(
        organization=organization,
        phone_numbers=[number],
        reason=Reason.OPTED_OUT,
        source="Web form",
        asked_by=AskedBy.API,
    )
    assert blocked.changed == {number}
    entry = entry_of(number)
    assert (entry.reason, entry.blocked_by_staff) == ("opted_out", True)
    assert (entry.asked_by, entry.source) == ("api", "Web form")
    assert OptOutEvent.objects.get().kind == "opted_out"


def test_staff_block_somebody_who_opted_out(organization: Organization) -> None:
    number = phone_number(0)
    blocklist.block(organization=organization, phone_number=number, reason=Reason.OPTED_OUT, source="Phone call")
    blocklist.block(organization=organization, phone_number=number, source="Ayu")
    entry = entry_of(number)
    assert (entry.reason, entry.blocked_by_staff, entry.source) == ("opted_out", True, "Phone call")


def test_the_lid_of_a_contact_comes_along(organization: Organization) -> None:
    Contact.objects.create(organization=organization, phone_number=phone_number(0), lid="100000000000001")
    blocklist.block(organization=organization, phone_number=phone_number(0))
    assert entry_of(phone_number(0)).lid == "100000000000001"


def test_taking_off_who_opted_out_is_written_into_the_history(organization: Organization) -> None:
    blocklist.block(organization=organization, phone_number=phone_number(0), reason=Reason.OPTED_OUT)
    BlocklistEntry.objects.create(organization=organization, lid="100000000000001", reason=Reason.OPTED_OUT)
    blocklist.block(organization=organization, phone_number=phone_number(1))
    assert not blocklist.unblock(organization=organization, lid="")
    assert blocklist.unblock(organization=organization, phone_number=phone_number(0))
    assert blocklist.unblock(organization=organization, lid="100000000000001")
    assert blocklist.unblock(organization=organization, phone_number=phone_number(1))
    history = OptOutEvent.objects.order_by("id").values_list("kind", "phone_number", "lid")
    assert list(history) == [
        ("opted_out", phone_number(0), ""),
        ("removed", phone_number(0), ""),
        ("removed", "", "100000000000001"),
    ]
