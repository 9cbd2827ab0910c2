"""STOP and START, as people write them to senders: honoured in the transaction that stores what they wrote."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import Organization
from contacts import blocklist
from contacts.identities import Identity
from contacts.models import BlocklistEntry, Contact, ContactEvent, ContactSettings, OptOutEvent, OtherNumber
from messaging import counts, ledger, opt_out_rates, people, planner
from messaging.events import Changed, Inbound
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender
from session_service.providers.base import OutgoingMessage
from session_service.queue import lease_due
from tests.factories import assert_counters_true, make_batch, make_lease, make_organization, make_sender, phone_number

LID = "100000000000001"
MOMENT = now() - timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


class Person:
    """Writes to a sender, a second later each time."""

    def __init__(self, sender: Sender, number: str = "", lid: str = "") -> None:
        self.sender, self.number, self.lid = sender, number, lid
        self.written = 0

    def message(self, text: str, **fields: Any) -> Inbound:
        self.written += 1
        given = {
            "sender_id": self.sender.pk,
            "phone_number": self.number,
            "lid": self.lid,
            "whatsapp_id": f"IN{self.sender.pk}.{self.number}{self.lid}.{self.written}",
            "text": text,
            "at": MOMENT + timedelta(seconds=self.written),
        }
        return Inbound(**{**given, **fields})

    def says(self, *texts: str) -> set[int]:
        return ledger.record([self.message(text) for text in texts])


@pytest.fixture
def person(sender: Sender) -> Person:
    return Person(sender, phone_number(0))


def answers() -> list[str]:
    """Which texts wait for people, by their beginning."""
    waiting = Message.objects.filter(direction="out", batch=None).order_by("id")
    return [" ".join(message.text.split()[:3]) for message in waiting]


GONE, BACK = "Anda tidak akan", "Selamat datang kembali:"


def statuses(batch: Batch) -> list[tuple[str, str, str]]:
    rows = batch.messages.order_by("phone_number")
    return [(row.phone_number, MessageStatus(row.status).label, row.skip_reason) for row in rows]


def lease(sender: Sender) -> list[OutgoingMessage]:
    changes = counts.Changes()
    held = make_lease(sender)
    assert held.worker_id is not None
    leased = lease_due(worker_id=held.worker_id, held=[(sender.pk, held.epoch, True)], room=50, changes=changes)
    changes.save()
    return leased


def test_stop_blocks_with_the_proof_and_is_answered_once(person: Person, organization: Organization) -> None:
    person.says(" Stop!! 🛑")
    entry = BlocklistEntry.objects.get()
    assert (entry.phone_number, entry.reason, entry.asked_by) == (phone_number(0), "opted_out", "keyword")
    assert (entry.evidence_text, entry.evidence_at) == (" Stop!! 🛑", MOMENT + timedelta(seconds=1))
    assert entry.evidence_id == Message.objects.get(direction="in").whatsapp_id
    answer = Message.objects.get(direction="out")
    assert (answer.sender, answer.priority, answer.confirms) == (person.sender, 1, OptOutEvent.objects.get())
    assert answers() == [GONE]
    assert person.sender.name in entry.source
    person.says("stop", "STOP", "berhenti")
    assert answers() == [GONE]
    assert OptOutEvent.objects.count() == 1
    assert BlocklistEntry.objects.get().evidence_text == "berhenti"  # the last word on it


def test_a_repeat_of_a_commit_changes_nothing(person: Person) -> None:
    """Such as after a crash between the commit and the provider's hearing of it."""
    events = [person.message("stop"), person.message("Halo")]
    ledger.record(events)
    ledger.record([person.message("start")])
    ledger.record(events)
    assert answers() == [GONE, BACK]
    assert not BlocklistEntry.objects.exists()


def test_what_waits_is_skipped_with_true_counters(person: Person, organization: Organization) -> None:
    queued = make_batch(organization, [person.sender], 2)
    planner.plan_organization(organization)
    pending = make_batch(organization, [person.sender], 2, status="paused")
    other = make_batch(make_organization(), [], 1)
    single = Message.objects.create(
        organization=organization, phone_number=phone_number(0), status=MessageStatus.PENDING, text="Your code"
    )
    assert person.says("stop") == {queued.pk, pending.pk}
    assert statuses(queued) == [(phone_number(0), "skipped", "opted_out"), (phone_number(1), "queued", "")]
    assert statuses(pending) == [(phone_number(0), "skipped", "opted_out"), (phone_number(1), "pending", "")]
    assert statuses(other) == [(phone_number(0), "pending", "")]
    single.refresh_from_db()
    assert (single.status, single.skip_reason) == (MessageStatus.SKIPPED, "opted_out")
    for batch in (queued, pending, other):
        assert_counters_true(batch)


def test_what_may_have_left_is_not_called_skipped(person: Person, organization: Organization) -> None:
    batch = make_batch(organization, [person.sender], 1)
    planner.plan_organization(organization)
    Message.objects.filter(batch=batch).update(attempts=1)
    person.says("stop")
    assert statuses(batch) == [(phone_number(0), "unknown", "")]
    assert_counters_true(batch)


def test_what_is_being_sent_is_left_to_settle(person: Person, organization: Organization) -> None:
    batch = make_batch(organization, [person.sender], 1)
    planner.plan_organization(organization)
    assert [message.to for message in lease(person.sender)] == [phone_number(0)]
    person.says("stop")
    assert statuses(batch) == [(phone_number(0), "sending", "")]


def test_only_the_answer_passes_the_blocklist(person: Person, organization: Organization) -> None:
    person.says("stop")
    Message.objects.create(
        organization=organization, phone_number=phone_number(0), status=MessageStatus.PENDING, text="Your code"
    )
    make_batch(organization, [person.sender], 1)
    while planner.plan_organization(organization):
        pass
    planned = Message.objects.filter(direction="out").order_by("id").values_list("status", "skip_reason")
    assert list(planned) == [(20, ""), (100, "opted_out"), (100, "opted_out")]
    assert [message.text.split()[0] for message in lease(person.sender)] == ["Anda"]


@pytest.mark.parametrize("step", ["planning", "leasing"])
def test_staff_who_block_the_person_stop_the_answer_too(person: Person, organization: Organization, step: str) -> None:
    person.says("stop")
    if step == "leasing":
        planner.plan_organization(organization)
    blocklist.block(organization=organization, phone_number=phone_number(0))
    planner.plan_organization(organization)
    assert lease(person.sender) == []
    assert Message.objects.get(direction="out").status == MessageStatus.SKIPPED


def test_start_returns_who_left_and_keeps_the_history(person: Person) -> None:
    person.says("stop")
    person.says("START")
    assert not BlocklistEntry.objects.exists()
    person.says("start", "mulai")
    assert answers() == [GONE, BACK]
    person.says("stop")
    assert answers() == [GONE, BACK, GONE]
    assert list(OptOutEvent.objects.order_by("id").values_list("kind", flat=True)) == [
        "opted_out",
        "opted_in",
        "opted_out",
    ]


def test_stop_takes_back_the_welcome_that_has_not_left(person: Person) -> None:
    person.says("stop")
    person.says("start")
    person.says("stop")
    left = Message.objects.filter(direction="out", status=MessageStatus.PENDING)
    assert [message.confirms_id for message in left] == [OptOutEvent.objects.latest("id").pk]


@pytest.mark.parametrize(("texts", "is_out"), [(("stop", "start"), False), (("start", "stop"), True)])
def test_the_order_within_one_commit_counts(person: Person, texts: tuple[str, str], is_out: bool) -> None:
    person.says(*texts)
    assert BlocklistEntry.objects.exists() is is_out
    assert answers() == [GONE if is_out else BACK]


def test_an_old_start_that_is_delivered_late_does_not_count(person: Person) -> None:
    late = person.message("start")
    person.says("stop")
    ledger.record([late])
    assert BlocklistEntry.objects.exists()


def test_start_does_not_undo_what_staff_decided(person: Person, organization: Organization) -> None:
    blocklist.block(organization=organization, phone_number=phone_number(0), source="Ayu")
    person.says("start")
    assert BlocklistEntry.objects.get().reason == "blocked"
    person.says("stop")
    entry = BlocklistEntry.objects.get()
    assert (entry.reason, entry.blocked_by_staff) == ("opted_out", True)
    person.says("start")
    entry.refresh_from_db()
    assert (entry.reason, entry.blocked_by_staff) == ("blocked", False)
    assert answers() == []


def test_somebody_known_by_lid_only(sender: Sender, organization: Organization) -> None:
    person = Person(sender, lid=LID)
    for text in ("Halo", "stop"):
        event = person.message(text)
        ledger.record([event])
        people.learn_from([event])
    assert (BlocklistEntry.objects.get().phone_number, BlocklistEntry.objects.get().lid) == (None, LID)
    Message.objects.create(organization=organization, sender=sender, lid=LID, status=MessageStatus.PENDING, text="Hm")
    planner.plan_organization(organization)
    planned = Message.objects.filter(direction="out").order_by("id").values_list("status", "skip_reason")
    assert list(planned) == [(20, ""), (100, "opted_out")]
    # Later their number becomes known, and messages to it are stopped as well.
    people.learn(organization_id=organization.pk, seen=[Identity(phone_number=phone_number(0), lid=LID, name="Budi")])
    entry = BlocklistEntry.objects.get()
    assert (entry.phone_number, entry.lid, entry.evidence_text) == (phone_number(0), LID, "stop")
    person.says("start")
    assert not BlocklistEntry.objects.exists()


def test_the_number_that_is_learned_was_blocked_by_staff(sender: Sender, organization: Organization) -> None:
    Person(sender, lid=LID).says("stop")
    blocklist.block(organization=organization, phone_number=phone_number(0))
    people.learn(organization_id=organization.pk, seen=[Identity(phone_number=phone_number(0), lid=LID)])
    entry = BlocklistEntry.objects.get()
    assert (entry.phone_number, entry.reason, entry.blocked_by_staff) == (phone_number(0), "opted_out", True)
    assert entry.evidence_text == "stop"


def test_all_numbers_of_a_contact_are_meant(person: Person, organization: Organization) -> None:
    contact = Contact.objects.create(organization=organization, phone_number=phone_number(1), lid=LID)
    OtherNumber.objects.create(organization=organization, contact=contact, phone_number=phone_number(0))
    batch = make_batch(organization, [person.sender], 2)
    person.says("stop")
    blocked = BlocklistEntry.objects.order_by("phone_number").values_list("phone_number", "lid")
    assert list(blocked) == [(phone_number(0), ""), (phone_number(1), LID)]
    assert {reason for _, _, reason in statuses(batch)} == {"opted_out"}
    told = ContactEvent.objects.get(contact=contact)
    assert (told.kind, told.detail["text"]) == ("opted_out", "stop")
    Person(person.sender, phone_number(1)).says("STOP", "START")
    assert not BlocklistEntry.objects.exists()


def test_groups_do_not_count(person: Person) -> None:
    ledger.record([person.message("stop", group="123@g.us")])
    assert Message.objects.count() == 1
    assert not BlocklistEntry.objects.exists()


def test_correcting_a_word_into_stop_counts_and_into_start_does_not(person: Person) -> None:
    def corrects(text: str, **fields: Any) -> None:
        person.written += 1
        at = MOMENT + timedelta(minutes=person.written)
        given = {"sender_id": person.sender.pk, "whatsapp_id": first.whatsapp_id, "text": text, "at": at}
        ledger.record([Changed(**{**given, "phone_number": person.number, **fields})])

    first = person.message("sotp")
    ledger.record([first])
    corrects("stop", phone_number=phone_number(1))  # somebody else's message
    assert not BlocklistEntry.objects.exists()
    corrects("stop")
    assert BlocklistEntry.objects.get().evidence_text == "stop"
    corrects("start")
    assert BlocklistEntry.objects.exists()
    assert answers() == [GONE]


def test_an_organizations_own_words_and_texts(person: Person, organization: Organization) -> None:
    ContactSettings.objects.create(
        organization=organization,
        opt_out_words=["stop", "Nein Danke"],
        opt_in_words=["weiter"],
        opt_out_reply="Schade.",
        language="de",
    )
    person.says("berhenti")
    assert not BlocklistEntry.objects.exists()
    person.says("nein, danke!")
    assert BlocklistEntry.objects.exists()
    person.says("Weiter")
    assert not BlocklistEntry.objects.exists()
    texts = Message.objects.filter(direction="out").order_by("id").values_list("text", flat=True)
    assert [text.split()[0] for text in texts] == ["Schade.", "Willkommen"]
    other = Person(make_sender(make_organization()), phone_number(0))
    other.says("berhenti")
    assert BlocklistEntry.objects.get().organization == other.sender.organization


def test_another_robot_is_not_answered_for_ever(person: Person) -> None:
    for _ in range(20):
        person.says("stop")
        person.says("start")
    assert len(answers()) == 6
    person.says("stop")
    assert BlocklistEntry.objects.exists()


def test_two_people_of_two_organizations_in_one_commit(sender: Sender) -> None:
    other = make_sender(make_organization(default_region="BR"))
    people_ = [Person(sender, phone_number(0)), Person(sender, phone_number(1)), Person(other, phone_number(0))]
    ledger.record([each.message("stop") for each in people_])
    assert BlocklistEntry.objects.count() == 3
    assert answers() == [GONE, GONE, "Você não receberá"]


class TestRate:
    """An opt-out belongs to the campaign whose message was the last that reached the person."""

    def sent(self, organization: Organization, sender: Sender, *, days_ago: float, people: int = 1) -> Batch:
        batch = make_batch(organization, [sender], people)
        at = now() - timedelta(days=days_ago)
        batch.messages.update(status=MessageStatus.DELIVERED, sent_at=at, sender=sender)
        counts.rebuild(batch.pk)
        return batch

    def test_the_latest_campaign_counts(self, person: Person, organization: Organization) -> None:
        older = self.sent(organization, person.sender, days_ago=2)
        latest = self.sent(organization, person.sender, days_ago=1, people=2)
        unsent = make_batch(organization, [person.sender], 1)
        person.says("stop")
        blocklist.block(organization=organization, phone_number=phone_number(1), reason="opted_out", source="Web")
        batches = [older.pk, latest.pk, unsent.pk]
        assert opt_out_rates.of_batches(batches) == {older.pk: 0, latest.pk: 2, unsent.pk: 0}
        self.recounted(organization, batches)

    def test_once_a_message_however_often_they_leave(self, person: Person, organization: Organization) -> None:
        batch = self.sent(organization, person.sender, days_ago=1)
        person.says("stop", "start", "stop")
        assert OptOutEvent.objects.count() == 3
        assert opt_out_rates.of_batches([batch.pk]) == {batch.pk: 1}
        self.recounted(organization, [batch.pk])

    def test_after_the_days_it_belongs_to_none(self, person: Person, organization: Organization) -> None:
        batch = self.sent(organization, person.sender, days_ago=8)
        person.says("stop")
        assert opt_out_rates.of_batches([batch.pk]) == {batch.pk: 0}
        ContactSettings.objects.create(organization=organization, opt_out_rate_days=9)
        opt_out_rates.rebuild(organization)
        assert opt_out_rates.of_batches([batch.pk]) == {batch.pk: 1}

    def recounted(self, organization: Organization, batches: list[int]) -> None:
        before = opt_out_rates.of_batches(batches)
        opt_out_rates.rebuild(organization)
        assert opt_out_rates.of_batches(batches) == before
