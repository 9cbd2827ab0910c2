"""Two contacts become one and part again, with everything that belongs to them."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.forms.models import model_to_dict
from django.utils.timezone import now

from accounts.models import AuditEntry
from contacts import consent, events, identities, merges, services
from contacts.identities import Identity
from contacts.models import (
    BlocklistEntry,
    Consent,
    Contact,
    ContactEvent,
    ContactList,
    ContactListMember,
    ContactMerge,
    OtherNumber,
)
from contacts.services import NotAllowed
from messaging import people
from messaging.events import Inbound
from messaging.ledger import record
from messaging.models import Message
from tests.factories import make_sender

OLD, NEW = "+6281200000001", "+6281200000002"


@pytest.fixture
def kept(organization) -> Contact:
    return Contact.objects.create(
        organization=organization,
        phone_number=OLD,
        lid="111",
        name="Ayu",
        attributes={"city": "Jakarta", "size": "M", "note": ""},
        tags=["vip"],
    )


@pytest.fixture
def other(organization) -> Contact:
    return Contact.objects.create(
        organization=organization,
        phone_number=NEW,
        lid="222",
        name="Ayu Wijaya",
        attributes={"city": "Bandung", "pet": "cat", "note": "calls"},
        tags=["new", "vip"],
    )


@pytest.fixture
def lists(organization, kept, other) -> dict[str, ContactList]:
    made = {}
    for name, members in (("both", [kept, other]), ("mine", [kept]), ("theirs", [other])):
        made[name] = ContactList.objects.create(organization=organization, name=name)
        made[name].contacts.add(*members)
    return made


def everything(*contacts: Contact) -> list[object]:
    """All that is known of these contacts, to be compared."""
    ids = [contact.pk for contact in contacts]
    rows: list[object] = [
        {**model_to_dict(contact), "created_at": contact.created_at}
        for contact in Contact.objects.filter(pk__in=ids).order_by("pk")
    ]
    rows += ContactListMember.objects.filter(contact__in=ids).order_by("pk").values()
    rows += OtherNumber.objects.filter(contact__in=ids).order_by("pk").values()
    rows += BlocklistEntry.objects.order_by("pk").values()
    kinds = [ContactEvent.Kind.MERGED, ContactEvent.Kind.UNMERGED]
    rows += ContactEvent.objects.filter(contact__in=ids).exclude(kind__in=kinds).order_by("pk").values()
    return rows


def lists_of(contact: Contact) -> list[str]:
    return sorted(contact.lists.values_list("name", flat=True))


def test_what_differs(kept, other):
    found = {each.field: (each.kept, each.other, each.is_question) for each in merges.differences(kept, other)}
    assert found == {
        "name": ("Ayu", "Ayu Wijaya", True),
        "phone_number": (OLD, NEW, True),
        "attributes.city": ("Jakarta", "Bandung", True),
        "attributes.note": ("", "calls", False),
        "attributes.pet": ("", "cat", False),
    }


def test_what_is_not_taken_stays_and_gaps_are_filled(organization, owner, kept, other, lists):
    events.record(organization_id=organization.pk, contact_ids=[other.pk], kind=ContactEvent.Kind.EDITED)
    merges.merge(organization=organization, kept=kept, other=other, take={"attributes.city"}, by=owner)
    assert not Contact.objects.filter(pk=other.pk).exists()
    kept.refresh_from_db()
    assert (kept.name, kept.phone_number, kept.lid) == ("Ayu", OLD, "111")
    assert kept.attributes == {"city": "Bandung", "size": "M", "note": "calls", "pet": "cat"}
    assert kept.tags == ["new", "vip"]
    assert lists_of(kept) == ["both", "mine", "theirs"]
    assert list(kept.other_numbers.values_list("phone_number", "lid")) == [(NEW, "222")]
    assert sorted(kept.events.values_list("kind", flat=True)) == ["edited", "merged"]
    assert AuditEntry.objects.filter(action="contacts.merged", user=owner).exists()
    assert NEW not in AuditEntry.objects.get(action="contacts.merged").target


def test_the_other_number_can_be_the_one_to_write_to(organization, kept, other):
    merges.merge(organization=organization, kept=kept, other=other, take={"phone_number", "name"})
    kept.refresh_from_db()
    assert (kept.name, kept.phone_number, kept.lid) == ("Ayu Wijaya", NEW, "222")
    assert list(kept.other_numbers.values_list("phone_number", "lid")) == [(OLD, "111")]


@pytest.mark.parametrize("take", [set(), {"phone_number", "name", "attributes.city"}])
def test_undo_restores_exactly(organization, owner, kept, other, lists, take):
    events.record(organization_id=organization.pk, contact_ids=[kept.pk, other.pk], kind=ContactEvent.Kind.EDITED)
    OtherNumber.objects.create(organization=organization, contact=other, phone_number="+6281200000009")
    services.block(organization=organization, phone_number=NEW, reason="opted_out", source="STOP")
    before = everything(kept, other)
    done = merges.merge(organization=organization, kept=kept, other=other, take=take, by=owner)
    assert everything(kept, other) != before
    merges.undo(done=done, by=owner)
    assert everything(kept, other) == before
    assert not ContactMerge.objects.exists()
    with pytest.raises(NotAllowed, match="undone already"):
        merges.undo(done=done)


def test_undo_leaves_what_was_changed_since(organization, kept, other, lists):
    done = merges.merge(organization=organization, kept=kept, other=other)
    kept.refresh_from_db()
    kept.name, kept.attributes = "Ibu Ayu", {**kept.attributes, "pet": "dog", "size": "L"}
    kept.save()
    since = ContactList.objects.create(organization=organization, name="since")
    since.contacts.add(kept)
    merges.undo(done=done)
    kept.refresh_from_db()
    assert kept.name == "Ibu Ayu"
    assert kept.attributes == {"city": "Jakarta", "size": "L", "note": "", "pet": "dog"}
    assert lists_of(kept) == ["both", "mine", "since"]
    assert lists_of(Contact.objects.get(pk=other.pk)) == ["both", "theirs"]


def test_merges_are_undone_in_their_reverse_order(organization, kept, other, lists):
    third = Contact.objects.create(organization=organization, phone_number="+6281200000003", name="A. W.")
    before = everything(kept, other, third)
    first = merges.merge(organization=organization, kept=kept, other=other)
    second = merges.merge(organization=organization, kept=third, other=kept)
    with pytest.raises(NotAllowed, match="later merges"):
        merges.undo(done=first)
    assert sorted(third.other_numbers.values_list("phone_number", flat=True)) == [OLD, NEW]
    merges.undo(done=second)
    merges.undo(done=first)
    assert everything(kept, other, third) == before


def test_after_its_time_a_merge_stays(organization, kept, other):
    done = merges.merge(organization=organization, kept=kept, other=other)
    ContactMerge.objects.update(at=now() - timedelta(days=merges.UNDO_DAYS, minutes=1))
    done.refresh_from_db()
    with pytest.raises(NotAllowed, match="30 days"):
        merges.undo(done=done)
    assert merges.forget_old() == 1
    assert kept.other_numbers.exists()


def test_undo_when_the_number_has_a_new_contact(organization, kept, other):
    done = merges.merge(organization=organization, kept=kept, other=other)
    Contact.objects.create(organization=organization, phone_number=NEW)
    with pytest.raises(NotAllowed, match="belongs to another contact"):
        merges.undo(done=done)
    assert ContactMerge.objects.exists()


def test_who_said_stop_stays_unreachable(organization, kept, other):
    services.block(organization=organization, phone_number=OLD)
    services.block(organization=organization, phone_number=NEW, reason="opted_out", source="Wrote STOP")
    third = Contact.objects.create(organization=organization, phone_number="+6281200000003")
    merges.merge(organization=organization, kept=third, other=other)
    entry = BlocklistEntry.objects.get(phone_number=third.phone_number)
    assert (entry.reason, entry.source) == ("opted_out", "Wrote STOP")
    assert BlocklistEntry.objects.get(phone_number=OLD).reason == "blocked"


def test_not_with_itself_and_not_with_who_is_gone_or_of_others(organization, other_organization, kept, other):
    stranger = Contact.objects.create(organization=other_organization, phone_number=NEW)
    for wrong in (kept, stranger):
        with pytest.raises(NotAllowed):
            merges.merge(organization=organization, kept=kept, other=wrong)
    merges.merge(organization=organization, kept=kept, other=other)
    with pytest.raises(NotAllowed, match="no longer there"):
        merges.merge(organization=organization, kept=kept, other=other)


@pytest.mark.django_db(transaction=True)
def test_two_people_merge_the_same_two_at_once(organization, kept, other):
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def one(mine: Contact, theirs: Contact) -> None:
        start.wait()
        try:
            merges.merge(organization=organization, kept=mine, other=theirs)
            outcomes.append("merged")
        except NotAllowed:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=pair) for pair in ((kept, other), (other, kept))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["merged", "refused"]
    assert Contact.objects.count() == 1
    assert OtherNumber.objects.count() == 1


class TestWhoWritesFromTheOtherNumber:
    """Inbound messages of a merged person make no second contact."""

    @pytest.fixture(autouse=True)
    def merged(self, organization, kept, other):
        merges.merge(organization=organization, kept=kept, other=other)

    def learn(self, organization, *seen: Any) -> None:
        identities.learn(organization_id=organization.pk, seen=[Identity(*each) for each in seen])

    def test_is_the_merged_contact(self, organization):
        self.learn(organization, (NEW, "222", "Ayu W"), (OLD, "111", "Ayu"), (NEW,), ("", "222"))
        assert Contact.objects.count() == 1
        numbers = identities.numbers_of(organization_id=organization.pk, lids=["111", "222", "333"])
        assert numbers == {"111": OLD, "222": NEW}

    def test_with_a_new_lid(self, organization, kept):
        self.learn(organization, (NEW, "333", ""))
        assert list(kept.other_numbers.values_list("phone_number", "lid")) == [(NEW, "333")]
        assert Contact.objects.get().lid == "111"

    def test_whose_lid_wrote_before_it_was_known(self, organization, kept):
        self.learn(organization, ("", "333", "Ayu phone"))
        assert Contact.objects.count() == 2
        self.learn(organization, (NEW, "333", ""))
        assert Contact.objects.get().lid == "111"
        assert list(kept.other_numbers.values_list("phone_number", "lid")) == [(NEW, "333")]

    def test_a_lid_that_moved_to_somebody_else(self, organization, kept):
        self.learn(organization, ("+6281200000007", "222", "Budi"))
        assert Contact.objects.get(phone_number="+6281200000007").lid == "222"
        assert list(kept.other_numbers.values_list("phone_number", "lid")) == [(NEW, "")]

    def test_messages_get_the_number_of_their_lid(self, organization):
        sender = make_sender(organization)
        record([Inbound(sender_id=sender.pk, phone_number="", lid="222", whatsapp_id="A", text="Hi", at=now())])
        assert Message.objects.get().phone_number == NEW
        people.learn(organization_id=organization.pk, seen=[Identity("", "222")])
        assert Contact.objects.count() == 1


def test_a_lid_and_a_number_that_become_one_person_can_be_parted(organization, kept):
    lone = Contact.objects.create(
        organization=organization, lid="999", name="A", attributes={"pet": "cat"}, tags=["x"]
    )
    Contact.objects.filter(pk=kept.pk).update(lid="")
    before = everything(kept, lone)
    identities.learn(organization_id=organization.pk, seen=[Identity(OLD, "999")])
    kept.refresh_from_db()
    assert (kept.lid, kept.name, kept.tags) == ("999", "Ayu", ["vip", "x"])
    assert kept.attributes["pet"] == "cat"
    assert not kept.other_numbers.exists()
    merges.undo(done=ContactMerge.objects.get())
    assert everything(kept, lone) == before


def test_a_merge_costs_the_same_however_much_belongs_to_it(organization, kept, other, django_assert_max_num_queries):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contactevent (contact_id, kind, source, detail, at)"
            " SELECT %s, 'edited', '', '{}', now() FROM generate_series(1, 1000)",
            [other.pk],
        )
    with django_assert_max_num_queries(60):
        merges.merge(organization=organization, kept=kept, other=other)
    assert kept.events.count() == 1001


@pytest.mark.django_db
@pytest.mark.parametrize("withdrawn_under", [OLD, NEW])
def test_the_last_word_on_consent_holds_for_both_numbers(organization, kept, other, withdrawn_under) -> None:
    given_under = NEW if withdrawn_under == OLD else OLD
    consent.write(
        organization_id=organization.pk,
        said=[
            consent.Statement(given_under, is_given=True, source="Fair", at=now() - timedelta(days=9)),
            consent.Statement(withdrawn_under, is_given=False, source="Phone call", at=now() - timedelta(days=1)),
        ],
    )
    merges.merge(organization=organization, kept=kept, other=other)
    assert set(Consent.objects.values_list("phone_number", "is_given", "source")) == {
        (OLD, False, "Phone call"),
        (NEW, False, "Phone call"),
    }
