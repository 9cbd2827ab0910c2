"""What happened to contacts is written down set-based, and for nobody else's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts import events, services
from contacts.models import Contact, ContactEvent, OtherNumber

Kind = ContactEvent.Kind


def make_contact(organization, number: int, **fields) -> Contact:
    return Contact.objects.create(organization=organization, phone_number=f"+62812000{number:06}", **fields)


@pytest.fixture
def people(organization) -> list[Contact]:
    return [make_contact(organization, number) for number in range(3)]


def test_one_statement_for_all(organization, owner, people):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        written = events.record(
            organization_id=organization.pk,
            contact_ids=[contact.pk for contact in people],
            kind=Kind.LIST_ADDED,
            by=owner,
            list=7,
            name="VIP",
        )
    assert written == 3
    assert len(queries) == 1
    event = people[1].events.get()
    assert (event.kind, event.source, event.detail) == ("list_added", str(owner), {"list": 7, "name": "VIP"})


def test_contacts_of_others_and_gone_ones_are_passed_over(organization, other_organization, people):
    stranger = make_contact(other_organization, 9)
    ids = [stranger.pk, people[0].pk, 10**12]
    assert events.record(organization_id=organization.pk, contact_ids=ids, kind=Kind.EDITED) == 1
    details = {stranger.pk: {"a": 1}, people[1].pk: {"b": 2}}
    assert events.record_each(organization_id=organization.pk, details=details, kind=Kind.EDITED) == 1
    assert not stranger.events.exists()
    assert people[1].events.get().detail == {"b": 2}


def test_by_number_own_or_other(organization, people):
    OtherNumber.objects.create(organization=organization, contact=people[2], phone_number="+6281299999999")
    numbers = [people[0].phone_number, "+6281299999999", "+6281288888888", ""]
    lone = Contact.objects.create(organization=organization, lid="77")  # no number must not stand for this one
    written = events.record_by_number(
        organization_id=organization.pk, phone_numbers=numbers, kind=Kind.OPTED_OUT, source="Wrote “STOP”", text="STOP"
    )
    assert written == 2
    assert [contact.events.count() for contact in people] == [1, 0, 1]
    assert people[0].events.get().source == "Wrote “STOP”"
    assert not lone.events.exists()


def test_blocking_and_unblocking_is_told(organization, owner, people):
    number = people[0].phone_number
    services.block(organization=organization, phone_number=number, by=owner)
    services.block(organization=organization, phone_number=number, by=owner)  # nothing new
    services.block(organization=organization, phone_number=number, reason="opted_out", source="hotline")
    services.unblock(organization=organization, phone_number=number, by=owner)
    told = list(people[0].events.order_by("id").values_list("kind", "source"))
    assert told == [("blocked", str(owner)), ("opted_out", "hotline"), ("unblocked", str(owner))]
