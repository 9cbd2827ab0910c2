"""A sheet on its way to rows and contacts, with interruptions."""

import json
import os
import threading
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection, transaction

from contacts import import_requests, import_rows, imports, services
from contacts.models import BlocklistEntry, Contact, ContactList, ImportedRow, ListImport
from contacts.sheet_errors import SheetError
from tests.contacts.workbooks import customers, people, upload, workbook
from tests.factories import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def stored(content: bytes = b"", **options: Any) -> ListImport:
    file = upload(content) if content else customers()
    organization = options.pop("organization", None) or make_organization()
    return import_requests.start_import(organization=organization, file=file, file_name=str(file.name), **options)


def test_the_counts_of_a_real_list():
    list_import = stored(commit=False)
    organization = list_import.organization
    services.block(organization=organization, phone_number="082157283022")
    services.block(organization=organization, phone_number="+447400194042", reason="opted_out")
    services.block(organization=make_organization(), phone_number="+6288124597354")
    read = imports.read(list_import_id=list_import.pk)
    assert read.status == "ready"
    assert (read.rows, read.rows_read, read.blank_rows, read.invalid, read.merged) == (1000, 1000, 10, 20, 40)
    assert read.blocked == 2
    rows = ImportedRow.objects.filter(list_import=read)
    assert rows.count() == 990
    assert rows.exclude(phone_number="").values("phone_number").distinct().count() == 930
    assert Contact.objects.count() == 0


def test_values_are_kept_as_they_are_written():
    list_import = imports.read(list_import_id=stored(commit=False).pk)
    first = ImportedRow.objects.get(list_import=list_import, row_number=2)
    assert first.phone_number == "+6282157283022"
    assert first.values == {
        "nama": "Gita",
        "name": "Gita",
        "no_hp": "+6282157283022",
        "phone": "+6282157283022",
        "kota": "Medan",
        "jumlah_tagihan": "4134883.79",
    }
    names = set(ImportedRow.objects.filter(list_import=list_import).values_list("values__name", flat=True))
    assert {"Zoë 😀", "<b>Tono</b> Pratama", "=SUM(1) 😀", "O'Brien Wijaya", "李 Ångström"} <= names


def test_rejected_rows_say_what_was_written_and_why():
    list_import = imports.read(list_import_id=stored(commit=False).pk)
    rejected = ImportedRow.objects.filter(list_import=list_import).exclude(problem="")
    assert rejected.count() == 20
    written = dict(rejected.values_list("row_number", "phone_as_written"))
    assert written[470] == "n/a"
    assert written[481] == "0"
    no_digits = rejected.filter(phone_as_written__regex=r"^\D*$")
    assert set(no_digits.values_list("problem", flat=True)) == {"no_number"}
    assert set(rejected.difference(no_digits).values_list("problem", flat=True)) == {"impossible"}


def test_people_become_contacts_on_a_list():
    organization = make_organization()
    vip = services.create_list(organization=organization, name="VIP")
    list_import = stored(organization=organization, list_name="VIP")
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    assert (list_import.status, list_import.created, list_import.updated) == ("done", 930, 0)
    assert vip.contacts.count() == 930
    gita = Contact.objects.get(organization=organization, phone_number="+6282157283022")
    assert gita.name == "Gita"
    assert gita.attributes == {"kota": "Medan", "jumlah_tagihan": "4134883.79"}
    assert ImportedRow.objects.filter(list_import=list_import).count() == 20


def test_new_values_win_and_empty_ones_leave_what_is_there():
    organization = make_organization()
    Contact.objects.create(
        organization=organization,
        phone_number="+6281234567890",
        name="Budi",
        attributes={"kota": "Medan", "kelas": "A"},
    )
    elsewhere = Contact.objects.create(organization=make_organization(), phone_number="+6281234567890", name="Other")
    sheet = workbook(
        ("Nama", "HP", "Kota", "Kelas"),
        ("Ayu", "0813 1111 2222", "Solo", "B"),
        ("Early", "0812 3456 7890", "Bandung", "C"),
        (None, "0812-3456-7890", "Solo", None),
    )
    list_import = stored(sheet, organization=organization)
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    assert (list_import.created, list_import.updated, list_import.merged) == (1, 1, 1)
    budi = Contact.objects.get(organization=organization, phone_number="+6281234567890")
    assert (budi.name, budi.attributes) == ("Budi", {"kota": "Solo", "kelas": "A"})
    elsewhere.refresh_from_db()
    assert (elsewhere.name, elsewhere.attributes) == ("Other", {})


def test_a_second_phone_column_is_an_attribute():
    sheet = workbook(("Name", "Phone", "WA"), ("Budi", "021 5551234", "081234567890"))
    list_import = stored(sheet)
    imports.run(list_import_id=list_import.pk)
    assert Contact.objects.get().attributes == {"phone": "021 5551234"}


def test_a_repeated_task_changes_nothing():
    list_import = stored()
    imports.run(list_import_id=list_import.pk)
    before = ListImport.objects.values().get(pk=list_import.pk)
    changed_at = set(Contact.objects.values_list("updated_at", flat=True))
    imports.run(list_import_id=list_import.pk)
    imports.read(list_import_id=list_import.pk)
    assert ListImport.objects.values().get(pk=list_import.pk) == before
    assert set(Contact.objects.values_list("updated_at", flat=True)) == changed_at


def test_a_sheet_that_turns_out_unusable_is_refused_with_its_reason(monkeypatch):
    monkeypatch.setattr("contacts.sheets.beginning_of", lambda _file, _kind: None)
    list_import = stored(workbook(("Name", "Town"), ("Budi", "Medan")))
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    assert list_import.status == "failed"
    assert "“list.xlsx” has no column with phone numbers" in list_import.error
    assert list_import.finished_at is not None
    assert not ImportedRow.objects.exists()


def test_a_refused_upload_leaves_nothing(media):
    with pytest.raises(SheetError):
        stored(workbook(("Name", "Town"), ("Budi", "Medan")))
    assert not ListImport.objects.exists()
    assert not [name for _folder, _folders, files in os.walk(media) for name in files]


def test_a_failure_while_saving_removes_the_stored_file(media):
    file = upload(people(1))
    sheet = import_requests.stored_sheet(organization=make_organization(), file=file, file_name="list.xlsx", seen=None)

    def fail() -> None:
        with sheet as list_import:
            assert default_storage.exists(str(list_import.file.name))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not [name for _folder, _folders, files in os.walk(media) for name in files]


def test_a_file_that_vanished_is_reported():
    list_import = stored()
    default_storage.delete(str(list_import.file.name))
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    assert (list_import.status, list_import.error) == (
        "failed",
        "“customers_1000.xlsx” is no longer stored. Upload it again.",
    )


def test_progress_is_told_while_reading(monkeypatch):
    told: list[dict[str, Any]] = []
    monkeypatch.setattr("contacts.imports.live.publish", lambda topic, event: told.append({"topic": topic, **event}))
    monkeypatch.setattr(imports, "EVENTS_A_SECOND", 1e9)
    list_import = stored(commit=False)
    imports.read(list_import_id=list_import.pk)
    assert {event["topic"] for event in told} == {f"import.{list_import.pk}"}
    assert [(event["status"], event["rows_read"], event["rows"]) for event in told] == [
        ("reading", 0, 1000),
        ("reading", 500, 1000),
        ("ready", 1000, 1000),
    ]
    assert json.dumps(told)


class TestInterruptions:
    """What a killed worker, a second worker or a person does in the middle."""

    pytestmark = pytest.mark.django_db(transaction=True)

    def test_a_worker_killed_in_the_middle_leaves_nothing(self, monkeypatch):
        list_import = stored()

        def die(*given: Any) -> None:
            copy_rows(*given)
            connection.connection.close()  # what the server sees of a process that was killed
            raise SystemExit

        copy_rows = import_rows.copy_rows
        monkeypatch.setattr(import_rows, "copy_rows", die)
        with pytest.raises(SystemExit):
            imports.run(list_import_id=list_import.pk)
        connection.close()
        monkeypatch.undo()
        assert not ImportedRow.objects.exists()
        assert imports.unfinished() == [list_import.pk]
        imports.run(list_import_id=list_import.pk)
        list_import.refresh_from_db()
        assert (list_import.status, list_import.created) == ("done", 930)
        assert imports.unfinished() == []

    def test_two_workers_do_not_read_the_same_file(self):
        list_import = stored(commit=False)
        is_locked, go_on = threading.Event(), threading.Event()

        def first() -> None:
            with transaction.atomic(), imports._only_one(list_import.pk) as ours:
                assert ours is not None
                is_locked.set()
                go_on.wait(10)
            connection.close()

        worker = threading.Thread(target=first)
        worker.start()
        assert is_locked.wait(10)
        try:
            assert imports.unfinished() == []
            assert imports.read(list_import_id=list_import.pk).status == "reading"
        finally:
            go_on.set()
            worker.join()
        assert imports.read(list_import_id=list_import.pk).status == "ready"

    def test_cancelling_while_reading_wins(self, monkeypatch):
        list_import = stored()

        def cancel() -> None:
            import_requests.cancel_import(list_import=list_import)
            connection.close()

        def read_slowly(*given: Any) -> import_rows.Written:
            written = copy_rows(*given)
            somebody = threading.Thread(target=cancel)
            somebody.start()
            somebody.join()
            return written

        copy_rows = import_rows.copy_rows
        monkeypatch.setattr(import_rows, "copy_rows", read_slowly)
        imports.run(list_import_id=list_import.pk)
        list_import.refresh_from_db()
        assert list_import.status == "cancelled"
        assert not ImportedRow.objects.exists()
        assert not Contact.objects.exists()

    def test_an_import_that_ends_every_worker_is_given_up(self, monkeypatch):
        list_import = stored()

        def die(*_: Any) -> None:
            raise SystemExit

        monkeypatch.setattr(import_rows, "copy_rows", die)
        for _attempt in range(imports.MOST_ATTEMPTS):
            with pytest.raises(SystemExit):
                imports.run(list_import_id=list_import.pk)
        imports.run(list_import_id=list_import.pk)
        list_import.refresh_from_db()
        assert list_import.status == "failed"
        assert "could not be worked on in 5 attempts" in list_import.error


class TestWithoutCommit:
    def test_nothing_changes_until_it_is_asked_for(self):
        list_import = stored(commit=False)
        imports.run(list_import_id=list_import.pk)
        assert not Contact.objects.exists()
        import_requests.commit_import(list_import=list_import)
        imports.run(list_import_id=list_import.pk)
        assert Contact.objects.count() == 930

    def test_a_cancelled_import_cannot_be_imported(self):
        list_import = stored(commit=False)
        imports.run(list_import_id=list_import.pk)
        import_requests.cancel_import(list_import=list_import)
        for ask in (import_requests.commit_import, import_requests.cancel_import):
            with pytest.raises(services.NotAllowed):
                ask(list_import=list_import)


def test_two_imports_at_a_time_into_one_list():
    organization = make_organization()
    first, second = stored(people(50), organization=organization), stored(people(60), organization=organization)
    for list_import in (first, second):
        imports.run(list_import_id=list_import.pk)
    second.refresh_from_db()
    assert (second.created, second.updated, second.unchanged) == (10, 0, 50)


class TestBlocklist:
    def test_a_number_is_blocked_once(self):
        organization = make_organization()
        assert services.block(organization=organization, phone_number="0812 3456 7890", source="Ayu")[1]
        entry, is_new = services.block(organization=organization, phone_number="+6281234567890", source="Budi")
        assert (is_new, entry.source, entry.phone_number) == (False, "Ayu", "+6281234567890")

    def test_a_persons_own_wish_outlasts_staff(self):
        organization = make_organization()
        for reason in ("blocked", "opted_out", "blocked"):
            services.block(organization=organization, phone_number="081234567890", reason=reason)
        assert BlocklistEntry.objects.get().reason == "opted_out"

    def test_unblocking(self):
        organization = make_organization()
        services.block(organization=organization, phone_number="081234567890")
        assert not services.unblock(organization=make_organization(), phone_number="081234567890")
        assert services.unblock(organization=organization, phone_number="081234567890")
        assert not services.unblock(organization=organization, phone_number="081234567890")


def test_a_list_is_made_once():
    organization = make_organization()
    assert services.create_list(organization=organization, name=" VIP ") == services.create_list(
        organization=organization, name="VIP"
    )
    assert ContactList.objects.count() == 1
