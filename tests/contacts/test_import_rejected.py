"""What an import leaves: the rows that it left out as a file, and nothing else for longer than it is needed."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.timezone import now
from openpyxl import load_workbook

from contacts import import_requests, import_tidy, imports, rejected_rows
from contacts.models import Contact, ImportChange, ListImport
from contacts.services import NotAllowed
from tests.contacts.test_import_people import imported
from tests.contacts.workbooks import people, upload, workbook
from tests.factories import make_organization

pytestmark = pytest.mark.django_db


def as_text(book: Any) -> None:
    book.worksheets[0]["A3"].data_type = "s"  # what somebody typed behind an apostrophe


SHEET = workbook(
    ("Nama", "No. HP", "Kota"),
    ("Ayu", "081200000001", "Medan"),
    ("=SUM(1)", "n/a", None),
    (None, None, "Solo"),
    ("Budi", "021 5551234", "Bogor"),
    change=as_text,
)


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def cells_of(content: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(io.BytesIO(content)).worksheets[0].values)


def test_rejected_rows_as_they_were_with_the_reason_beside_each():
    list_import = imported(make_organization(), SHEET)
    assert (list_import.created, list_import.invalid) == (1, 3)
    header, *rows = cells_of(rejected_rows.workbook(list_import).read())
    assert header == ("Nama", "No. HP", "Kota", "Why it is left out", "Row")
    assert rows == [
        ("=SUM(1)", "n/a", None, "No number in the phone’s cell", 3),
        (None, None, "Solo", "No number in the phone’s cell", 4),
        ("Budi", "021 5551234", "Bogor", "A land line or a service number, not a mobile number", 5),
    ]
    page = load_workbook(rejected_rows.workbook(list_import)).worksheets[0]
    assert page["A2"].data_type == "s"  # no formula


def test_the_mended_file_adds_who_was_left_out():
    organization = make_organization()
    first = imported(organization, SHEET)
    book = load_workbook(rejected_rows.workbook(first))
    book.worksheets[0]["B2"] = "081200000002"
    file = io.BytesIO()
    book.save(file)
    second = imported(organization, file.getvalue())
    assert (second.created, second.invalid) == (1, 2)
    assert Contact.objects.get(phone_number="+6281200000002").name == "=SUM(1)"


def test_the_address_of_the_file(owner_api, outsider_api, owner_client, organization):
    list_import = imported(organization, SHEET)
    state = owner_api.get(f"/api/contacts/imports/{list_import.pk}").json()
    path = state["rejected_file"].removeprefix("http://testserver")
    assert cells_of(b"".join(owner_api.get(path).streaming_content))[1][1] == "n/a"
    assert outsider_api.get(path).status_code == 404
    page = f"/o/{organization.slug}/contacts/imports/{list_import.pk}"
    assert f"{page}/rejected.xlsx" in owner_client.get(page).text
    answer = owner_client.get(f"{page}/rejected.xlsx")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="list - rejected rows.xlsx"'
    whole = imported(organization, people(1))
    assert "rejected_file" not in owner_api.get(f"/api/contacts/imports/{whole.pk}").json()


@pytest.mark.django_db(transaction=True)
class TestStoredFiles:
    def test_they_go_when_the_import_is_done(self, media):
        imported(make_organization(), SHEET)
        assert files(media) == []

    def test_they_wait_with_an_import_that_waits_and_go_when_it_is_cancelled(self, media):
        list_import = imported(make_organization(), SHEET, commit=False)
        assert len(files(media)) == 1
        import_requests.cancel_import(list_import=list_import)
        assert files(media) == []
        list_import.refresh_from_db()
        assert (list_import.file.name, list_import.sample) == ("", {})

    def test_they_go_when_it_fails(self, media, monkeypatch):
        monkeypatch.setattr("contacts.import_requests.peek", lambda *_, **__: None)
        assert imported(make_organization(), workbook(("Name",), ("Ayu",))).status == "failed"
        assert files(media) == []

    def test_what_was_left_by_a_kill_is_found(self, media, monkeypatch):
        monkeypatch.setattr(imports, "drop_file", lambda _id: None)
        list_import = imported(make_organization(), SHEET)
        monkeypatch.undo()
        import_tidy.tidy()
        assert len(files(media)) == 1  # perhaps its worker is about to
        ListImport.objects.update(created_at=now() - import_tidy.SETTLED_AFTER)
        import_tidy.tidy()
        assert files(media) == []
        assert not ListImport.objects.get(pk=list_import.pk).file

    def test_a_file_without_an_import_goes_after_a_day(self, media, monkeypatch):
        waiting = imported(make_organization(), SHEET, commit=False)
        default_storage.save("imports/2020/01/lost.xlsx", ContentFile(b"x"))
        assert import_tidy.drop_lost_files() == 0
        monkeypatch.setattr(import_tidy, "LOST_AFTER", timedelta(0))
        assert import_tidy.drop_lost_files() == 1
        assert [path.name for path in files(media)] == [Path(str(waiting.file.name)).name]


class TestAfterDays:
    def test_nobody_imports_it(self, settings):
        list_import = imported(make_organization(), SHEET, commit=False)
        import_tidy.tidy()
        list_import.refresh_from_db()
        assert list_import.status == "ready"
        ListImport.objects.update(
            created_at=now() - timedelta(days=9), read_at=now() - timedelta(days=settings.IMPORT_WAITS_DAYS)
        )
        import_tidy.tidy()
        list_import.refresh_from_db()
        assert (list_import.status, list_import.created) == ("cancelled", 0)
        assert set(list_import.imported_rows.values_list("phone_number", flat=True)) == {""}

    def test_what_it_changed_and_rejected_is_forgotten(self, settings, monkeypatch):
        monkeypatch.setattr(import_tidy, "A_PORTION", 2)
        old, new = imported(make_organization(), SHEET), imported(make_organization(), people(5))
        older = imported(make_organization(), people(5))
        long_ago = now() - timedelta(days=settings.IMPORT_UNDO_DAYS, seconds=1)
        ListImport.objects.filter(pk__in=[old.pk, older.pk]).update(finished_at=long_ago)
        import_tidy.tidy()
        assert set(ImportChange.objects.values_list("list_import", flat=True)) == {new.pk}
        assert not old.imported_rows.exists()


class TestChoosingColumns:
    """A file that is looked at before anybody decides."""

    def waiting(self, content: bytes) -> ListImport:
        return imported(make_organization(), content, commit=False, is_asked_about=True)

    def again(self, list_import: ListImport, **chosen: Any) -> ListImport:
        import_requests.choose_columns(list_import=list_import, **chosen)
        imports.run(list_import_id=list_import.pk)
        list_import.refresh_from_db()
        return list_import

    def test_phones_that_are_not_found_are_asked_for(self):
        list_import = self.waiting(workbook(("Who", "What"), ("Ayu", "x"), ("Budi", "y")))
        assert (list_import.status, list_import.rows) == ("ready", 0)
        assert "Choose the right one below" in list_import.error
        with pytest.raises(NotAllowed):
            import_requests.commit_import(list_import=list_import)
        self.again(list_import, mapping=[{"index": 1, "role": "phone"}])
        assert (list_import.status, list_import.error, list_import.invalid) == ("ready", "", 2)

    def test_other_columns_give_other_figures_and_leave_nothing_of_the_former(self):
        list_import = self.waiting(SHEET)
        self.again(list_import, mapping=[{"index": 2, "role": "phone"}])
        assert (list_import.created, list_import.invalid) == (0, 4)
        self.again(list_import, mapping=None)
        assert (list_import.created, list_import.invalid) == (1, 3)
        assert list_import.imported_rows.count() == 4

    def test_a_choice_that_does_not_fit_waits_for_another(self):
        list_import = self.again(self.waiting(SHEET), mapping=[{"header": "Nobody", "role": "phone"}])
        assert (list_import.status, list_import.created, list_import.rows) == ("ready", 0, 0)
        assert "“Nobody”" in list_import.error
        assert self.again(list_import, mapping=None).error == ""

    def test_more_often_than_a_worker_may_die(self):
        list_import = self.waiting(SHEET)
        for _time in range(imports.MOST_ATTEMPTS + 1):
            assert self.again(list_import).status == "ready"


def test_by_api(owner_api, organization):
    file = upload(SHEET)
    mapping = '[{"header": "Kota", "key": "town"}]'
    fields = {"file": file, "commit": "false", "mapping": mapping, "tags": "VIP, new"}
    list_import_id = owner_api.post("/api/contacts/imports", fields, format="multipart").json()["id"]
    imports.run(list_import_id=list_import_id)
    state = owner_api.get(f"/api/contacts/imports/{list_import_id}").json()
    assert (state["status"], state["created"], state["people_written"]) == ("ready", 1, 0)
    other = {"mapping": [{"header": "Kota", "role": "ignore"}]}
    answer = owner_api.post(f"/api/contacts/imports/{list_import_id}/columns", other, format="json")
    assert (answer.status_code, answer.json()["status"]) == (202, "reading")
    imports.run(list_import_id=list_import_id)
    assert owner_api.post(f"/api/contacts/imports/{list_import_id}/commit").status_code == 202
    imports.run(list_import_id=list_import_id)
    contact = Contact.objects.get()
    assert (contact.attributes, contact.tags) == ({}, ["new", "vip"])
    assert owner_api.post(f"/api/contacts/imports/{list_import_id}/undo").json()["undo"] == {"status": "undoing"}
    imports.run(list_import_id=list_import_id)
    undo = owner_api.get(f"/api/contacts/imports/{list_import_id}").json()["undo"]
    assert (undo["status"], undo["removed"], undo["kept"]) == ("undone", 1, {})
    assert owner_api.post(f"/api/contacts/imports/{list_import_id}/undo").status_code == 409
    assert [found["id"] for found in owner_api.get("/api/contacts/imports").json()["results"]] == [list_import_id]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mapping": '[{"header": "Nobody", "role": "phone"}]'}, "mapping"),
        ({"mapping": "nonsense"}, "mapping"),
        ({"tags": "x" * 51}, "tags"),
        ({"purpose": "nothing"}, "purpose"),
        ({"sheet": "Other"}, "file"),
    ],
)
def test_mistakes_are_told_at_their_field(owner_api, fields, field):
    answer = owner_api.post("/api/contacts/imports", {"file": upload(SHEET), **fields}, format="multipart")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not ListImport.objects.exists()
