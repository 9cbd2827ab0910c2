"""Drafts, changes of campaigns that wait, copies, the archive and deletion: by REST, as the pages do it."""

import inspect
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Organization
from campaigns import copies, drafts, removal, services, terms
from campaigns.models import Campaign, CampaignStatus
from campaigns.queries import campaigns_of, with_status
from contacts import services as contact_services
from contacts.models import ImportedRow, ListImport
from messaging import planner
from messaging.models import Batch, Message
from messaging.services import NotAllowed
from tests.campaigns.planned import add_people, make_campaign, make_list, schedule
from tests.contacts.workbooks import PROTECTED, people, upload, workbook
from tests.factories import assert_counters_true, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def sender(organization):
    return make_sender(organization)


def draft(api: APIClient, **fields: Any) -> dict[str, Any]:
    answer = api.post("/api/campaigns", {"draft": True, **fields}, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def patch(api: APIClient, campaign_id: int, encoding: str = "json", **fields: Any) -> Any:
    return api.patch(f"/api/campaigns/{campaign_id}", fields, format=encoding)


def prepared(campaign_id: int) -> Campaign:
    services.prepare_campaign(campaign_id=campaign_id)
    return Campaign.objects.select_related("batch", "organization", "list_import").get(pk=campaign_id)


class TestDraft:
    def test_from_nothing_to_running(self, owner_api, organization, sender):
        made = draft(owner_api)
        assert (made["status"], made["name"], made["template"], made["senders"]) == ("draft", "", "", [sender.pk])
        at = f"/api/campaigns/{made['id']}"
        # Whatever is written is kept, also what could not be sent.
        saved = patch(owner_api, made["id"], name="  November ", template="Hi {{name", windows=[]).json()
        assert (saved["name"], saved["template"], saved["version"]) == ("November", "Hi {{name", 2)
        refused = owner_api.post(f"{at}/start")
        assert refused.status_code == 400
        assert set(refused.json()) == {"template", "file"}
        file = upload(people(5))
        patch(owner_api, made["id"], "multipart", template="Hi {{name}}", file=file)
        campaign = prepared(made["id"])
        assert campaign.status == "draft"
        assert ImportedRow.objects.filter(list_import=campaign.list_import).count() == 5
        assert not Message.objects.exists()
        counted = owner_api.get(f"{at}/audience").json()
        assert (counted["people"], counted["will_get"], counted["skips"], counted["reading"]) == (5, 5, {}, False)
        started = owner_api.post(f"{at}/start").json()
        assert started["status"] == "reading"
        assert prepared(made["id"]).status == "running"
        assert Message.objects.count() == 5
        assert not ImportedRow.objects.exists()
        assert patch(owner_api, made["id"], segment=None).status_code == 400

    def test_what_cannot_even_be_stored_is_refused_and_nothing_else_is_kept(self, owner_api):
        made = draft(owner_api, min_delay_ms=100, max_delay_ms=200)
        answer = patch(owner_api, made["id"], name="X", min_delay_ms=300)
        assert answer.json() == {
            "max_delay_ms": ["The longest delay must not be below the shortest, nor above an hour."]
        }
        assert (
            patch(owner_api, made["id"], "multipart", file=upload(PROTECTED.read_bytes(), "p.xlsx")).status_code == 400
        )
        assert patch(owner_api, made["id"], windows=[{"days": [9], "from": "1", "to": "2"}]).status_code == 400
        assert Campaign.objects.get().name == ""

    def test_a_change_to_an_older_version_is_refused(self, owner_api):
        made = draft(owner_api)
        assert patch(owner_api, made["id"], name="First", version=made["version"]).status_code == 200
        second = patch(owner_api, made["id"], name="Second", version=made["version"])
        assert second.status_code == 409
        assert "Somebody changed this campaign meanwhile" in second.json()["detail"]
        assert Campaign.objects.get().name == "First"

    def test_another_sheet_takes_the_place_of_the_first(self, organization):
        campaign = drafts.create_draft(organization=organization, file=upload(people(3)), file_name="a.xlsx")
        first = prepared(campaign.pk).list_import
        drafts.save_draft(campaign=campaign, file=upload(people(4)), file_name="b.xlsx")
        second = prepared(campaign.pk).list_import
        assert first is not None
        assert second is not None
        assert ImportedRow.objects.filter(list_import=second).count() == ImportedRow.objects.count() == 4
        first.refresh_from_db()
        assert first.status == ListImport.Status.CANCELLED
        drafts.save_draft(campaign=campaign, without_file=True)
        assert campaign.list_import is None
        assert not ImportedRow.objects.exists()

    def test_nothing_else_takes_a_draft_for_a_campaign(self, owner_api, organization):
        contact_list = make_list(organization, 2)
        made = draft(owner_api, name="A", template="Hi", contact_list=contact_list.pk)
        at = f"/api/campaigns/{made['id']}"
        Campaign.objects.update(created_at="2020-01-01T00:00Z")
        assert services.unprepared() == []
        assert prepared(made["id"]).frozen_at is None
        assert [owner_api.post(f"{at}/{change}").status_code for change in ("pause", "resume", "cancel")] == [409] * 3
        drafts.save_draft(campaign=Campaign.objects.get(), file=upload(people(1)), file_name="a.xlsx")
        assert services.unprepared() == [made["id"]]  # its sheet was not read: the task was lost

    def test_a_draft_that_is_given_a_time_is_finished(self, owner_api, organization):
        made = draft(owner_api, name="A", template="Hi", contact_list=make_list(organization, 2).pk)
        at = f"/api/campaigns/{made['id']}"
        past = owner_api.post(f"{at}/schedule", {"at": "2020-01-01T09:00"}, format="json")
        assert past.status_code == 400
        assert owner_api.get(at).json()["status"] == "draft"
        answer = owner_api.post(f"{at}/schedule", {"at": "2100-01-01T09:00"}, format="json")
        assert answer.json()["status"] == "scheduled"

    def test_one_whose_list_could_not_be_used_is_mended(self, owner_api, organization):
        file = upload(workbook(("Phone", "Name"), ("nobody", "X")))
        campaign = services.create_campaign(
            organization=organization, name="A", template="Hi {{name}}", file=file, file_name="a.xlsx"
        )
        assert prepared(campaign.pk).status == "failed"
        at = f"/api/campaigns/{campaign.pk}"
        assert owner_api.post(f"{at}/reopen").json()["status"] == "draft"
        assert patch(owner_api, campaign.pk, "multipart", file=upload(people(2))).status_code == 200
        assert owner_api.post(f"{at}/finish").json()["status"] == "reading"
        assert prepared(campaign.pk).status == "ready"
        assert owner_api.post(f"{at}/reopen").status_code == 409


class TestWaiting:
    def test_a_change_fixes_the_audience_anew_where_it_must(self, owner_api, organization):
        campaign = make_campaign(organization, file=upload(people(3)), file_name="a.xlsx", contact_list=None)
        first = set(Message.objects.values_list("pk", flat=True))
        assert patch(owner_api, campaign.pk, name="Other", min_delay_ms=0).json()["status"] == "ready"
        assert set(Message.objects.values_list("pk", flat=True)) == first
        wrong = patch(owner_api, campaign.pk, template="Hi {{nobody_has_this}}")
        assert "There is no column for {{nobody_has_this}}" in wrong.json()["template"][0]
        also = make_list(organization, 2)
        answer = patch(owner_api, campaign.pk, template="Dear {{name}}", contact_list=also.pk)
        assert answer.json()["status"] == "reading"
        assert prepared(campaign.pk).status == "ready"
        assert Message.objects.count() == 5  # the sheet's rows were kept for that
        assert_counters_true(campaign.batch)
        changes = owner_api.get(f"/api/campaigns/{campaign.pk}/changes").json()["results"]
        assert [change["what"] for change in changes] == ["edited", "edited", "created"]
        assert changes[0]["by"].startswith("Tests")
        assert changes[0]["changes"] == {
            "template": {"from": "Hi {{name}}", "to": "Dear {{name}}"},
            "contact_list": {"from": None, "to": "Regulars"},
        }

    def test_a_scheduled_one_keeps_its_time(self, owner_api, organization):
        campaign = make_campaign(organization)
        schedule(campaign)
        assert patch(owner_api, campaign.pk, template="Dear {{name}}").json()["status"] == "scheduled"
        assert prepared(campaign.pk).frozen_at is not None

    def test_not_while_its_list_is_read_nor_after_its_end(self, owner_api, organization):
        campaign = services.create_campaign(
            organization=organization, name="A", template="Hi", contact_list=make_list(organization, 2)
        )
        assert patch(owner_api, campaign.pk, name="B").status_code == 409
        prepared(campaign.pk)
        services.cancel_campaign(campaign=campaign)
        assert patch(owner_api, campaign.pk, name="B").status_code == 409


class TestCopies:
    def test_a_sheet_is_copied_before_the_start_and_its_audience_afterwards(self, owner_api, organization):
        contact_services.block(organization=organization, phone_number="081200000001")
        rows = [("A", "081200000001", "1"), ("B", "081200000002", "2"), ("C", "nobody", "3")]
        file = upload(workbook(("Name", "Phone", "Debt"), *rows))
        also = make_list(organization, 0)
        add_people(also, range(7, 8))
        campaign = make_campaign(
            organization, file=file, file_name="a.xlsx", contact_list=also, template="{{name}} {{debt|0}}"
        )
        before = owner_api.post(f"/api/campaigns/{campaign.pk}/duplicate").json()
        stats = owner_api.get(f"/api/campaigns/{prepared(before['id']).pk}/stats").json()
        assert (stats["pending"], stats["skipped"], stats["invalid_rows"]) == (2, {"blocked": 1}, 1)
        services.start_campaign(campaign=campaign)
        planner.plan_all()
        contact_services.unblock(organization=organization, phone_number="+6281200000001")
        after = owner_api.post(f"/api/campaigns/{campaign.pk}/duplicate", {"draft": True}, format="json").json()
        assert (after["status"], after["name"], after["contact_list"]) == ("draft", "Copy of Greetings", None)
        assert owner_api.post(f"/api/campaigns/{after['id']}/finish").status_code == 200
        assert prepared(after["id"]).status == "ready"
        texts = owner_api.get(f"/api/campaigns/{after['id']}/preview").json()["results"]
        assert {each["text"] for each in texts} == {"A 1", "B 2", "Person 7 0"}

    def test_nothing_to_copy(self, organization):
        campaign = services.create_campaign(
            organization=organization, name="A", template="Hi", file=upload(people(2)), file_name="a.xlsx"
        )
        with pytest.raises(NotAllowed, match="no longer there"):
            copies.duplicate_campaign(campaign=campaign)
        assert Campaign.objects.count() == 1


class TestAway:
    def test_only_what_never_sent_anything_is_deleted(self, owner_api, organization):
        contact_list = make_list(organization, 2)
        started, waiting = (make_campaign(organization, contact_list) for _time in range(2))
        sheet = make_campaign(organization, file=upload(people(2)), file_name="a.xlsx", contact_list=None)
        schedule(waiting)
        services.start_campaign(campaign=started)
        refused = owner_api.delete(f"/api/campaigns/{started.pk}")
        assert refused.status_code == 409
        assert "archive" in refused.json()["detail"]
        for campaign in (waiting, sheet):
            assert owner_api.delete(f"/api/campaigns/{campaign.pk}").status_code == 204
        assert set(Batch.objects.values_list("pk", flat=True)) == {started.batch_id}
        assert set(Message.objects.values_list("batch", flat=True)) == {started.batch_id}
        assert not ImportedRow.objects.exists()
        assert AuditEntry.objects.filter(action="campaign.deleted").count() == 2

    def test_the_archive(self, owner_api, organization):
        campaign = make_campaign(organization)
        at = f"/api/campaigns/{campaign.pk}"
        assert owner_api.post(f"{at}/archive").status_code == 409
        services.cancel_campaign(campaign=campaign)
        assert owner_api.post(f"{at}/archive").json()["archived_at"]
        assert owner_api.get("/api/campaigns").json()["results"] == []
        assert [each["id"] for each in owner_api.get("/api/campaigns?archived=true").json()["results"]] == [
            campaign.pk
        ]
        owner_api.post(f"{at}/unarchive")
        assert len(owner_api.get("/api/campaigns?status=cancelled").json()["results"]) == 1
        assert owner_api.get("/api/campaigns?status=draft").json()["results"] == []
        assert owner_api.get("/api/campaigns?status=lost").status_code == 400

    def test_the_status_filter_agrees_with_the_status(self, organization):
        """Every campaign is found under its own status and no other."""
        drafts.create_draft(organization=organization)
        contact_list = make_list(organization, 1)
        make_campaign(organization, contact_list)
        schedule(make_campaign(organization, contact_list))
        services.cancel_campaign(campaign=make_campaign(organization, contact_list))
        services.create_campaign(organization=organization, name="A", template="Hi", contact_list=contact_list)
        found = {
            status: [each.status for each in with_status(campaigns_of(organization), status)]
            for status in CampaignStatus.values
        }
        assert found == {
            status: [status] if status in ("draft", "ready", "scheduled", "cancelled", "reading") else []
            for status in CampaignStatus.values
        }


def test_rows_of_another_organization_are_not_there(owner_api):
    theirs: Organization = make_organization()
    made = draft(owner_api)
    assert patch(owner_api, made["id"], senders=[make_sender(theirs).pk]).status_code == 400
    assert patch(owner_api, made["id"], contact_list=make_list(theirs, 1).pk).status_code == 400


def test_terms_cover_every_field_that_a_new_campaign_takes():
    taken = set(inspect.signature(services.create_campaign).parameters)
    assert taken - {"organization", "file", "file_name", "start", "accept_lint", "by"} == set(terms.FIELDS)
    assert removal.ENDED
