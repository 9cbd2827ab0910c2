"""Everybody's texts before they leave, by page and by REST."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Organization
from campaigns import preview, services
from campaigns.models import Campaign
from messaging import planner
from messaging.kinds import Kind
from messaging.models import Batch, Message, MessageStatus
from tests.campaigns.planned import make_campaign, make_list
from tests.factories import make_sender, phone_number
from tests.messaging.files import PNG, body
from tests.messaging.test_batch_content import picture, storage  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(organization: Organization) -> Campaign:
    make_sender(organization)
    at_once = {"min_delay_ms": 0, "max_delay_ms": 0}
    return make_campaign(organization, make_list(organization, 25), template="{Hi|Hello} {{name}} STOP", **at_once)


def numbers(page: preview.Page) -> list[str]:
    return [message.phone_number for message in page.messages]


@pytest.mark.parametrize("has_begun", [False, True])
def test_every_person_is_seen_once_forwards_and_backwards(campaign: Campaign, has_begun: bool) -> None:
    if has_begun:
        services.start_campaign(campaign=campaign)
        planner.plan_all()
        Message.objects.update(status=MessageStatus.READ)
    page = preview.page(campaign, limit=10)
    assert page.previous == ""
    forwards = [numbers(page)]
    while page.following:
        page = preview.page(campaign, limit=10, cursor=page.following)
        forwards.append(numbers(page))
    assert [len(each) for each in forwards] == [10, 10, 5]
    assert sorted(number for each in forwards for number in each) == [phone_number(index) for index in range(25)]
    backwards = [numbers(page)]
    while page.previous:
        page = preview.page(campaign, limit=10, cursor=page.previous)
        backwards.insert(0, numbers(page))
    assert backwards == forwards


def test_rest_shows_what_will_be_sent_and_pages_on(owner_api: APIClient, campaign: Campaign) -> None:
    address = f"/api/campaigns/{campaign.pk}/preview"
    first = owner_api.get(address, {"limit": 20}).json()
    rest = owner_api.get(address, {"limit": 20, "cursor": first["next"]}).json()
    assert (first["lint"], rest["next"], len(rest["results"])) == ([], "", 5)
    shown = {person["phone_number"]: person["text"] for person in first["results"] + rest["results"]}
    services.start_campaign(campaign=campaign)
    planner.plan_all()
    assert dict(Message.objects.values_list("phone_number", "text")) == shown
    found = owner_api.get(address, {"search": "Person 7"}).json()["results"]
    assert [(person["name"], person["text"]) for person in found] == [("Person 7", shown[phone_number(7)])]
    for wrong in ({"limit": "0"}, {"cursor": "x"}, {"code": "ugly"}):
        answer = owner_api.get(address, wrong)
        assert (answer.status_code, list(answer.json())) == (400, list(wrong))


def test_rest_refuses_what_would_embarrass_until_it_is_accepted(owner_api: APIClient, campaign: Campaign) -> None:
    Batch.objects.update(text="Hi {name} STOP")
    address = f"/api/campaigns/{campaign.pk}"
    finding = {"code": "braces", "count": 25, "blocking": True, "text": "Braces that nothing was put in for"}
    assert owner_api.get(f"{address}/preview", {"limit": 1}).json()["lint"] == [finding]
    refused = owner_api.post(f"{address}/start")
    assert (refused.status_code, "25 texts have braces" in refused.json()["detail"]) == (409, True)
    refused = owner_api.post(f"{address}/schedule", {"at": "2999-01-01T09:00"}, "json")
    assert refused.status_code == 409
    started = owner_api.post(f"{address}/start", {"accept_lint": True}, "json")
    assert (started.status_code, started.json()["status"]) == (200, "running")


def test_the_page_searches_pages_and_names_whom_a_finding_concerns(owner_client: Client, campaign: Campaign) -> None:
    Batch.objects.update(text="{{name}}: pay at bit.ly/x")
    address = f"/o/nusantara/campaigns/{campaign.pk}"
    check = owner_client.get(f"{address}/lint").text
    assert "A link that looks like fraud" in check
    assert "Start anyway" not in check
    page = owner_client.get(f"{address}/texts", {"code": "suspicious_link"}).text
    assert page.count("bit.ly/x") == 20
    assert 'rel="next"' in page
    found = owner_client.get(f"{address}/texts", {"search": phone_number(3)[-6:]}).text
    assert "Person 3: pay" in found
    assert "Person 4" not in found
    Batch.objects.update(text="{{name}} {oops}")
    assert "Start anyway" in owner_client.get(f"{address}/lint").text
    owner_client.post(f"{address}/start", {"accept_lint": "true"})
    assert Batch.objects.get().status == "running"
    assert owner_client.get(f"{address}/lint").content == b""


def test_the_file_of_a_message_that_waits_is_shown(owner_client: Client, campaign: Campaign, picture) -> None:  # noqa: F811
    message = Message.objects.order_by("id").first()
    address = f"/o/nusantara/campaigns/{campaign.pk}/file?message={message.pk}"
    assert owner_client.get(address).status_code == 409
    Batch.objects.update(kind=Kind.IMAGE, media=picture)
    assert body(owner_client.get(address)) == PNG
    assert owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}/file?message=0").status_code == 404
    assert address in owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}/texts").text
