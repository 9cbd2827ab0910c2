"""What an import does to contacts, against a slow and simple model of it; and that the preview is what happens."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import import_people, import_requests, import_rows, imports, services
from contacts.models import AttributeDefinition, Contact, ContactList, ImportChange, ListImport, OtherNumber
from tests.contacts.workbooks import people, upload, workbook
from tests.factories import make_organization

pytestmark = pytest.mark.django_db

NUMBERS = [f"+62812000000{index:02}" for index in range(6)]
FIGURES = ("created", "updated", "unchanged", "merged", "blocked", "listed")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def imported(organization: Any, content: bytes, **options: Any) -> ListImport:
    """An import that is taken as far as it goes."""
    list_import = import_requests.start_import(
        organization=organization, file=upload(content), file_name="list.xlsx", **options
    )
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    return list_import


def commit(list_import: ListImport) -> ListImport:
    import_requests.commit_import(list_import=list_import)
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    return list_import


def figures(list_import: ListImport) -> dict[str, int]:
    return {name: getattr(list_import, name) for name in FIGURES}


texts = st.sampled_from(["", "Ayu", "Budi", "Solo"])
rows = st.lists(
    st.tuples(st.sampled_from([*NUMBERS, "nonsense", ""]), texts, texts, st.sampled_from(["", "vip", "Vip, new"])),
    min_size=1,
    max_size=12,
).filter(lambda sheet: any(cell.strip() for row in sheet for cell in row))  # a sheet without people is refused
known = st.dictionaries(
    st.sampled_from(NUMBERS), st.tuples(texts, texts, st.sampled_from([[], ["old"], ["vip"]])), max_size=4
)


class Model:
    """The rules, one row after the other. `people` maps numbers to [name, attributes, tags, is on the list]."""

    def __init__(self, people: dict[str, list[Any]], others: dict[str, str], blocked: set[str]) -> None:
        self.people, self.others, self.blocked = people, others, blocked

    def take(self, sheet: list[tuple[str, str, str, str]]) -> dict[str, int]:
        last: dict[str, tuple[str, str, str, str]] = {}
        usable = [row for row in sheet if row[0] in NUMBERS]
        for row in usable:
            number = self.others.get(row[0], row[0]) if row[0] not in self.people else row[0]
            last[number] = row
        counts = dict.fromkeys(FIGURES, 0) | {"merged": len(usable) - len(last)}
        for number, (_number, name, city, tags) in last.items():
            wanted = {tag.strip().lower() for tag in tags.split(",") if tag.strip()}
            counts["blocked"] += number in self.blocked
            if number not in self.people:
                self.people[number] = [name, {"city": city} if city else {}, sorted(wanted), True]
                counts["created"] += 1
                counts["listed"] += 1
                continue
            before = self.people[number]
            after = [name or before[0], {**before[1], **({"city": city} if city else {})}]
            after += [sorted({*before[2], *wanted}), True]
            counts["updated" if after[:3] != before[:3] else "unchanged"] += 1
            counts["listed"] += not before[3]
            self.people[number] = after
        return counts


def stored_people(organization: Any, contact_list: ContactList) -> dict[str, list[Any]]:
    on_list = set(contact_list.contacts.values_list("pk", flat=True))
    found = Contact.objects.filter(organization=organization)
    return {c.phone_number: [c.name, c.attributes, c.tags, c.pk in on_list] for c in found}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sheet=rows, known=known, blocked=st.sets(st.sampled_from(NUMBERS)), other=st.booleans(), again=rows)
def test_the_preview_is_what_happens_and_what_the_rules_say(sheet, known, blocked, other, again):
    with transaction.atomic():
        organization = make_organization()
        contact_list = services.create_list(organization=organization, name="VIP")
        elsewhere = Contact.objects.create(organization=make_organization(), phone_number=NUMBERS[0], name="Other")
        for index, (number, (name, city, tags)) in enumerate(sorted(known.items())):
            contact = Contact.objects.create(
                organization=organization,
                phone_number=number,
                name=name,
                attributes={"city": city} if city else {},
                tags=tags,
            )
            if index % 2:
                contact_list.contacts.add(contact)
        others = {}
        if other and known and NUMBERS[5] not in known:
            owner = Contact.objects.get(organization=organization, phone_number=min(known))
            OtherNumber.objects.create(organization=organization, contact=owner, phone_number=NUMBERS[5])
            others[NUMBERS[5]] = owner.phone_number
        for number in blocked:
            services.block(organization=organization, phone_number=number)
        model = Model(stored_people(organization, contact_list), others, blocked)
        for given_rows in (sheet, again, again):
            content = workbook(("Phone", "Name", "City", "Tags"), *given_rows)
            list_import = imported(organization, content, list_name="VIP", commit=False)
            previewed = figures(list_import)
            assert commit(list_import).status == "done"
            assert figures(list_import) == previewed == model.take(given_rows)
            assert stored_people(organization, contact_list) == model.people
            assert list_import.changes.count() == list_import.created + list_import.updated + list_import.unchanged
            assert list_import.rows == list_import.blank_rows + list_import.invalid + list_import.merged + (
                list_import.created + list_import.updated + list_import.unchanged
            )
        elsewhere.refresh_from_db()
        assert (elsewhere.name, elsewhere.attributes) == ("Other", {})
        transaction.set_rollback(True)


def test_the_same_file_again_changes_nothing():
    organization = make_organization()
    imported(organization, people(30), list_name="VIP")
    before = list(Contact.objects.order_by("pk").values())
    again = imported(organization, people(30), list_name="VIP")
    assert figures(again) == {**dict.fromkeys(FIGURES, 0), "unchanged": 30}
    assert list(Contact.objects.order_by("pk").values()) == before


def test_portions_end_in_the_same(monkeypatch):
    monkeypatch.setattr(import_people, "A_PORTION", 7)
    organization = make_organization()
    assert imported(organization, people(30), list_name="VIP").created == 30
    assert imported(organization, people(50), list_name="VIP").unchanged == 30
    assert ContactList.objects.get().contacts.count() == Contact.objects.count() == 50


def test_tags_for_everybody_and_from_a_column():
    organization = make_organization()
    content = workbook(("Phone", "Tags"), ("081200000001", "VIP; Jakarta"), ("081200000002", None))
    imported(organization, content, tag_names=["November "])
    found = dict(Contact.objects.values_list("phone_number", "tags"))
    assert found == {"+6281200000001": ["jakarta", "november", "vip"], "+6281200000002": ["november"]}
    assert Contact.objects.filter(attributes__has_key="tags").count() == 0


def test_a_tag_that_is_too_long_leaves_out_its_row_and_says_so():
    content = workbook(("Phone", "Tags"), ("081200000001", "x" * 51), ("081200000002", "fine"))
    list_import = imported(make_organization(), content)
    assert (list_import.created, list_import.invalid) == (1, 1)
    assert list_import.imported_rows.get().problem == "bad_tags"


def test_a_chosen_worksheet_and_mapping():
    def change(book: Any) -> None:
        other = book.create_sheet("Customers")
        for row in (("Kontak", "Panggilan", "Stufe", "Geheim"), ("081200000001", "Ayu", "3", "x")):
            other.append(row)

    content = workbook(("Phone",), ("081299999999",), change=change)
    mapping = [
        {"header": "Kontak", "role": "phone"},
        {"header": "Stufe", "key": "level", "kind": "number"},
        {"index": 3, "role": "ignore"},
    ]
    imported(make_organization(), content, sheet="Customers", mapping=mapping)
    contact = Contact.objects.get()
    assert (contact.phone_number, contact.name, contact.attributes) == ("+6281200000001", "Ayu", {"level": "3"})
    assert dict(AttributeDefinition.objects.values_list("key", "kind")) == {"level": "number"}


def test_values_take_the_form_of_their_type_and_misfits_are_named():
    organization = make_organization()
    for key, kind in (("amount", "number"), ("born", "date")):
        AttributeDefinition.objects.create(organization=organization, key=key, kind=kind)
    content = workbook(
        ("Phone", "Amount", "Born"),
        ("081200000001", "Rp 1.500.000,50", "31/12/1990"),
        ("081200000002", "a lot", "yesterday"),
    )
    list_import = imported(organization, content, commit=False)
    assert list_import.sample["misfits"]["values"] == 2
    assert [(each["row"], each["column"]) for each in list_import.sample["misfits"]["examples"]] == [
        (3, "Amount"),
        (3, "Born"),
    ]
    commit(list_import)
    found = dict(Contact.objects.values_list("phone_number", "attributes"))
    assert found["+6281200000001"] == {"amount": "1500000.5", "born": "1990-12-31"}
    assert found["+6281200000002"] == {"amount": "a lot", "born": "yesterday"}


class TestWhileOthersWrite:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_a_contact_made_meanwhile_is_met(self, monkeypatch):
        organization = make_organization()
        list_import = imported(organization, people(3), commit=False)

        def meanwhile(*_: Any) -> None:
            if not Contact.objects.filter(organization=organization).exists():
                somebody = threading.Thread(target=make)
                somebody.start()
                somebody.join()

        def make() -> None:
            Contact.objects.create(organization=organization, phone_number="+6281200000002", name="Mine")
            connection.close()

        monkeypatch.setattr(imports._Progress, "note", meanwhile)
        commit(list_import)
        assert (list_import.status, list_import.created, list_import.updated) == ("done", 2, 1)
        assert Contact.objects.get(phone_number="+6281200000002").name == "Person 1"
        assert ImportChange.objects.get(kind="updated").before == {"name": "Mine", "attributes": {"city": None}}

    def test_a_contact_deleted_meanwhile_is_made_again(self, monkeypatch):
        organization = make_organization()
        Contact.objects.create(organization=organization, phone_number="+6281200000002", name="Mine")
        list_import = imported(organization, people(3), commit=False)

        def meanwhile(*_: Any) -> None:
            somebody = threading.Thread(target=delete)
            somebody.start()
            somebody.join()

        def delete() -> None:
            Contact.objects.filter(name="Mine").delete()
            connection.close()

        monkeypatch.setattr(imports._Progress, "note", meanwhile)
        commit(list_import)
        assert (list_import.status, list_import.created) == ("done", 3)
        assert Contact.objects.count() == 3

    def test_cancelling_while_it_is_written_takes_everything_back(self, monkeypatch):
        organization = make_organization()
        monkeypatch.setattr(import_people, "A_PORTION", 7)
        monkeypatch.setattr(imports, "EVENTS_A_SECOND", 1e9)
        list_import = imported(organization, people(50), commit=False, list_name="VIP")
        told: list[int] = []

        def watch(_topic: str, event: dict[str, Any]) -> None:
            told.append(event.get("people_written", 0))
            if told[-1] == 14:
                somebody = threading.Thread(target=cancel)
                somebody.start()
                somebody.join()

        def cancel() -> None:
            import_requests.cancel_import(list_import=list_import)
            connection.close()

        monkeypatch.setattr("contacts.imports.live.publish", watch)
        commit(list_import)
        assert (list_import.status, list_import.created) == ("cancelled", 0)
        assert max(told) < 28  # the work stopped soon
        assert not Contact.objects.exists()
        assert not ImportChange.objects.exists()
        assert not list_import.imported_rows.exists()

    def test_reading_stops_soon_after_cancelling(self, monkeypatch):
        monkeypatch.setattr(imports, "EVENTS_A_SECOND", 1e9)
        monkeypatch.setattr(import_rows, "LOOK_AT_THE_CLOCK_EVERY", 1)
        list_import = import_requests.start_import(
            organization=make_organization(), file=upload(people(50)), file_name="list.xlsx"
        )
        read: list[int] = []

        def watch(_topic: str, event: dict[str, Any]) -> None:
            read.append(event["rows_read"])
            if read[-1] == 10:
                imports.stop_work(list_import.pk)

        monkeypatch.setattr("contacts.imports.live.publish", watch)
        imports.read(list_import_id=list_import.pk)
        assert max(read) == 10
        assert not list_import.imported_rows.exists()
