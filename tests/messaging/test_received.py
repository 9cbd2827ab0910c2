"""What people send, as the ledger keeps it."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from contacts.models import Contact, ContactList
from messaging import ledger, people
from messaging.events import Changed, Inbound, ReceivedMedia
from messaging.models import Group, Message
from senders.models import Sender
from tests.factories import make_sender

MOMENT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NUMBER, LID = "+6281200000001", "100000000000001"

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def said(sender: Sender, whatsapp_id: str = "IN1", **fields: Any) -> Inbound:
    return Inbound(
        **{
            "sender_id": sender.pk,
            "phone_number": NUMBER,
            "whatsapp_id": whatsapp_id,
            "text": "Halo",
            "at": MOMENT,
            **fields,
        }
    )


def hear(*events: Inbound | Changed) -> None:
    """As the worker does it: the commit first, then what it teaches."""
    ledger.record(events)
    people.learn_from([event for event in events if isinstance(event, Inbound)])


def test_every_kind_is_stored_as_it_came(sender: Sender) -> None:
    place = {"latitude": -6.2, "longitude": 106.8, "name": "Monas\x00"}
    events = [
        said(sender, "IN1", kind="location", content=place, text=""),
        said(sender, "IN2", kind="hologram", text="odd \ud83d half"),
        said(sender, "IN3", kind="reaction", content={"to": "OUT1", "from_me": True, "emoji": "👍"}, text=""),
    ]
    hear(*events)
    hear(*events)
    rows = {row.whatsapp_id: row for row in Message.objects.all()}
    assert len(rows) == 3
    assert rows["IN1"].content == {"latitude": -6.2, "longitude": 106.8, "name": "Monas"}
    assert (rows["IN2"].kind, rows["IN2"].text) == ("unsupported", "odd ? half")
    assert rows["IN3"].content["emoji"] == "👍"


def test_a_file_that_is_not_there_says_why(sender: Sender) -> None:
    large = ReceivedMedia(mime_type="video/mp4", file_name="party.mp4", size=10**9, error="too_large")
    hear(said(sender, kind="video", media=large, text="Look"))
    message = Message.objects.get()
    assert message.media is None
    assert message.content["missing_media"] == {
        "error": "too_large",
        "mime_type": "video/mp4",
        "file_name": "party.mp4",
        "size": 10**9,
    }


def _edit(sender: Sender, text: str, at: datetime) -> Changed:
    return Changed(sender.pk, "IN1", at, text, phone_number=NUMBER)


def deleted_by(sender: Sender, *, phone_number: str = "", lid: str = "") -> Changed:
    moment = MOMENT + timedelta(seconds=5)
    return Changed(sender.pk, "IN1", moment, deleted=True, phone_number=phone_number, lid=lid)


def test_an_edit_keeps_the_former_text_and_comes_once(sender: Sender) -> None:
    edited = partial(_edit, sender)
    later, latest = MOMENT + timedelta(seconds=10), MOMENT + timedelta(seconds=20)
    hear(said(sender, text="first"))
    edits = [edited("third", latest), edited("second", later)]
    hear(*edits)
    hear(*edits)
    message = Message.objects.get()
    assert (message.text, message.edited_at) == ("third", latest)
    assert [former["text"] for former in message.content["history"]] == ["first", "second"]


def test_a_deletion_removes_what_was_said(sender: Sender) -> None:
    hear(said(sender, kind="location", text="secret", content={"latitude": 1, "longitude": 2}))
    deletion = deleted_by(sender, phone_number=NUMBER)
    hear(deletion, Changed(sender.pk, "IN1", MOMENT + timedelta(seconds=9), "too late", phone_number=NUMBER))
    message = Message.objects.get()
    assert (message.text, message.content, message.deleted_at) == ("", {}, deletion.at)


def test_nobody_changes_what_the_sender_wrote(organization: Organization, sender: Sender) -> None:
    Message.objects.create(
        organization=organization, sender=sender, phone_number=NUMBER, whatsapp_id="OUT1", text="Promo", status=40
    )
    hear(
        Changed(sender.pk, "OUT1", MOMENT, deleted=True, phone_number=NUMBER),
        Changed(sender.pk, "OUT1", MOMENT, "forged", phone_number=NUMBER),
    )
    assert Message.objects.get().text == "Promo"
    hear(Changed(sender.pk, "OUT1", MOMENT, "corrected", from_me=True))
    assert Message.objects.get().text == "corrected"


def test_nobody_changes_what_somebody_else_wrote(sender: Sender) -> None:
    hear(said(sender, lid=LID), deleted_by(sender, phone_number="+6281200000009"), deleted_by(sender, lid="2"))
    hear(deleted_by(sender), Changed(sender.pk, "IN1", MOMENT, "forged", lid="2"))
    assert Message.objects.get().text == "Halo"
    hear(deleted_by(sender, lid=LID))
    assert Message.objects.get().text == ""


def test_an_admin_of_a_group_deletes_what_others_wrote(sender: Sender) -> None:
    hear(said(sender, group="1@g.us"))
    admin = {"phone_number": "", "lid": "7", "name": "", "is_admin": True}
    member = {"phone_number": "+6281200000009", "lid": "8", "name": "", "is_admin": False}
    Group.objects.update(members=[admin, member])
    hear(deleted_by(sender, lid="8", phone_number="+6281200000009"))
    assert Message.objects.get().deleted_at is None
    hear(deleted_by(sender, lid="7"))
    assert Message.objects.get().deleted_at is not None


def test_who_writes_becomes_a_contact_once(organization: Organization, sender: Sender) -> None:
    hear(said(sender, name="Budi", lid=LID), said(sender, "IN2", name="Budi", lid=LID))
    contact = Contact.objects.get()
    assert (contact.phone_number, contact.lid, contact.name) == (NUMBER, LID, "Budi")


def test_a_name_that_staff_gave_stays(organization: Organization, sender: Sender) -> None:
    Contact.objects.create(organization=organization, phone_number=NUMBER, name="Pak Budi")
    hear(said(sender, name="budi_gaming", lid=LID))
    contact = Contact.objects.get()
    assert (contact.name, contact.lid) == ("Pak Budi", LID)


def test_a_person_known_by_lid_keeps_one_conversation(organization: Organization, sender: Sender) -> None:
    hear(said(sender, "IN1", lid=LID))
    hear(said(sender, "IN2", phone_number="", lid=LID))
    assert list(Message.objects.values_list("phone_number", flat=True)) == [NUMBER, NUMBER]
    assert Contact.objects.count() == 1


def test_a_lid_alone_is_joined_when_its_number_becomes_known(organization: Organization, sender: Sender) -> None:
    hear(said(sender, "IN1", phone_number="", lid=LID, name="Budi"))
    stranger = Contact.objects.get()
    assert (stranger.phone_number, stranger.lid, str(stranger)) == ("", LID, "Budi")
    assert Message.objects.get().phone_number == ""

    vip = ContactList.objects.create(organization=organization, name="VIP")
    vip.contacts.add(stranger)
    known = Contact.objects.create(organization=organization, phone_number=NUMBER, attributes={"city": "Solo"})
    hear(said(sender, "IN2", lid=LID))

    contact = Contact.objects.get()
    assert (contact.pk, contact.lid, contact.name, contact.attributes) == (known.pk, LID, "Budi", {"city": "Solo"})
    assert list(vip.contacts.all()) == [contact]
    assert set(Message.objects.values_list("phone_number", flat=True)) == {NUMBER}


def test_a_lid_that_moves_to_another_number_takes_nobody_along(organization: Organization, sender: Sender) -> None:
    hear(said(sender, "IN1", lid=LID))
    hear(said(sender, "IN2", phone_number="+6281200000002", lid=LID))
    assert dict(Contact.objects.values_list("phone_number", "lid")) == {NUMBER: "", "+6281200000002": LID}


def test_organizations_do_not_share_lids(
    organization: Organization, other_organization: Organization, sender: Sender
) -> None:
    Contact.objects.create(organization=other_organization, phone_number=NUMBER, lid=LID)
    hear(said(sender, "IN1", phone_number="", lid=LID))
    assert Message.objects.get().phone_number == ""
    assert Contact.objects.for_organization(organization).get().phone_number == ""


def test_members_of_a_group_do_not_become_contacts(organization: Organization, sender: Sender) -> None:
    group = "120363041234567890@g.us"
    hear(said(sender, "IN1", group=group), said(sender, "IN2", group=group, phone_number="", lid=LID))
    assert [message.group for message in Message.objects.all()] == [Group.objects.get(whatsapp_id=group)] * 2
    assert Contact.objects.count() == 0


def test_what_is_no_number_and_no_lid_does_not_hold_everybody_else_up(sender: Sender) -> None:
    hear(said(sender, "IN1", phone_number="+628" * 9, lid="x" * 99), said(sender, "IN2\x00", name="\ud83d"))
    assert set(Message.objects.values_list("phone_number", "lid")) == {("", ""), (NUMBER, "")}
    assert Contact.objects.get().name == "?"


def test_a_thousand_people_who_write_at_once_are_few_statements(sender: Sender) -> None:
    people_who_write = [
        said(sender, f"IN{index}", phone_number=f"+62812{index:07}", lid=f"{index + 1}") for index in range(1000)
    ]
    ledger.record(people_who_write)
    with CaptureQueriesContext(connection) as queries:
        people.learn_from(people_who_write)
    assert Contact.objects.count() == 1000
    assert len(queries) <= 12
