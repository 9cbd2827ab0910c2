"""One person is erased: a search through every column of every table, every stored file and all of Redis finds nothing."""

import io
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils.timezone import now

from accounts.models import AuditEntry, Organization, User
from campaigns import services as campaigns
from contacts import consent, erasure, import_requests, imports, unreachable
from contacts import services as contact_services
from contacts.models import (
    BlocklistEntry,
    Contact,
    ContactList,
    ContactMerge,
    ErasedNumber,
    Erasure,
    ListImport,
    OptOutEvent,
    OtherNumber,
)
from messaging import attachments, ledger, media, people, planner
from messaging import services as messaging
from messaging.counts import Changes
from messaging.events import Changed, Inbound, Outcome, ReceivedMedia, SendResult
from messaging.models import Batch, Group, Media, Message, MessageStatus
from senders.models import NumberCheck, Sender
from session_service.models import AuthKey
from session_service.queue import lease_due
from tests.contacts.workbooks import upload, workbook
from tests.factories import assert_counters_true, make_batch, make_lease, make_sender, phone_number

pytestmark = pytest.mark.django_db
NUMBER, OTHER_NUMBER, LID = "+6281298765432", "+6281298765433", "198765432101234"
NAME, CITY, SAID, SENT, FILE = "Wulandari Kusuma", "Pangkalpinang", "tolong jangan", "ambil paketnya", b"%PDF-1.4 ktp"
NEIGHBOUR = "+6281211112222"
TRACES = (NUMBER[1:], OTHER_NUMBER[1:], LID, NAME, CITY, SAID, SENT, FILE.decode())


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(erasure, "LAST_LOOK_AFTER", timedelta(0))
    return tmp_path


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


# -- The search --


def traces(stored: Path, redis_client: redis.Redis) -> list[str]:
    """Where any trace of the person is left: `table.column: trace`, a file, a key of Redis."""
    return [*_in_the_database(), *_in_the_storage(stored), *_in_redis(redis_client)]


def _in_the_database() -> list[str]:
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
            " AND (data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')) ORDER BY 1, 2"
        )
        for table, column, kind in cursor.fetchall():
            written = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            for trace in TRACES:
                cursor.execute(f'SELECT count(*) FROM "{table}" WHERE position(%s IN {written}) > 0', [trace])
                if cursor.fetchone()[0]:
                    found.append(f"{table}.{column}: {trace}")
    return found


def _in_the_storage(stored: Path) -> list[str]:
    found = []
    for folder, _folders, names in os.walk(stored):
        for name in names:
            content = Path(folder, name).read_bytes()
            if name.endswith(".xlsx"):
                with zipfile.ZipFile(io.BytesIO(content)) as book:
                    content = b"".join(book.read(part) for part in book.namelist())
            found += [f"{name}: {trace}" for trace in TRACES if trace.encode() in content or trace in name]
    return found


def _in_redis(client: redis.Redis) -> list[str]:
    found = []
    for key in client.scan_iter():
        dumped = key + (client.dump(key) or b"")
        found += [f"{key!r}: {trace}" for trace in TRACES if trace.encode() in dumped]
    return found


# -- The person --


def inbound(sender: Sender, whatsapp_id: str, **fields: Any) -> Inbound:
    given = {"phone_number": NUMBER, "lid": LID, "name": NAME, "text": SAID, "at": now()}
    return Inbound(sender_id=sender.pk, whatsapp_id=whatsapp_id, **{**given, **fields})


def hear(*events: Inbound) -> None:
    ledger.record(events)
    people.learn_from(events)


def a_person_with_everything(organization: Organization, sender: Sender, owner: User) -> None:
    _import(organization, sender)
    contact = Contact.objects.get(organization=organization, phone_number=NUMBER)
    consent.say(organization=organization, phone_number=NUMBER, is_given=True, evidence=SAID, by=owner)
    _lists_and_merge(organization, contact)
    _messages(organization, sender)
    _groups_and_mentions(organization, sender)
    contact_services.block(
        organization=organization, phone_number=NUMBER, reason="opted_out", source=f"Call from {NUMBER}", by=owner
    )
    OptOutEvent.objects.create(
        organization=organization, kind="opted_out", phone_number=NUMBER, lid=LID, text=SAID, asked_by="keyword"
    )
    NumberCheck.objects.create(organization=organization, sender=sender, phone_number=NUMBER, lid=LID, exists=True)
    for kind, key in (
        ("session", f"{NUMBER[1:]}.0"),
        ("session", f"{LID}_1.0"),
        ("lid-mapping", f"{LID}_reverse"),
        ("lid-mapping", NUMBER[1:]),
        ("device-list", NUMBER[1:]),
        ("sender-key", f"120363@g.us::{NUMBER[1:]}::0"),
    ):
        AuthKey.objects.create(sender=sender, type=kind, key_id=key, data=b"sealed", encrypted_with=1, format=1)
    AuditEntry.objects.create(organization=organization, action="contacts.edited", target=NAME, detail={"name": NAME})
    AuditEntry.objects.create(organization=organization, action="x", target=NUMBER, detail={"numbers": [NUMBER[1:]]})
    LogEntry.objects.create(
        user=owner,
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=str(contact.pk),
        object_repr=NAME,
        action_flag=CHANGE,
        change_message="",
    )


def _import(organization: Organization, sender: Sender) -> None:
    """Imported once to contacts, and once to a campaign."""
    rows = [("Name", "Phone", "City"), (NAME, "0812-9876-5432", CITY), ("Neighbour", NEIGHBOUR, "Medan")]
    file = upload(workbook(*rows), "people.xlsx")
    found = import_requests.start_import(
        organization=organization, file=file, file_name=str(file.name), list_name="Fair"
    )
    imports.run(list_import_id=found.pk)
    file = upload(workbook(*rows, (f"{NAME} again", f"{NUMBER} or {NUMBER} or nothing", CITY)), "campaign.xlsx")
    campaign = campaigns.create_campaign(
        organization=organization, name="Sale", template="Hi {{name}} in {{city}}", file=file, file_name=str(file.name)
    )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
    campaigns.start_campaign(campaign=campaign)
    planner.plan_all()


def _lists_and_merge(organization: Organization, contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(tags=["vip"], attributes={"city": CITY, "second": OTHER_NUMBER})
    ContactList.objects.create(organization=organization, name="Regulars").contacts.add(contact)
    OtherNumber.objects.create(organization=organization, contact=contact, phone_number=OTHER_NUMBER)
    before = {"kept": {"phone_number": NUMBER, "name": NAME}, "other": {"phone_number": OTHER_NUMBER}}
    ContactMerge.objects.create(organization=organization, kept=contact, other_id=contact.pk + 1000, before=before)
    Contact.objects.filter(phone_number=NEIGHBOUR).update(attributes={"friend": NUMBER, "city": "Medan"})


def _messages(organization: Organization, sender: Sender) -> None:
    kept = attachments.take_in(
        organization_id=organization.pk,
        kind="document",
        file=io.BytesIO(FILE),
        mime_type="application/pdf",
        file_name=f"{NAME}.pdf",
    )
    Media.objects.update(created_at=now() - timedelta(hours=2))
    picture = ReceivedMedia(path="", mime_type="application/pdf", file_name=f"{NAME}.pdf", size=5, media_id=kept.pk)
    hear(
        inbound(sender, "IN1", media=picture, kind="document"),
        inbound(sender, "IN0", text="STOP"),
        inbound(sender, "IN2", phone_number="", text=f"{SAID} lagi"),
        inbound(sender, "IN3", kind="contact", content={"name": NAME, "phone_number": NUMBER}),
        inbound(sender, "IN4", phone_number=OTHER_NUMBER, lid=""),
    )
    ledger.record([Changed(sender.pk, "IN1", now(), text="edited", phone_number=NUMBER)])
    messaging.send_message(organization=organization, to=NUMBER, text=SENT, idempotency_key=f"order-{NUMBER}")
    planner.plan_all()


def _groups_and_mentions(organization: Organization, sender: Sender) -> None:
    group_id = "120363000000000001@g.us"
    quote = {"whatsapp_id": "IN5", "from_me": False, "text": SAID, "author": {"phone_number": NUMBER, "lid": LID}}
    hear(
        inbound(sender, "IN5", group=group_id),
        inbound(
            sender,
            "IN6",
            group=group_id,
            phone_number=NEIGHBOUR,
            lid="",
            name="Neighbour",
            text=f"@{LID} and @{NUMBER[1:]}, thanks",
            content={"reply_to": quote},
        ),
        inbound(
            sender,
            "IN7",
            phone_number=NEIGHBOUR,
            lid="",
            name="Neighbour",
            kind="contact",
            text="",
            content={"name": NAME, "phone_number": NUMBER},
        ),
    )
    member = {"phone_number": NUMBER, "lid": LID, "name": NAME, "is_admin": False}
    other = {"phone_number": NEIGHBOUR, "lid": "", "name": "Neighbour", "is_admin": True}
    Group.objects.update(members=[member, other])


# -- Erased --


def test_nothing_is_left_of_an_erased_person(
    organization: Organization, sender: Sender, owner: User, stored: Path, redis_client: redis.Redis
) -> None:
    a_person_with_everything(organization, sender, owner)
    before = traces(stored, redis_client)
    assert {trace.split(": ")[1] for trace in before} == set(TRACES), "the search finds what there is"
    messages = Message.objects.count()

    asked = erasure.ask_for(organization=organization, phone_number=NUMBER, by=owner)
    done = erasure.run(erasure_id=asked.pk)
    assert done is not None
    assert (done.status, done.waits_for) == (Erasure.Status.DONE, "")
    assert traces(stored, redis_client) == []

    assert Message.objects.count() == messages
    for batch in Batch.objects.all():
        assert_counters_true(batch)
    assert done.removed["messages"] >= 6
    entry = AuditEntry.objects.get(action="contacts.erasure_asked_for")
    assert (entry.user, entry.target) == (owner, str(asked))
    assert OptOutEvent.objects.filter(kind="opted_out").exists(), "that somebody left stays true"


def test_others_keep_everything(organization: Organization, sender: Sender, owner: User) -> None:
    a_person_with_everything(organization, sender, owner)
    kept = Message.objects.filter(phone_number=NEIGHBOUR).count()
    erase(organization)
    neighbour = Contact.objects.get(phone_number=NEIGHBOUR)
    assert neighbour.attributes == {"friend": "•••", "city": "Medan"}
    assert neighbour.lists.filter(name="Fair").exists()
    assert Message.objects.filter(phone_number=NEIGHBOUR).count() == kept
    thanks = Message.objects.get(whatsapp_id="IN6")
    assert thanks.text == "@••• and @•••, thanks"
    assert [member["name"] for member in Group.objects.get().members] == ["Neighbour"]


def erase(organization: Organization, number: str = NUMBER, **options: Any) -> Erasure:
    asked = erasure.ask_for(organization=organization, phone_number=number, **options)
    done = erasure.run(erasure_id=asked.pk)
    assert done is not None
    return done


def test_another_organization_keeps_the_same_person(
    organization: Organization, sender: Sender, owner: User, other_organization: Organization
) -> None:
    other_sender = make_sender(other_organization)
    hear(inbound(other_sender, "IN1"))
    consent.say(organization=other_organization, phone_number=NUMBER, is_given=True)
    a_person_with_everything(organization, sender, owner)
    erase(organization)
    message = Message.objects.get(organization=other_organization)
    assert (message.phone_number, message.lid, message.text) == (NUMBER, LID, SAID)
    assert consent.given_among(other_organization, [NUMBER]) == {NUMBER: True}
    assert Contact.objects.filter(organization=other_organization, phone_number=NUMBER).exists()


def test_two_erased_people_of_one_batch(organization: Organization, sender: Sender) -> None:
    batch = make_batch(organization, [sender], 3)
    for index in (0, 1):
        assert erase(organization, phone_number(index)).status == Erasure.Status.DONE
    rows = batch.messages.order_by("id").values_list("phone_number", "status")
    assert list(rows) == [
        ("", MessageStatus.CANCELLED),
        ("", MessageStatus.CANCELLED),
        (phone_number(2), MessageStatus.PENDING),
    ]
    assert_counters_true(batch)


def test_a_file_that_others_have_stays(organization: Organization, sender: Sender, stored: Path) -> None:
    menu = media.store(
        organization_id=organization.pk, file=io.BytesIO(FILE), mime_type="application/pdf", file_name="menu.pdf"
    )
    for number in (NUMBER, NEIGHBOUR):
        messaging.send_message(organization=organization, to=number, kind="document", media=menu)
    assert erase(organization).status == Erasure.Status.DONE
    assert (stored / menu.name).exists()
    assert erase(organization, NEIGHBOUR).status == Erasure.Status.REMOVING  # it came in a moment ago
    assert (stored / menu.name).exists()
    Media.objects.update(created_at=now() - timedelta(hours=2))
    assert erasure.run(erasure_id=erasure.unfinished()[0]).status == Erasure.Status.DONE
    assert not (stored / menu.name).exists()


def test_it_is_not_done_while_the_storage_is_away(
    organization: Organization, sender: Sender, owner: User, stored: Path, redis_client: redis.Redis
) -> None:
    a_person_with_everything(organization, sender, owner)
    folder = next(Path(folder) for folder, _, names in os.walk(stored / "messages") if names)
    [name] = os.listdir(folder)
    (folder / name).unlink()
    (folder / name).mkdir()  # what cannot be removed as a file
    (folder / name / "kept").touch()
    asked = erase(organization)
    assert (asked.status, asked.waits_for) == (Erasure.Status.REMOVING, "The storage cannot be reached.")
    assert asked.files
    (folder / name / "kept").unlink()
    done = erasure.run(erasure_id=asked.pk)
    assert done is not None
    assert done.status == Erasure.Status.DONE
    assert traces(stored, redis_client) == []


def test_a_message_that_is_leaving_is_waited_for(
    organization: Organization, sender: Sender, stored: Path, redis_client: redis.Redis
) -> None:
    """Nothing is removed until it is known what became of it; what waits behind it never leaves."""
    hear(inbound(sender, "IN1"))
    first = messaging.send_message(organization=organization, to=NUMBER, text=SENT, sender=sender)
    planner.plan_all()
    lease = make_lease(sender)
    changes = Changes()
    with transaction.atomic():
        [leaving] = lease_due(worker_id=lease.worker_id or 0, held=[(sender.pk, 1, True)], room=9, changes=changes)
    second = messaging.send_message(organization=organization, to=NUMBER, text=SENT, sender=sender)
    asked = erase(organization)
    assert asked.status == Erasure.Status.WAITING
    assert "leaving" in asked.waits_for
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.text) == (MessageStatus.SENDING, SENT)
    assert (second.status, second.text) == (MessageStatus.CANCELLED, SENT)
    assert Contact.objects.filter(phone_number=NUMBER).exists()

    result = SendResult(leaving.id, leaving.epoch, Outcome.TRY_AGAIN)
    with transaction.atomic():
        ledger.write_results([result], changes)
    done = erasure.run(erasure_id=asked.pk)
    assert done is not None
    assert done.status == Erasure.Status.DONE
    first.refresh_from_db()
    assert first.status == MessageStatus.UNKNOWN, "the try may have left"
    assert traces(stored, redis_client) == []


def test_an_import_that_is_read_is_waited_for(organization: Organization) -> None:
    rows = [("Name", "Phone"), (NAME, NUMBER)]
    file = upload(workbook(*rows))
    found = import_requests.start_import(organization=organization, file=file, file_name=str(file.name), commit=False)
    asked = erase(organization)
    assert asked.status == Erasure.Status.WAITING
    assert file.name in asked.waits_for
    imports.run(list_import_id=found.pk)
    done = erasure.run(erasure_id=asked.pk)
    assert done is not None
    assert done.status == Erasure.Status.DONE
    found.refresh_from_db()
    assert found.status == ListImport.Status.CANCELLED, "nobody can take one row out of the file"
    assert "Upload it again" in found.error
    assert _in_the_database() == []


# -- And afterwards --


def test_an_erased_person_who_said_stop_stays_unreachable(organization: Organization, sender: Sender) -> None:
    contact_services.block(organization=organization, phone_number=NUMBER, reason="opted_out")
    erase(organization, stays_unreachable=False)
    assert not BlocklistEntry.objects.exists()
    assert NUMBER not in str(ErasedNumber.objects.values())

    rows = [("Name", "Phone"), (NAME, NUMBER), ("Neighbour", NEIGHBOUR)]
    file = upload(workbook(*rows))
    found = import_requests.start_import(
        organization=organization, file=file, file_name=str(file.name), list_name="Back"
    )
    imports.run(list_import_id=found.pk)
    found.refresh_from_db()
    assert found.blocked == 1, "the preview knows it already"
    assert BlocklistEntry.objects.get().reason == "opted_out"


def test_a_single_message_to_an_erased_person_is_skipped_when_planned(
    organization: Organization, sender: Sender
) -> None:
    erase(organization)
    message = messaging.send_message(organization=organization, to=NUMBER, text=SENT)
    messaging.send_message(organization=organization, to=NEIGHBOUR, text=SENT)
    planner.plan_all()
    message.refresh_from_db()
    assert (message.status, message.skip_reason) == (MessageStatus.SKIPPED, "opted_out")
    assert Message.objects.get(phone_number=NEIGHBOUR).status == MessageStatus.QUEUED


def test_a_campaign_to_a_list_with_an_erased_person_says_so_when_it_is_frozen(
    organization: Organization, sender: Sender
) -> None:
    erase(organization)
    contact_list = ContactList.objects.create(organization=organization, name="Bought")
    for number in (NUMBER, NEIGHBOUR):
        contact_list.contacts.add(Contact.objects.create(organization=organization, phone_number=number))
    campaign = campaigns.create_campaign(
        organization=organization, name="Sale", template="Hi", contact_list=contact_list
    )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
    rows = dict(campaign.batch.messages.values_list("phone_number", "skip_reason"))
    assert rows == {NUMBER: "opted_out", NEIGHBOUR: ""}
    assert_counters_true(campaign.batch)


def test_who_may_come_back_does(organization: Organization, sender: Sender) -> None:
    erase(organization, stays_unreachable=False)
    message = messaging.send_message(organization=organization, to=NUMBER, text=SENT)
    planner.plan_all()
    message.refresh_from_db()
    assert message.status == MessageStatus.QUEUED


def test_staff_can_take_an_erased_person_off_the_blocklist_again(organization: Organization, sender: Sender) -> None:
    erase(organization)
    assert unreachable.recognise(organization_id=organization.pk, people=[(NUMBER, "")]) == {(NUMBER, ""): "opted_out"}
    contact_services.unblock(organization=organization, phone_number=NUMBER)
    assert unreachable.recognise(organization_id=organization.pk, people=[(NUMBER, "")]) == {}
    assert not ErasedNumber.objects.filter(organization=organization).exists()


def test_an_older_secret_key_still_recognises(organization: Organization, settings: Any) -> None:
    erase(organization)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "x" * 60
    assert unreachable.recognise(organization_id=organization.pk, people=[(NUMBER, "")]) == {}
    settings.SECRET_KEY_FALLBACKS = [old]
    assert unreachable.recognise(organization_id=organization.pk, people=[(NUMBER, "")])


def test_hashes_of_two_organizations_differ(organization: Organization, other_organization: Organization) -> None:
    erase(organization)
    erase(other_organization)
    assert len(set(ErasedNumber.objects.values_list("fingerprint", flat=True))) == 2
    assert unreachable.recognise(organization_id=other_organization.pk, people=[(NEIGHBOUR, "")]) == {}


def test_an_edit_that_comes_late_brings_nothing_back(organization: Organization, sender: Sender) -> None:
    hear(inbound(sender, "IN1"))
    erase(organization)
    ledger.record([Changed(sender.pk, "IN1", now(), text=SAID, phone_number=NUMBER, lid=LID)])
    hear_again = ledger.record([inbound(sender, "IN1")])  # WhatsApp delivers it a second time
    assert hear_again == set()
    assert _in_the_database() == []
