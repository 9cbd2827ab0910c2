"""Rehearsals: the whole campaign by the product's own rules, and nothing changes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from campaigns import rehearsals
from campaigns.models import Campaign, Rehearsal
from contacts.models import BlocklistEntry
from messaging import planner, services
from messaging.models import Batch, BatchStatus, Message
from messaging.services import NotAllowed
from senders.models import Sender, SenderStatus, SenderUsage
from session_service.providers.simulated.behaviour import Behaviour
from tests.factories import make_batch, make_sender, phone_number
from whatsapp_automation.rehearsal import performance, stage

CALM = Behaviour(read_rate=0.5, reply_rate=0.1, reply_text="STOP")


@pytest.fixture
def senders(organization: Organization) -> list[Sender]:
    return [make_sender(organization, quota_per_hour=60) for _ in range(2)]


def make_campaign(organization: Organization, senders: list[Sender], size: int, **fields: Any) -> Campaign:
    """Ready, for the sending hours from 09:00 to 10:30."""
    hours = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "09:00", "to": "10:30"}]
    given = {"status": BatchStatus.READY, "min_delay_ms": 2000, "max_delay_ms": 4000, "windows": hours, **fields}
    batch = make_batch(organization, senders, size, **given)
    return Campaign.objects.create(organization=organization, name="Promo", batch=batch, frozen_at=timezone.now())


def everything() -> dict[str, list[Any]]:
    """The rows of all tables that sending touches."""
    found: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for model in (Message, Batch, Campaign, Sender, SenderUsage, BlocklistEntry):
            cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY 1")
            found[model.__name__] = cursor.fetchall()
    return found


@pytest.mark.django_db(transaction=True)
def test_two_days_pass_in_seconds_and_nothing_changes(organization: Organization, senders: list[Sender]) -> None:
    campaign = make_campaign(organization, senders, 300)
    Sender.objects.filter(pk=senders[0].pk).update(status=SenderStatus.DISCONNECTED)
    BlocklistEntry.objects.create(organization=organization, phone_number=phone_number(7), reason="blocked")
    make_batch(organization, senders[:1], 50, min_delay_ms=1000, max_delay_ms=1000)  # runs, and shares a sender
    before, clock, heard = everything(), timezone.now, []
    result = performance.rehearse(rehearsal_id=1, campaign_id=campaign.pk, tell=heard.append, behaviour=CALM)
    assert everything() == before
    assert stage.left_over() == []
    assert timezone.now is clock
    assert vars(planner)["clock"] is clock
    # 299 people at 2 x 60 an hour are two hours and a half of sending, and a day has one and a half of them.
    first, last = (datetime.fromisoformat(result[key]) for key in ("starts_at", "ends_at"))
    assert timedelta(hours=20) < last - first < timedelta(hours=50)
    foreseen = datetime.fromisoformat(result["forecast_ends_at"])
    assert abs(foreseen - last) < (last - first) * 0.05
    assert result["times_real_speed"] > 100
    assert result["taken_as_connected"] == [senders[0].name]
    people = {code: number for code, number, _of, _share in result["funnel"]}
    skipped = result["stats"]["skipped"]  # who is blocked, and who answers STOP to the campaign beside
    assert 1 < skipped < 20
    assert people["sent"] == 300 - skipped
    assert 110 < people["read"] < 200
    assert 10 < people["opted_out"] < 60
    assert sum(row[1] for row in result["details"]["senders"]) == people["sent"]
    assert heard
    assert heard[0].keys() == {"moment", "people", "done"}


@pytest.mark.django_db(transaction=True)
def test_a_campaign_that_nobody_could_send_says_so(organization: Organization, senders: list[Sender]) -> None:
    campaign = make_campaign(organization, senders, 3)
    Sender.objects.update(paused_at=timezone.now())
    performance.LONGEST_RUN, longest = timedelta(days=2), performance.LONGEST_RUN
    try:
        with pytest.raises(rehearsals.CannotRehearse, match="more than a year"):
            performance.rehearse(rehearsal_id=2, campaign_id=campaign.pk, tell=lambda news: None, behaviour=CALM)
    finally:
        performance.LONGEST_RUN = longest
    assert stage.left_over() == []
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert "rehearsal" not in cursor.fetchone()[0]


@pytest.mark.django_db
def test_one_at_a_time_and_a_lost_one_is_taken_up(owner_api, organization, senders) -> None:
    campaign, other = (make_campaign(organization, senders, 2) for _ in range(2))
    address = f"/api/campaigns/{campaign.pk}/rehearse"
    asked = owner_api.post(address)
    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    assert owner_api.post(address).status_code == 409
    second = rehearsals.ask(campaign=other)
    first = rehearsals.take_next()
    assert first is not None
    assert first.pk == asked.json()["id"]
    assert rehearsals.take_next() is None  # another one is performed
    assert rehearsals.note(first.pk, moment=timezone.now(), done=1, people=2)
    assert owner_api.get(f"/api/campaigns/{campaign.pk}/rehearsal").json()["done"] == 1
    Rehearsal.objects.filter(pk=first.pk).update(seen_at=timezone.now() - 2 * rehearsals.LOST_AFTER)
    assert rehearsals.is_waited_for()
    again = rehearsals.take_next()
    assert again is not None
    assert (again.pk, again.attempts, again.done) == (first.pk, 2, 0)
    assert owner_api.delete(f"/api/campaigns/{campaign.pk}/rehearsal").status_code == 204
    assert not rehearsals.note(first.pk)
    with pytest.raises(NotAllowed):
        rehearsals.cancel(rehearsal=first)
    taken = rehearsals.take_next()
    assert taken is not None
    assert taken.pk == second.pk
    Rehearsal.objects.filter(pk=second.pk).update(seen_at=None, attempts=rehearsals.MOST_ATTEMPTS)
    assert rehearsals.take_next() is None
    second.refresh_from_db()
    assert second.status == Rehearsal.Status.FAILED


@pytest.mark.django_db
def test_only_what_is_ready_is_rehearsed(owner_api, owner_client, organization, senders) -> None:
    campaign = make_campaign(organization, senders, 2)
    assert owner_api.get(f"/api/campaigns/{campaign.pk}/rehearsal").status_code == 404
    services.start_batch(batch=campaign.batch)
    answer = owner_api.post(f"/api/campaigns/{campaign.pk}/rehearse")
    assert answer.status_code == 409
    assert "running" in answer.json()["detail"]
    page = owner_client.get(f"/o/{organization.slug}/campaigns/{campaign.pk}/rehearsal")
    assert "Only a campaign that is ready or scheduled" in page.content.decode()
