"""Campaigns in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEntry, Organization, User
from campaigns import schedules
from campaigns.models import Campaign, CampaignStatus
from messaging.models import BatchStatus
from tests.factories import make_batch, make_sender


@pytest.fixture
def staff(owner_client: Client, owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    return owner_client


def make_campaign(organization: Organization, status: str = BatchStatus.READY, **fields: Any) -> Campaign:
    batch = make_batch(organization, [make_sender(organization)], 2, status=status)
    return Campaign.objects.create(
        organization=organization, batch=batch, **{"name": "Harvest sale", "frozen_at": now(), **fields}
    )


@pytest.fixture
def campaign(organization: Organization) -> Campaign:
    return make_campaign(organization)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def do(client: Client, action: str, campaign: Campaign) -> Any:
    return client.post(reverse(f"admin:campaigns_campaign_{action}_one", args=[campaign.pk]))


def status_of(campaign: Campaign) -> str:
    return Campaign.objects.select_related("batch").get(pk=campaign.pk).status


def test_start_pause_resume_and_cancel(
    staff: Client,
    owner: User,
    campaign: Campaign,
    redis_client: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert said(do(staff, "start", campaign)) == ["1 campaign started."]
    assert status_of(campaign) == CampaignStatus.RUNNING
    assert redis_client.llen("control") == 1
    do(staff, "pause", campaign)
    assert status_of(campaign) == CampaignStatus.PAUSED
    with django_capture_on_commit_callbacks(execute=True):
        do(staff, "resume", campaign)
    assert status_of(campaign) == CampaignStatus.RUNNING
    assert redis_client.llen("control") == 2
    do(staff, "cancel", campaign)
    assert status_of(campaign) == CampaignStatus.CANCELLED
    done = AuditEntry.objects.filter(action__startswith="campaign.", user=owner).order_by("id")
    assert [entry.action for entry in done] == [
        "campaign.started",
        "campaign.paused",
        "campaign.resumed",
        "campaign.cancelled",
    ]


def test_a_campaign_whose_list_is_still_read_starts_afterwards(staff: Client, organization: Organization) -> None:
    campaign = make_campaign(organization, frozen_at=None)
    assert said(do(staff, "start", campaign))[0] == "“Harvest sale” starts as soon as its list is read."
    campaign.refresh_from_db()
    assert campaign.start_when_ready


def test_what_cannot_be_done_is_said(staff: Client, organization: Organization) -> None:
    failed = make_campaign(organization, frozen_at=None, error="“x.xlsx” has no column with phone numbers.")
    ticked = {"action": "start_selected", ACTION_CHECKBOX_NAME: [failed.pk], "confirmed": "", "index": 0}
    response = staff.post(reverse("admin:campaigns_campaign_changelist"), ticked)
    assert said(response) == ["Harvest sale: “x.xlsx” has no column with phone numbers."]


def scheduled(campaign: Campaign) -> Campaign:
    schedules.schedule_campaign(campaign=campaign, kind="once", at=now() + timedelta(days=1))
    return campaign


@pytest.mark.parametrize("status", CampaignStatus.values)
def test_filtering_by_status(staff: Client, organization: Organization, status: str) -> None:
    wanted = {
        CampaignStatus.DRAFT: lambda: make_campaign(organization, is_draft=True, frozen_at=None),
        CampaignStatus.FAILED: lambda: make_campaign(organization, error="No phones.", frozen_at=None),
        CampaignStatus.READING: lambda: make_campaign(organization, frozen_at=None),
        CampaignStatus.SCHEDULED: lambda: scheduled(make_campaign(organization)),
    }
    campaigns = {each: make_campaign(organization, each, name=each) for each in BatchStatus.values}
    campaigns |= {each: make() for each, make in wanted.items()}
    response = staff.get(reverse("admin:campaigns_campaign_changelist"), {"status": status})
    assert list(response.context["cl"].result_list) == [campaigns[status]]
    assert {each.status for each in response.context["cl"].result_list} == {status}


def test_campaigns_are_not_made_here(staff: Client) -> None:
    assert staff.get(reverse("admin:campaigns_campaign_add")).status_code == 403
