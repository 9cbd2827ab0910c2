"""People whose number is registered in another form than the one it is written in: Brazil and Mexico, whole way."""

import pytest

from contacts import services as contacts
from contacts.models import Contact
from messaging.models import Message, MessageStatus
from senders.models import NumberCheck, Sender
from session_service import number_checks
from tests.factories import make_batch
from tests.session_service.baileys.test_with_a_worker import (
    NewPhone,
    batch_to,
    quick,
    scan,
    sender,
)
from tests.session_service.running import running_worker, wait_until
from tests.session_service.test_worker import at, plan_until_finished
from tests.whatsapp_emulator.running import RunningEmulator

__all__ = ["quick", "sender"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)

# The number as people write it, and as the emulated WhatsApp knows it.
FORMS = {"+5531987650001": "+553187650001", "+525512345001": "+5215512345001", "+5511987650001": "+5511987650001"}


def test_messages_reach_the_form_that_whatsapp_knows_and_answers_belong_to_one_person(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    phone, people = new_phone(), list(FORMS)
    batch = batch_to(sender, people)
    with running_worker():
        scan(sender, whatsapp, phone)
        plan_until_finished(batch)
        wait_until(lambda: at(batch, MessageStatus.READ) == len(people), "every message is read")
        for index, form in enumerate(FORMS.values()):
            assert [line["text"] for line in whatsapp.lines(form)] == [f"Hi Person {index}"]
            whatsapp.say(sender=form, to=phone, text="STOP")
        inbound = Message.objects.filter(direction="in")
        wait_until(lambda: inbound.count() == len(people), "the answers are in the ledger")
        wait_until(lambda: Contact.objects.exclude(lid="").count() == len(people), "their LIDs are learned")
    assert set(inbound.values_list("phone_number", flat=True)) == set(people)
    known = NumberCheck.objects.filter(organization=sender.organization)
    assert dict(known.values_list("phone_number", "wire_number")) == FORMS
    assert set(Contact.objects.values_list("phone_number", flat=True)) == set(people)


def test_what_is_known_is_not_asked_again(sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone) -> None:
    phone, people = new_phone(), ["+5531987650011", "+525512345011"]
    with running_worker():
        scan(sender, whatsapp, phone)
        for person in ("+553187650011", "+5215512345011"):
            whatsapp.say(sender=person, to=phone, text="Hello")
        known = NumberCheck.objects.exclude(wire_number="")
        wait_until(lambda: known.count() == 2, "the forms are remembered")
        asked = whatsapp.stats()["checked_numbers"]
        batch = batch_to(sender, people)
        plan_until_finished(batch)
        wait_until(lambda: at(batch, MessageStatus.READ) == len(people), "every message is read")
        assert whatsapp.stats()["checked_numbers"] == asked


def test_a_blocked_person_is_blocked_in_every_form(
    sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone
) -> None:
    contacts.block(organization=sender.organization, phone_number="+55 31 8765-0021")
    batch = make_batch(sender.organization, [sender], 1)
    Message.objects.filter(batch=batch).update(phone_number="+5531987650021")
    with running_worker():
        scan(sender, whatsapp, new_phone())
        plan_until_finished(batch)
    assert whatsapp.lines("+553187650021") == []
    assert Message.objects.get(batch=batch).skip_reason == "blocked"


def test_a_check_finds_either_form(sender: Sender, whatsapp: RunningEmulator, new_phone: NewPhone) -> None:
    with running_worker():
        scan(sender, whatsapp, new_phone())
        wanted = ["+5531987650031", "+525512345031", "+5511987650031", "+5531987650000"]
        found = number_checks.check(organization=sender.organization, numbers=wanted, sender=sender).found
    assert {number: (check.exists, check.wire_number) for number, check in found.items()} == {
        "+5531987650031": (True, "+553187650031"),
        "+525512345031": (True, "+5215512345031"),
        "+5511987650031": (True, "+5511987650031"),
        "+5531987650000": (False, ""),
    }
