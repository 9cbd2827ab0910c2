"""Making campaigns, fixing who gets them, and what may be done with them when."""

import os
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import AuditEntry, Organization
from campaigns import services
from campaigns.models import Campaign
from contacts import blocklist, imports
from contacts import services as contact_services
from contacts.models import Contact, ContactList, ImportedRow, ListImport, OtherNumber
from messaging import planner, queries
from messaging.models import Batch, Message, MessageStatus
from messaging.services import NotAllowed
from senders.models import Provider
from tests.contacts.workbooks import PROTECTED, customers, people, upload, workbook
from tests.factories import assert_counters_true, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def stored_files(media) -> list[str]:
    return [name for _folder, _folders, files in os.walk(media) for name in files]


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    make_sender(organization)
    return organization


def create(organization: Organization, content: bytes | None = None, **options: Any) -> Campaign:
    """A campaign to the people of a sheet; to the customers of the demo where none is given."""
    options.setdefault("template", "Hi {{name}}")
    if "contact_list" not in options or content:
        file = upload(content) if content else customers()
        options.update(file=file, file_name=file.name)
    return services.create_campaign(organization=organization, **{"name": "November bills", **options})


def prepared(organization: Organization, content: bytes | None = None, **options: Any) -> Campaign:
    campaign = create(organization, content, **options)
    services.prepare_campaign(campaign_id=campaign.pk)
    return Campaign.objects.select_related("batch", "list_import").get(pk=campaign.pk)


def read_sheet(campaign: Campaign) -> None:
    assert campaign.list_import is not None
    imports.read(list_import_id=campaign.list_import.pk)


def errors_of(organization: Organization, content: bytes | None = None, **options: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        create(organization, content, **options)
    assert not Campaign.objects.exists()
    assert not Batch.objects.exists()
    assert not ListImport.objects.exists()
    return caught.value.message_dict


def contact_list(organization: Organization, *contacts: tuple[str, str, dict[str, str]]) -> ContactList:
    found = contact_services.create_list(organization=organization, name="Regulars")
    for phone_number, name, attributes in contacts:
        found.contacts.add(
            Contact.objects.create(
                organization=organization, phone_number=phone_number, name=name, attributes=attributes
            )
        )
    return found


def audience(campaign: Campaign) -> dict[str, dict[str, str]]:
    return dict(Message.objects.filter(batch=campaign.batch).values_list("phone_number", "variables"))


class TestCreating:
    def test_a_sheet_becomes_one_message_a_person(self, organization):
        campaign = create(organization, template="Halo {{nama}}, tagihan {{Jumlah Tagihan}}")
        assert campaign.status == "reading"
        assert campaign.batch.senders.count() == 1
        services.prepare_campaign(campaign_id=campaign.pk)
        campaign = Campaign.objects.select_related("batch").get(pk=campaign.pk)
        assert (campaign.status, campaign.merged, campaign.invalid_rows) == ("ready", 40, 20)
        stats = queries.batch_stats(campaign.batch_id)
        assert (stats["total"], stats["pending"], stats["skipped"]) == (930, 930, {})
        assert_counters_true(campaign.batch)
        gita = Message.objects.get(batch=campaign.batch, phone_number="+6282157283022")
        assert gita.variables == {
            "name": "Gita",
            "nama": "Gita",
            "phone": "+6282157283022",
            "no_hp": "+6282157283022",
            "kota": "Medan",
            "jumlah_tagihan": "4134883.79",
        }
        services.start_campaign(campaign=campaign)
        planner.plan_all()
        gita.refresh_from_db()
        assert gita.text == "Halo Gita, tagihan 4134883.79"

    def test_messages_stand_in_the_order_of_the_sheet(self, organization):
        campaign = prepared(organization, people(30))
        names = Message.objects.filter(batch=campaign.batch).order_by("id").values_list("variables__name", flat=True)
        assert list(names) == [f"Person {index}" for index in range(30)]

    def test_delays_fit_the_senders(self, organization):
        assert create(organization).batch.min_delay_ms == 200
        real = make_sender(organization, provider="baileys")
        assert (create(organization).batch.min_delay_ms, create(organization).batch.max_delay_ms) == (3000, 8000)
        simulated = organization.senders.filter(provider=Provider.SIMULATED)
        assert create(organization, senders=list(simulated)).batch.max_delay_ms == 600
        assert create(organization, senders=[real], max_delay_ms=1000).batch.min_delay_ms == 1000
        assert create(organization, min_delay_ms=20_000).batch.max_delay_ms == 20_000

    def test_it_is_written_down(self, organization):
        create(organization)
        assert AuditEntry.objects.get().action == "campaign.created"


class TestMistakes:
    def test_everything_that_is_wrong_is_said_at_once(self, organization):
        errors = errors_of(
            organization, PROTECTED.read_bytes(), name=" ", template="Hi {{name", min_delay_ms=9000, max_delay_ms=3000
        )
        assert set(errors) == {"name", "template", "file", "max_delay_ms"}
        assert errors["file"][0].startswith("“list.xlsx” is protected with a password.")

    def test_an_unknown_variable_is_named_with_the_columns(self, organization, media):
        errors = errors_of(organization, template="Hi {{nma}}")
        assert errors == {
            "template": [
                (
                    "There is no column for {{nma}}. Did you mean {{nama}}? The list has {{nama}}, {{no_hp}}, {{kota}}, "
                    "{{jumlah_tagihan}}, {{catatan}}, {{name}}, {{phone}}, {{unsubscribe}}."
                )
            ]
        }
        assert stored_files(media) == []

    def test_nobody_to_send_to(self, organization):
        with pytest.raises(ValidationError) as caught:
            services.create_campaign(organization=organization, name="X", template="Hi")
        assert set(caught.value.message_dict) == {"file"}
        assert set(errors_of(organization, contact_list=contact_list(organization))) == {"contact_list"}

    def test_no_sender(self):
        assert set(errors_of(make_organization())) == {"senders"}

    def test_a_failure_while_saving_leaves_nothing(self, organization, media, monkeypatch):
        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr(services, "note", fail)
        with pytest.raises(RuntimeError):
            create(organization)
        assert stored_files(media) == []
        assert not ListImport.objects.exists()
        assert not Batch.objects.exists()


class TestSheetsThatAreLookedIntoLater:
    """Large sheets are only opened by the task: what is wrong with them is said on the campaign."""

    @pytest.fixture(autouse=True)
    def every_sheet_is_large(self, monkeypatch):
        monkeypatch.setattr("contacts.sheets.beginning_of", lambda _file, _kind: None)

    def test_no_phone_column(self, organization):
        campaign = prepared(organization, workbook(("Name", "Town"), ("Budi", "Medan")))
        assert campaign.status == "failed"
        assert "“list.xlsx” has no column with phone numbers" in campaign.error

    def test_an_unknown_variable(self, organization):
        campaign = prepared(organization, template="Hi {{nma}}", start=True)
        assert campaign.status == "failed"
        assert "There is no column for {{nma}}. Did you mean {{nama}}?" in campaign.error
        assert not Message.objects.exists()
        assert not ImportedRow.objects.exists()

    def test_a_good_one(self, organization):
        assert prepared(organization, template="Hi {{kota}}").status == "ready"


class TestWhoGetsIt:
    def test_the_sheet_overrides_the_list_value_by_value(self, organization):
        regulars = contact_list(
            organization,
            ("+6281200000001", "Person A", {"city": "Solo", "class": "gold"}),
            ("+6281299999999", "Only on the list", {"city": "Bali"}),
        )
        sheet = workbook(
            ("Name", "Phone", "City", "Class"),
            ("Early", "081200000001", "Early", "Early"),
            ("New", "081200000002", "Jakarta", None),
            ("Sheet A", "0812 0000 0001", "Medan", None),
        )
        campaign = prepared(organization, sheet, contact_list=regulars, template="{{name}} {{city}} {{class|-}}")
        assert audience(campaign) == {
            "+6281200000001": {"name": "Sheet A", "phone": "+6281200000001", "city": "Medan", "class": "gold"},
            "+6281200000002": {"name": "New", "phone": "+6281200000002", "city": "Jakarta"},
            "+6281299999999": {"name": "Only on the list", "phone": "+6281299999999", "city": "Bali"},
        }
        assert campaign.merged == 2  # the early row gave way to the later one, the contact to the sheet

    def test_both_numbers_of_a_person_are_one_person(self, organization):
        regulars = contact_list(organization, ("+6281200000001", "Ayu", {}), ("+6281200000005", "Budi", {}))
        ayu, budi = Contact.objects.order_by("phone_number")
        OtherNumber.objects.create(organization=organization, contact=ayu, phone_number="+6281200000002")
        OtherNumber.objects.create(organization=organization, contact=budi, phone_number="+6281200000006")
        blocklist.block(organization=organization, phone_number="+6281200000006")
        sheet = workbook(
            ("Phone", "City"),
            ("081200000001", "Solo"),
            ("081200000002", "Medan"),
            ("081200000006", "Bogor"),
        )
        campaign = prepared(organization, sheet, contact_list=regulars, template="In {{city|town}}")
        assert {number: values.get("city") for number, values in audience(campaign).items()} == {
            "+6281200000001": "Medan",
            "+6281200000005": None,
            "+6281200000006": "Bogor",
        }
        assert campaign.merged == 2  # the row with the first number, the contact
        assert queries.batch_stats(campaign.batch_id)["skipped"] == {"blocked": 1}

    def test_a_list_alone(self, organization):
        regulars = contact_list(
            organization, ("+6281200000001", "Ayu", {"city": "Solo"}), ("+6281200000002", "", {"kota": "Medan"})
        )
        campaign = prepared(organization, contact_list=regulars, template="Hi {{name|you}} in {{city|town}}{{kota|}}")
        assert campaign.status == "ready"
        assert campaign.list_import is None
        assert queries.batch_stats(campaign.batch_id)["pending"] == 2

    def test_people_on_the_blocklist_are_skipped_with_the_reason(self, organization):
        contact_services.block(organization=organization, phone_number="081200000001")
        contact_services.block(organization=organization, phone_number="081200000002", reason="opted_out")
        contact_services.block(organization=make_organization(), phone_number="081200000003")
        campaign = prepared(organization, people(4))
        stats = queries.batch_stats(campaign.batch_id)
        assert (stats["total"], stats["pending"], stats["skipped"]) == (4, 2, {"blocked": 1, "opted_out": 1})
        skipped = Message.objects.filter(status=MessageStatus.SKIPPED)
        assert all(message.ended_at for message in skipped)
        assert_counters_true(campaign.batch)

    def test_people_without_a_needed_value_are_skipped_and_the_variable_is_named(self, organization):
        sheet = workbook(
            ("Name", "Phone", "City", "Debt"),
            ("A", "081200000001", "Solo", 5),
            ("B", "081200000002", " ", None),
            (None, "081200000003", "Solo", 5),
        )
        campaign = prepared(organization, sheet, template="Hi {{name|you}}, {{debt}} from {{city}}")
        assert queries.batch_stats(campaign.batch_id)["skipped"] == {"missing_variable": 1}
        assert Message.objects.get(status=MessageStatus.SKIPPED).error == "debt, city"

    def test_other_organizations_are_left_alone(self, organization):
        other = contact_list(make_organization(), ("+6281200000009", "Theirs", {}))
        campaign = prepared(organization, people(1), contact_list=other)
        assert list(audience(campaign)) == ["+6281200000001"]

    def test_a_sheet_without_a_usable_number(self, organization):
        campaign = prepared(organization, workbook(("Name", "Phone"), ("A", "n/a"), ("B", "0812")))
        assert campaign.status == "failed"
        assert "“list.xlsx” has no row with a usable phone number: 2 rows were refused." in campaign.error
        assert ImportedRow.objects.count() == 2  # the page lists them

    def test_rows_are_kept_until_the_start_and_forgotten_then(self, organization, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            campaign = prepared(organization)
        assert ImportedRow.objects.count() == 990
        assert not ListImport.objects.get().file
        services.start_campaign(campaign=campaign)
        assert ImportedRow.objects.count() == 20


class TestStarting:
    def test_at_once_when_ready(self, organization):
        assert prepared(organization, start=True).status == "running"

    def test_while_it_is_read(self, organization):
        campaign = create(organization)
        services.start_campaign(campaign=campaign)
        assert campaign.status == "reading"
        services.prepare_campaign(campaign_id=campaign.pk)
        assert Campaign.objects.get(pk=campaign.pk).status == "running"

    def test_twice(self, organization):
        campaign = prepared(organization)
        services.start_campaign(campaign=campaign)
        with pytest.raises(NotAllowed):
            services.start_campaign(campaign=campaign)

    def test_nobody_is_left_to_send_to(self, organization):
        contact_services.block(organization=organization, phone_number="081200000001")
        campaign = prepared(organization, people(1), start=True)
        assert campaign.status == "ready"
        assert "nobody to send to" in campaign.batch.status_reason
        with pytest.raises(NotAllowed, match="nobody to send to"):
            services.start_campaign(campaign=campaign)

    def test_a_failed_one_says_why(self, organization):
        campaign = prepared(organization, workbook(("Name", "Phone"), ("A", "n/a")))
        for change in (services.start_campaign, services.pause_campaign, services.cancel_campaign):
            with pytest.raises(NotAllowed, match="no row with a usable phone number"):
                change(campaign=campaign)

    def test_pause_resume_cancel(self, organization):
        campaign = prepared(organization, start=True)
        services.pause_campaign(campaign=campaign)
        assert campaign.status == "paused"
        services.resume_campaign(campaign=campaign)
        assert campaign.status == "running"
        services.cancel_campaign(campaign=campaign)
        assert campaign.status == "cancelled"
        assert queries.batch_stats(campaign.batch_id)["cancelled"] == 930
        assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True))[1:] == [
            "campaign.paused",
            "campaign.resumed",
            "campaign.cancelled",
        ]

    def test_nothing_is_paused_before_the_list_is_read(self, organization):
        campaign = create(organization)
        for change in (services.pause_campaign, services.resume_campaign):
            with pytest.raises(NotAllowed, match="the campaign is reading the list"):
                change(campaign=campaign)


class TestInterruptions:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_a_repeated_task_changes_nothing(self, organization):
        campaign = prepared(organization)
        frozen_at = campaign.frozen_at
        services.prepare_campaign(campaign_id=campaign.pk)
        services.freeze_audience(campaign_id=campaign.pk)
        campaign.refresh_from_db()
        assert campaign.frozen_at == frozen_at
        assert queries.batch_stats(campaign.batch_id)["total"] == 930
        assert_counters_true(campaign.batch)

    def test_a_worker_killed_while_freezing_leaves_nothing(self, organization, monkeypatch):
        campaign = create(organization, start=True)

        def die(*_: Any) -> None:
            connection.connection.close()  # what the server sees of a process that was killed
            raise SystemExit

        monkeypatch.setattr("messaging.counts.add", die)
        with pytest.raises(SystemExit):
            services.prepare_campaign(campaign_id=campaign.pk)
        connection.close()
        monkeypatch.undo()
        assert not Message.objects.exists()
        monkeypatch.setattr(services, "TAKEN_UP_AFTER", timedelta(0))
        assert services.unprepared() == [campaign.pk]
        services.prepare_campaign(campaign_id=campaign.pk)
        campaign = Campaign.objects.select_related("batch").get(pk=campaign.pk)
        assert campaign.status == "running"
        assert queries.batch_stats(campaign.batch_id)["total"] == 930
        assert_counters_true(campaign.batch)
        assert services.unprepared() == []

    def test_two_workers_freeze_once(self, organization):
        campaign = create(organization)
        read_sheet(campaign)

        def freeze() -> None:
            services.freeze_audience(campaign_id=campaign.pk)
            connection.close()

        workers = [threading.Thread(target=freeze) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert queries.batch_stats(campaign.batch_id)["total"] == 930

    def test_cancelling_while_it_is_read(self, organization):
        campaign = create(organization, start=True)
        services.cancel_campaign(campaign=campaign)
        services.prepare_campaign(campaign_id=campaign.pk)
        campaign = Campaign.objects.select_related("batch", "list_import").get(pk=campaign.pk)
        assert campaign.status == "cancelled"
        assert campaign.list_import is not None
        assert campaign.list_import.status == "cancelled"
        assert not Message.objects.exists()

    def test_cancelling_between_reading_and_freezing(self, organization):
        campaign = create(organization, start=True)
        read_sheet(campaign)
        services.cancel_campaign(campaign=campaign)
        services.prepare_campaign(campaign_id=campaign.pk)
        assert Campaign.objects.select_related("batch").get(pk=campaign.pk).status == "cancelled"
        assert not Message.objects.exists()
