"""Changing a campaign while it is sent, and the approval that an organization may demand."""

import threading
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import services as account_services
from accounts.models import Organization, Role
from campaigns import approval, copies, drafts, due, edits, notices, schedules, services, terms
from campaigns.models import Campaign, CampaignChange, Occurrence
from messaging import planner
from messaging.models import Message, MessageStatus
from messaging.services import NotAllowed
from tests.campaigns.planned import make_campaign, make_due, make_list, schedule
from tests.factories import assert_counters_true, make_organization, make_sender
from tests.fixtures_people import api_client, make_person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(organization):
    return make_sender(organization)


def fresh(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("batch", "organization").get(pk=campaign.pk)


def running(organization: Organization, size: int, **fields: Any) -> Campaign:
    campaign = make_campaign(
        organization,
        make_list(organization, size),
        **{"template": "v0 {{name}}", "min_delay_ms": 0, "max_delay_ms": 0, **fields},
    )
    services.start_campaign(campaign=campaign)
    return fresh(campaign)


class TestWhileSending:
    def test_queued_messages_keep_their_text_and_the_rest_gets_the_new_one(
        self, organization, sender, monkeypatch, owner_client, owner
    ):
        campaign = running(organization, 4)
        monkeypatch.setattr(planner, "MOST_A_PASS", 2)
        planner.plan_organization(organization)
        second = make_sender(organization)
        edits.edit_campaign(campaign=campaign, template="v1 {{name}}", senders=[second], typing=True, by=owner)
        planner.plan_all()
        queued = Message.objects.filter(batch=campaign.batch).order_by("id")
        assert [message.text[:2] for message in queued] == ["v0", "v0", "v1", "v1"]
        assert [message.sender_id for message in queued] == [sender.pk, sender.pk, second.pk, second.pk]
        assert [message.typing_ms > 0 for message in queued] == [False, False, True, True]
        assert_counters_true(campaign.batch)
        page = owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}").text
        assert "for whoever was not queued yet" in page
        assert "Olivia Owner" in page
        assert '<del dir="auto">v0 {{name}}</del>' in page
        assert '<ins dir="auto">v1 {{name}}</ins>' in page

    def test_a_pause_takes_back_what_then_gets_the_new_text(self, organization, sender):
        campaign = running(organization, 3)
        planner.plan_all()
        services.pause_campaign(campaign=campaign)
        edits.edit_campaign(campaign=fresh(campaign), template="v1 {{name}}")
        services.resume_campaign(campaign=fresh(campaign))
        planner.plan_all()
        assert {message.text[:2] for message in Message.objects.all()} == {"v1"}

    def test_what_can_no_longer_change(self, organization, sender):
        campaign = running(organization, 2)
        others = make_list(organization, 0, "Others")
        with pytest.raises(ValidationError) as caught:
            edits.edit_campaign(campaign=campaign, contact_list=others, name="New")
        assert set(caught.value.message_dict) == {"contact_list"}
        with pytest.raises(ValidationError) as caught:
            edits.edit_campaign(campaign=campaign, template="Hi {{nobody_has_this}}")
        assert set(caught.value.message_dict) == {"template"}
        with pytest.raises(ValidationError):
            edits.edit_campaign(campaign=campaign, senders=[])
        unchanged = fresh(campaign)
        assert (unchanged.name, unchanged.version, unchanged.batch.text) == ("Greetings", 1, "v0 {{name}}")
        assert unchanged.batch.senders.count() == 1
        assert not CampaignChange.objects.filter(what="edited").exists()

    def test_no_update_is_lost(self, organization, sender):
        campaign = running(organization, 1)
        edits.edit_campaign(campaign=campaign, version=1, name="First")
        with pytest.raises(terms.Outdated):
            edits.edit_campaign(campaign=campaign, version=1, name="Second")
        assert fresh(campaign).name == "First"

    @pytest.mark.django_db(transaction=True)
    def test_each_pass_of_the_planner_uses_one_text_also_while_it_is_changed(self, monkeypatch):
        organization = make_organization()
        make_sender(organization)
        campaign = running(organization, 60)
        monkeypatch.setattr(planner, "MOST_A_PASS", 3)

        def change() -> None:
            for number in range(1, 8):
                edits.edit_campaign(campaign=fresh(campaign), template=f"v{number} {{{{name}}}}")
            connection.close()

        editor = threading.Thread(target=change)
        editor.start()
        while planner.plan_organization(organization):
            pass
        editor.join()
        assert fresh(campaign).version == 8  # all changes were made
        messages = Message.objects.filter(batch=campaign.batch, status=MessageStatus.QUEUED)
        texts = list(messages.order_by("queued_at", "id").values_list("queued_at", "text"))
        assert len(texts) == 60
        versions = [text[:2] for _at, text in texts]
        assert versions == sorted(versions)  # a pass that began later never has an older text
        by_pass: dict[Any, set[str]] = {}
        for at, text in texts:
            by_pass.setdefault(at, set()).add(text[:2])
        assert all(len(used) == 1 for used in by_pass.values())


class TestApproval:
    @pytest.fixture(autouse=True)
    def demanded(self, organization, sender):
        account_services.change_organization(organization=organization, by=None, campaigns_need_approval=True)

    @pytest.fixture
    def marketer(self, organization):
        person = make_person("marketer@example.com", "Mara Marketer")
        account_services.add_member(organization=organization, user=person, role=Role.MARKETER)
        return person

    @pytest.fixture
    def campaign(self, organization):
        return fresh(make_campaign(organization))

    def test_the_story(self, organization, campaign, marketer, owner, owner_client):
        page = f"/o/nusantara/campaigns/{campaign.pk}"
        client = signed_in(marketer)
        shown = client.get(page).text
        assert "Submit for approval" in shown
        assert "Start sending to" not in shown
        assert "needs the approval" in client.post(f"{page}/start", follow=True).text
        assert client.post(f"{page}/approve").status_code == 403
        client.post(f"{page}/submit")
        assert "Waiting for your approval:" in owner_client.get("/o/nusantara/campaigns").text
        assert "Waiting for your approval:" not in client.get("/o/nusantara/campaigns").text
        notices.send_approvals()
        assert [message.to for message in mail.outbox] == [["owner@example.com"]]
        assert page in mail.outbox[0].body
        assert (
            "Say what has to be changed."
            in owner_client.post(f"{page}/approve", {"answer": "return"}, follow=True).text
        )
        owner_client.post(f"{page}/approve", {"answer": "return", "remark": "Say who we are."})
        assert "Say who we are." in client.get(page).text
        edits.edit_campaign(campaign=campaign, template="Shop: hi {{name}}", by=marketer)
        services.prepare_campaign(campaign_id=campaign.pk)
        client.post(f"{page}/submit")
        late = owner_client.post(f"{page}/approve", {"answer": "approve", "version": 1}, follow=True)
        assert "Somebody changed this campaign meanwhile" in late.text  # it is not what the owner has read
        owner_client.post(f"{page}/approve", {"answer": "approve", "version": 2})
        notices.send_approvals()
        notices.send_approvals()
        assert [message.to[0] for message in mail.outbox][1:] == [
            "marketer@example.com",
            "owner@example.com",
            "marketer@example.com",
        ]
        client.post(f"{page}/start")
        assert fresh(campaign).status == "running"

    def test_a_change_takes_the_approval_away_at_every_door(self, organization, campaign):
        approval.approve_campaign(campaign=campaign)
        edits.edit_campaign(campaign=campaign, name="Other")
        with pytest.raises(NotAllowed, match="approval"):
            services.start_campaign(campaign=campaign)
        with pytest.raises(NotAllowed, match="approval"):
            schedule(campaign)
        approval.approve_campaign(campaign=fresh(campaign))
        services.start_campaign(campaign=campaign)
        with pytest.raises(NotAllowed, match="Pause it first"):
            edits.edit_campaign(campaign=fresh(campaign), template="Changed")
        services.pause_campaign(campaign=fresh(campaign))
        edits.edit_campaign(campaign=fresh(campaign), template="Changed")
        with pytest.raises(NotAllowed, match="approval"):
            services.resume_campaign(campaign=fresh(campaign))
        approval.approve_campaign(campaign=fresh(campaign))
        services.resume_campaign(campaign=fresh(campaign))
        assert fresh(campaign).status == "running"

    def test_a_due_time_finds_a_changed_campaign(self, campaign):
        approval.approve_campaign(campaign=campaign)
        schedule(campaign)
        edits.edit_campaign(campaign=fresh(campaign), name="Other")
        make_due(campaign, minutes=1)
        assert due.run_due() == []
        occurrence = Occurrence.objects.get()
        assert (occurrence.outcome, occurrence.notice_due) == (Occurrence.Outcome.FAILED, True)
        assert "approval" in occurrence.reason
        assert fresh(campaign).status == "ready"

    def test_a_repetition_is_approved_once(self, organization, campaign):
        approval.approve_campaign(campaign=campaign)
        schedules.schedule_campaign(campaign=campaign, kind="cron", cron="0 * * * *")
        make_due(campaign, minutes=1)
        (made,) = due.run_due()
        services.prepare_campaign(campaign_id=made)
        assert Campaign.objects.select_related("batch").get(pk=made).status == "running"

    def test_by_rest(self, organization, owner_api):
        may_not = api_client(organization, "campaigns.view", "campaigns.manage")
        contact_list = make_list(organization, 2)
        fields = {"name": "A", "template": "Hi", "contact_list": contact_list.pk}
        refused = may_not.post("/api/campaigns", {**fields, "start": True}, format="json")
        assert set(refused.json()) == {"start"}
        made = may_not.post("/api/campaigns", {**fields, "draft": True}, format="json").json()
        at = f"/api/campaigns/{made['id']}"
        assert may_not.post(f"{at}/start").status_code == 409
        assert may_not.post(f"{at}/submit").json()["approval"] == "submitted"
        services.prepare_campaign(campaign_id=made["id"])
        assert may_not.post(f"{at}/approve").status_code == 403
        assert owner_api.post(f"{at}/return", {}, format="json").status_code == 400
        returned = owner_api.post(f"{at}/return", {"remark": "No."}, format="json")
        assert returned.json()["approval"] == "returned"
        assert (
            owner_api.post(f"{at}/approve", {"version": made["version"]}, format="json").json()["approval"]
            == "approved"
        )
        assert owner_api.post(f"{at}/approve").status_code == 409
        assert may_not.post(f"{at}/start").json()["status"] == "running"

    def test_an_organization_that_demands_none_asks_for_none(self, organization, campaign):
        account_services.change_organization(organization=organization, by=None, campaigns_need_approval=False)
        with pytest.raises(NotAllowed, match="need no approval"):
            approval.submit_campaign(campaign=fresh(campaign))
        services.start_campaign(campaign=fresh(campaign))

    def test_a_copy_needs_its_own(self, organization, campaign):
        approval.approve_campaign(campaign=campaign)
        made = copies.duplicate_campaign(campaign=campaign)
        services.prepare_campaign(campaign_id=made.pk)
        with pytest.raises(NotAllowed, match="approval"):
            drafts.start_campaign(campaign=fresh(made))
