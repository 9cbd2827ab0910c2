"""Taking back what an import did: exactly that, and nothing that others have built on it."""

import os
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils.timezone import now

from contacts import blocklist, import_requests, import_tidy, import_undo, imports, services, tags
from contacts.models import BlocklistEntry, Contact, ContactEvent, ContactListMember, ImportChange, ListImport
from contacts.services import NotAllowed
from messaging.models import Message, MessageStatus
from tests.contacts.test_import_people import imported
from tests.contacts.workbooks import people, upload, workbook
from tests.factories import make_organization
from tests.killing import killed_at

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def undone(list_import: ListImport) -> dict[str, Any]:
    """What undoing gave, once a task has done it."""
    import_requests.undo_import(list_import=list_import)
    imports.run(list_import_id=list_import.pk)
    list_import.refresh_from_db()
    assert list_import.undone_at is not None
    assert not list_import.changes.exists()
    return list_import.undo_result


def everything(organization: Any) -> list[Any]:
    """All that an import may write, but for the moments of changes."""
    contacts = Contact.objects.filter(organization=organization).order_by("phone_number")
    members = ContactListMember.objects.filter(contact__organization=organization).order_by("contact", "contact_list")
    return [
        list(contacts.values_list("pk", "phone_number", "name", "attributes", "tags")),
        list(members.values_list("contact", "contact_list")),
    ]


def a_few(organization: Any) -> None:
    """People who are there before an import of `SHEET`; the last one stays as they are."""
    Contact.objects.create(
        organization=organization, phone_number="+6281200000001", name="Old", attributes={"city": "Solo", "x": "1"}
    )
    Contact.objects.create(organization=organization, phone_number="+6281200000002", name="Budi", tags=["vip"])


SHEET = workbook(
    ("Phone", "Name", "City", "Tags"),
    ("081200000001", "New", "Medan", "vip"),
    ("081200000002", "Budi", None, "vip"),
    ("081200000003", "Cici", "Bogor", "new"),
)


def test_everything_is_as_before():
    organization = make_organization()
    a_few(organization)
    vip = services.create_list(organization=organization, name="VIP")
    vip.contacts.add(Contact.objects.get(name="Budi"))
    before = everything(organization)
    list_import = imported(organization, SHEET, list_name="VIP", tag_names=["november"])
    assert (list_import.created, list_import.updated, list_import.listed) == (1, 2, 2)
    assert everything(organization) != before
    assert undone(list_import) == {"removed": 1, "restored": 2, "unlisted": 2, "consents": 0, "kept": {}}
    assert everything(organization) == before


def test_what_others_changed_since_stays():
    organization = make_organization()
    a_few(organization)
    list_import = imported(organization, SHEET)
    first = Contact.objects.get(phone_number="+6281200000001")
    first.attributes["city"] = "Jakarta"
    first.save()
    assert undone(list_import) == {"removed": 1, "restored": 1, "unlisted": 0, "consents": 0, "kept": {}}
    first.refresh_from_db()
    assert (first.name, first.attributes, first.tags) == ("Old", {"city": "Jakarta", "x": "1"}, [])


def test_a_contact_whose_values_were_all_changed_is_kept():
    organization = make_organization()
    contact = Contact.objects.create(organization=organization, phone_number="+6281200000001", name="Old")
    list_import = imported(organization, workbook(("Phone", "Name"), ("081200000001", "New")))
    Contact.objects.update(name="Newest")
    assert undone(list_import)["kept"] == {"changed": 1}
    contact.refresh_from_db()
    assert contact.name == "Newest"


class TestPeopleWhoWereUsedSince:
    @pytest.fixture
    def organization(self) -> Any:
        return make_organization()

    @pytest.fixture
    def list_import(self, organization: Any) -> ListImport:
        return imported(organization, people(3))

    @pytest.fixture
    def used(self, list_import: ListImport) -> Contact:
        Contact.objects.update(created_at=LONG_AGO, updated_at=LONG_AGO)  # a test has but one moment
        return Contact.objects.get(name="Person 1")

    def assert_kept(self, list_import: ListImport, reason: str) -> None:
        result = undone(list_import)
        assert (result["removed"], result["kept"]) == (2, {reason: 1})
        assert list(Contact.objects.values_list("name", flat=True)) == ["Person 1"]
        assert import_undo.reason_words(reason) != reason

    def test_by_a_message(self, organization, list_import, used):
        Message.objects.create(
            organization=organization, phone_number=used.phone_number, status=MessageStatus.RECEIVED, direction="in"
        )
        self.assert_kept(list_import, "messaged")

    def test_by_an_edit(self, list_import, used, organization):
        services.save_contact(organization=organization, phone_number=used.phone_number, name="Person 1")
        self.assert_kept(list_import, "edited")

    def test_by_a_tag(self, list_import, used, organization):
        tags.add_tags(organization=organization, contact_ids=[used.pk], tags=["vip"])
        self.assert_kept(list_import, "edited")

    def test_by_an_event(self, list_import, used):
        ContactEvent.objects.create(contact=used, kind="blocked")
        self.assert_kept(list_import, "edited")

    def test_by_another_list(self, list_import, used, organization):
        services.create_list(organization=organization, name="VIP").contacts.add(used)
        self.assert_kept(list_import, "listed")

    def test_by_a_later_import(self, list_import, organization):
        again = imported(organization, workbook(("Phone", "City"), ("081200000002", "Medan")))
        assert again.unchanged == 1
        self.assert_kept(list_import, "imported")

    def test_a_later_import_that_was_undone_keeps_nobody(self, list_import, organization):
        undone(imported(organization, people(3)))
        assert undone(list_import)["removed"] == 3


def test_only_once_and_only_when_done(settings):
    organization = make_organization()
    waiting = imported(organization, people(3), commit=False)
    with pytest.raises(NotAllowed):
        import_requests.undo_import(list_import=waiting)
    list_import = imported(organization, people(3))
    assert import_requests.can_be_undone(list_import)
    undone(list_import)
    with pytest.raises(NotAllowed):
        import_requests.undo_import(list_import=list_import)
    late = imported(organization, people(3))
    settings.IMPORT_UNDO_DAYS = 0
    assert not import_requests.can_be_undone(late)


class TestBlocklist:
    NUMBERS = workbook(("Phone",), *((f"0812000000{index:02}",) for index in range(1, 5)))

    def test_blocking_and_undoing(self):
        organization = make_organization()
        services.block(organization=organization, phone_number="081200000001", reason="blocked", source="Staff")
        services.block(organization=organization, phone_number="081200000002", reason="opted_out", source="STOP")
        waiting = imported(organization, self.NUMBERS, purpose="blocklist", block_as="opted_out", commit=False)
        previewed = (waiting.created, waiting.updated, waiting.unchanged, waiting.blocked)
        import_requests.commit_import(list_import=waiting)
        imports.run(list_import_id=waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.created, waiting.updated, waiting.unchanged, waiting.blocked) == previewed == (2, 1, 1, 2)
        assert not Contact.objects.exists()
        entry = BlocklistEntry.objects.get(phone_number="+6281200000003")
        assert (entry.reason, entry.asked_by, entry.source) == ("opted_out", "import", "list.xlsx")
        assert undone(waiting) == {"removed": 2, "restored": 0, "unlisted": 0, "consents": 0, "kept": {"blocked": 1}}
        left = dict(BlocklistEntry.objects.values_list("phone_number", "reason"))
        assert left == {"+6281200000001": "opted_out", "+6281200000002": "opted_out"}

    def test_the_same_file_again_changes_nothing(self):
        organization = make_organization()
        imported(organization, self.NUMBERS, purpose="blocklist")
        again = imported(organization, self.NUMBERS, purpose="blocklist")
        assert (again.created, again.updated, again.unchanged) == (0, 0, 4)

    def test_who_asked_for_it_themselves_since_stays_blocked(self):
        organization = make_organization()
        list_import = imported(organization, self.NUMBERS, purpose="blocklist")
        blocklist.block(organization=organization, phone_number="+6281200000004", reason="opted_out")
        assert undone(list_import) == {
            "removed": 3,
            "restored": 0,
            "unlisted": 0,
            "consents": 0,
            "kept": {"blocked": 1},
        }
        assert BlocklistEntry.objects.get().phone_number == "+6281200000004"


def take_up() -> None:
    """What beat asks for: the work that was lost, and the files that were left."""
    for list_import_id in imports.unfinished():
        imports.run(list_import_id=list_import_id)
    ListImport.objects.update(created_at=LONG_AGO)
    import_tidy.tidy()


def stored_files() -> list[str]:
    return [name for _folder, _folders, names in os.walk(default_storage.path("")) for name in names]


class TestKilled:
    """Each round the worker dies one statement later than in the round before, and another one goes on."""

    pytestmark = pytest.mark.django_db(transaction=True)

    def test_at_every_statement_of_an_import_and_of_its_undoing(self):
        organization = make_organization()
        a_few(organization)
        before = everything(organization)
        for statement in count(step=3):
            list_import = import_requests.start_import(
                organization=organization, file=upload(SHEET), file_name="list.xlsx", list_name="VIP"
            )
            was_killed = killed_at(statement, partial(imports.run, list_import_id=list_import.pk))
            take_up()
            list_import.refresh_from_db()
            assert (list_import.status, list_import.created, list_import.updated) == ("done", 1, 1)
            assert ImportChange.objects.count() == 3
            import_requests.undo_import(list_import=list_import)
            was_killed_again = killed_at(statement, partial(imports.run, list_import_id=list_import.pk))
            take_up()
            list_import.refresh_from_db()
            assert list_import.undo_result == {"removed": 1, "restored": 1, "unlisted": 3, "consents": 0, "kept": {}}
            assert everything(organization) == before
            assert stored_files() == []
            if not was_killed and not was_killed_again:
                assert statement > 20
                return


def test_the_moment_of_undoing_is_told():
    list_import = imported(make_organization(), people(1))
    undone(list_import)
    assert list_import.undone_at <= now()
