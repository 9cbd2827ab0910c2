"""Who got a campaign: filters, pages, files, another try, and sending again."""

import csv
import io
import tracemalloc
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now
from openpyxl import load_workbook
from rest_framework.test import APIClient

from accounts.models import Organization
from campaigns import drafts, follow_ups, pages_people, services
from campaigns.models import Campaign, CampaignStatus
from contacts import services as contact_services
from contacts import streamed_files
from messaging import ledger
from messaging.events import Outcome
from messaging.models import Message, MessageStatus, SkipReason
from messaging.services import NotAllowed
from tests.campaigns.sent import answer, lease, make_campaign, receive, settle
from tests.factories import assert_counters_true, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(organization: Organization) -> Campaign:
    """Of ten people, 0 to 2 read it and 0 replied, 3 and 4 have it, 5 is on the way; 6 and 7 failed, 8 ran out of tries,
    and 9 is not on WhatsApp."""
    made = make_campaign(organization, size=10)
    people = lease(made.batch)
    settle(people[:6], Outcome.ACKNOWLEDGED)
    receive(people[:5], MessageStatus.DELIVERED, now())
    receive(people[:3], MessageStatus.READ, now())
    answer(people[:1], now(), "=1+1")
    settle(people[6:8], Outcome.REJECTED, "131026")
    settle(people[8:9], Outcome.TRY_AGAIN, "network_error")
    settle(people[9:], Outcome.REJECTED, ledger.NOT_ON_WHATSAPP)
    return made


def numbers(*places: int) -> list[str]:
    return [phone_number(place) for place in places]


@pytest.mark.parametrize(
    ("asked", "people"),
    [
        ("", range(10)),
        ("did=read", range(3)),
        ("did=not_read", range(3, 6)),
        ("did=replied", [0]),
        ("did=not_replied", range(1, 6)),
        ("did=clicked", []),
        ("did=opted_out", []),
        ("status=delivered", [3, 4]),
        ("status=failed", [6, 7, 8]),
        ("status=failed&reason=131026", [6, 7]),
        (f"status=skipped&reason={SkipReason.NOT_ON_WHATSAPP}", [9]),
        (f"number={phone_number(7)[1:]}", [7]),
        ("status=read&number=62812&did=not_replied", [1, 2]),
    ],
)
def test_filters_of_the_api(campaign: Campaign, owner_api: APIClient, asked: str, people: Any) -> None:
    found = owner_api.get(f"/api/campaigns/{campaign.pk}/recipients?limit=50&{asked}").json()["results"]
    assert [row["phone_number"] for row in found] == numbers(*people)


@pytest.mark.parametrize("asked", ["status=lost", "did=danced", "variant=first"])
def test_a_filter_that_makes_no_sense_is_refused(campaign: Campaign, owner_api: APIClient, asked: str) -> None:
    answered = owner_api.get(f"/api/campaigns/{campaign.pk}/recipients?{asked}")
    assert answered.status_code == 400
    assert list(answered.json()) == [asked.split("=")[0]]


def test_pages_go_on_where_the_last_one_ended(
    campaign: Campaign, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_people, "PEOPLE_A_PAGE", 2)
    for asked, expected in (("", range(10)), ("status=failed", [6, 7, 8])):
        address, seen = f"?{asked}", []
        while address:
            context = owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}/recipients{address}").context
            seen += [message.phone_number for message in context["recipients"]]
            address = context["next"]
        assert seen == numbers(*expected)


def test_the_page_shows_what_they_answered(campaign: Campaign, owner_client: Client) -> None:
    page = owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}/recipients?did=replied&status=nonsense").text
    assert "=1+1" in page
    assert phone_number(1) not in page
    page = owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}/recipients?status=failed&reason=131026").text
    assert "WhatsApp cannot deliver to this number" in page
    assert phone_number(8) not in page


def test_files_hold_what_the_filter_shows(campaign: Campaign, owner_api: APIClient, owner_client: Client) -> None:
    Message.objects.filter(batch=campaign.batch, phone_number=phone_number(1)).update(
        variables={"name": "=cmd|'/c calc'!A1"}
    )
    address = f"/api/campaigns/{campaign.pk}/recipients/export"
    lines = list(csv.reader(io.StringIO(b"".join(owner_api.get(f"{address}?did=read")).decode("utf-8-sig"))))
    assert [line[:3] for line in lines] == [
        ["Phone number", "Name", "Status"],
        [phone_number(0), "Person 0", "read"],
        [phone_number(1), "'=cmd|'/c calc'!A1", "read"],
        [phone_number(2), "Person 2", "read"],
    ]
    assert lines[1][10]  # when they replied
    assert not lines[2][10]
    page = owner_client.get(f"/o/nusantara/campaigns/{campaign.pk}/recipients/export?type=xlsx&status=failed")
    sheet = load_workbook(io.BytesIO(b"".join(page))).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert [row[0] for row in rows[1:]] == numbers(6, 7, 8)
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n", "inlineStr"}
    assert rows[1][3:5] == ["Said so", "131026"]


def test_a_workbook_of_odd_texts_is_read_back() -> None:
    odd = ["=1+1", "<b>&amp;", "  spaces ", "\x00\x0bcontrol", "😀 ünï", "", "+62811", "line\nbreak"]
    book = load_workbook(io.BytesIO(b"".join(streamed_files.xlsx_pieces(iter([["a"] * len(odd), odd])))))
    values = [cell.value for cell in list(book.worksheets[0].iter_rows())[1]]
    assert values == ["=1+1", "<b>&amp;", "  spaces ", "control", "😀 ünï", None, "+62811", "line\nbreak"]
    assert book.worksheets[0]["A2"].data_type == "s"


@pytest.mark.parametrize("pieces", [streamed_files.csv_pieces, streamed_files.xlsx_pieces])
def test_memory_stays_flat(pieces: Any) -> None:
    rows = ([f"+62812{number:08}", "Person", "read"] * 4 for number in range(60_000))
    tracemalloc.start()
    size = sum(len(piece) for piece in pieces(rows))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 500_000
    assert most < 6_000_000


def test_another_try_for_what_ran_out_of_tries(campaign: Campaign, owner_api: APIClient) -> None:
    other = make_campaign(campaign.organization, size=1)
    settle(lease(other.batch), Outcome.TRY_AGAIN, "network_error")
    assert owner_api.post(f"/api/campaigns/{campaign.pk}/retry").json() == {"retried": 1}
    assert owner_api.post(f"/api/campaigns/{campaign.pk}/retry").json() == {"retried": 0}
    assert campaign.batch.messages.get(status=MessageStatus.QUEUED).phone_number == phone_number(8)
    assert other.batch.messages.get().status == MessageStatus.FAILED
    assert_counters_true(campaign.batch)


@pytest.mark.parametrize(
    ("who", "people"), [("not_read", [3, 4, 5]), ("not_replied", range(1, 6)), ("failed", [6, 7, 8])]
)
def test_sending_again_to_whom_it_did_not_move(
    campaign: Campaign, owner_api: APIClient, organization: Organization, who: str, people: Any
) -> None:
    contact_services.block(organization=organization, phone_number=phone_number(people[0]))
    made = owner_api.post(f"/api/campaigns/{campaign.pk}/follow-up", {"who": who}, format="json")
    assert made.status_code == 201, made.content
    assert (made.json()["status"], made.json()["template"]) == ("draft", "Hi {{name}}")
    draft = Campaign.objects.get(pk=made.json()["id"])
    drafts.finish_draft(campaign=draft)
    services.prepare_campaign(campaign_id=draft.pk)
    rows = draft.batch.messages.order_by("phone_number")
    assert [row.phone_number for row in rows] == numbers(*people)
    assert [row.skip_reason for row in rows] == [SkipReason.BLOCKED, *[""] * (len(people) - 1)]
    assert rows[1].variables["name"] == f"Person {people[1]}"
    assert Campaign.objects.get(pk=draft.pk).status == CampaignStatus.READY


def test_sending_again_to_nobody_is_refused(
    organization: Organization, owner_client: Client, teammate_client: Client
) -> None:
    campaign = make_campaign(organization, size=2)
    settle(lease(campaign.batch), Outcome.ACKNOWLEDGED)
    with pytest.raises(NotAllowed, match="nobody"):
        follow_ups.follow_up(campaign=campaign, who="failed")
    assert Campaign.objects.count() == 1
    address = f"/o/nusantara/campaigns/{campaign.pk}/follow-up"
    assert owner_client.post(address, {"who": "everybody"}).status_code == 302
    assert teammate_client.post(address, {"who": "not_read"}).status_code == 403
    assert Campaign.objects.count() == 1
    assert owner_client.post(address, {"who": "not_read"}).status_code == 302
    assert Campaign.objects.latest("pk").name == "Who did not read “November”"
