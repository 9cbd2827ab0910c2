"""What web processes ask of sessions: number checks and groups, answered by a worker over Redis."""

from datetime import timedelta

import pytest
import redis
from django.utils.timezone import now
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import Organization
from contacts.models import BlocklistEntry, Contact
from messaging.models import Group, Message
from senders.models import NumberCheck, Sender, SenderStatus
from session_service import number_checks, questions
from session_service.models import SessionLease
from session_service.providers.simulated import network
from session_service.providers.simulated.numbers import lid_of
from tests.factories import make_lease, make_sender
from tests.session_service.running import running_worker, wait_until

HERE, NOWHERE = "+6281234567891", "+6281234560000"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sender(organization: Organization) -> Sender:
    made = make_sender(organization, status=SenderStatus.CONNECTING)
    network.link(made.phone_number, made.pk)
    return made


def connected() -> bool:
    return Sender.objects.filter(status=SenderStatus.CONNECTED).exists()


def check(api: APIClient, *numbers: str, status: int = 200) -> dict:
    response = api.post("/api/numbers/check", {"numbers": numbers}, format="json")
    assert response.status_code == status, response.content
    return response.json()


def test_numbers_are_asked_once_and_teach_the_lid(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    Contact.objects.create(organization=organization, phone_number=HERE)
    with running_worker():
        wait_until(connected, "the sender is connected")
        first = check(owner_api, "0812-3456-7891", NOWHERE)
    assert [(each["phone_number"], each["exists"]) for each in first["results"]] == [(HERE, True), (NOWHERE, False)]
    assert first["retry_after"] is None
    assert Contact.objects.get().lid == lid_of(HERE)
    assert check(owner_api, NOWHERE, HERE)["results"] == first["results"][::-1], "nobody is asked again"


def test_old_answers_do_not_count(owner_api: APIClient, organization: Organization, sender: Sender) -> None:
    NumberCheck.objects.create(
        organization=organization, phone_number=HERE, exists=False, checked_at=now() - timedelta(days=8)
    )
    with running_worker():
        wait_until(connected, "the sender is connected")
        assert check(owner_api, HERE)["results"][0]["exists"] is True


def test_a_sender_asks_slowly(owner_api: APIClient, sender: Sender, settings: Settings) -> None:
    settings.NUMBER_CHECKS_PER_MINUTE = 2
    numbers = [f"+62812345678{index:02}" for index in range(11, 15)]
    with running_worker():
        wait_until(connected, "the sender is connected")
        first = check(owner_api, *numbers)
        again = check(owner_api, *numbers)
    assert [each["exists"] for each in first["results"]] == [True, True, None, None]
    assert again["results"] == first["results"]
    assert 1 <= again["retry_after"] <= 60
    assert NumberCheck.objects.count() == 2


def test_what_was_asked_in_vain_counts_as_asked(
    organization: Organization, sender: Sender, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NUMBER_CHECKS_PER_MINUTE = 1
    Sender.objects.update(status=SenderStatus.CONNECTED)
    with pytest.raises(questions.NotAnswered, match="not connected"):
        number_checks.check(organization=organization, numbers=[HERE])
    answers = number_checks.check(organization=organization, numbers=["+6281234567892"])
    assert answers.found == {}
    assert answers.again_at is not None


def test_bulk_is_refused(owner_api: APIClient) -> None:
    refused = check(owner_api, *[f"+62812345{index:05}" for index in range(51)], status=400)
    assert "At most 50 numbers" in refused["numbers"][0]
    assert check(owner_api, "12", status=400)["numbers"][0].startswith("12:")


def test_without_a_session_the_answer_says_so(owner_api: APIClient, sender: Sender) -> None:
    assert "No sender is connected" in check(owner_api, HERE, status=409)["detail"]


def test_organizations_do_not_share_answers(
    owner_api: APIClient, other_organization: Organization, sender: Sender
) -> None:
    NumberCheck.objects.create(organization=other_organization, phone_number=HERE, exists=True)
    check(owner_api, HERE, status=409)


def test_a_question_that_nobody_takes_runs_out(sender: Sender, redis_client: redis.Redis) -> None:
    make_lease(sender)
    with pytest.raises(questions.NotAnswered, match="in time"):
        questions.ask(sender_id=sender.pk, do="groups", seconds=0.2)
    assert list(redis_client.scan_iter("session:question:*")) == []


def test_a_late_worker_does_not_do_what_nobody_waits_for(sender: Sender) -> None:
    with running_worker() as worker:
        wait_until(connected, "the sender is connected")
        lease = SessionLease.objects.get()
        SessionLease.objects.update(worker=make_lease(make_sender(sender.organization)).worker)
        with pytest.raises(questions.NotAnswered):
            questions.ask(sender_id=sender.pk, do="create_group", seconds=0.2, subject="Late", numbers=[HERE])
        assert worker.id == lease.worker_id
        SessionLease.objects.filter(sender=sender).update(worker=lease.worker)
        assert questions.ask(sender_id=sender.pk, do="groups") == []


def test_an_older_epoch_is_not_answered(sender: Sender) -> None:
    with running_worker():
        wait_until(connected, "the sender is connected")
        SessionLease.objects.update(epoch=99)
        with pytest.raises(questions.NotAnswered, match="not connected"):
            questions.ask(sender_id=sender.pk, do="groups", seconds=5)


def test_a_group_from_its_making_to_a_message(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    with running_worker():
        wait_until(connected, "the sender is connected")
        wanted = {"sender": sender.pk, "subject": "Panitia", "members": [HERE, NOWHERE]}
        made = owner_api.post("/api/groups", wanted, format="json")
        assert made.status_code == 201, made.content
        group = made.json()
        members = owner_api.get(f"/api/groups/{group['id']}/members").json()["members"]
        assert {each["phone_number"] for each in members} == {sender.phone_number, HERE}
        Group.objects.update(subject="old")
        Group.objects.create(organization=organization, sender=sender, whatsapp_id="left@g.us")
        listed = owner_api.get(f"/api/groups?sender={sender.pk}&refresh=true").json()["results"]
        assert [(each["subject"], each["left_at"] is None) for each in listed] == [("", False), ("Panitia", True)]
        network.say(from_number=HERE, to_number=sender.phone_number, text="Hi", group=group["whatsapp_id"])
        wait_until(lambda: Message.objects.filter(direction="in").exists(), "the member's message is stored")
    assert Message.objects.get().group_id == group["id"]
    offline = owner_api.get(f"/api/groups/{group['id']}/members")
    assert offline.json()["members"] == members, "as it was said before"


def test_nobody_on_the_blocklist_comes_into_a_group(
    owner_api: APIClient, organization: Organization, sender: Sender
) -> None:
    BlocklistEntry.objects.create(organization=organization, phone_number=HERE)
    wanted = {"sender": sender.pk, "subject": "Panitia", "members": [HERE]}
    assert "blocklist" in owner_api.post("/api/groups", wanted, format="json").json()["members"][0]


def test_groups_are_not_made_in_bulk(owner_api: APIClient, organization: Organization, sender: Sender) -> None:
    for index in range(10):
        Group.objects.create(organization=organization, sender=sender, whatsapp_id=f"{index}@g.us", created_by_us=True)
    wanted = {"sender": sender.pk, "subject": "Panitia", "members": [HERE]}
    assert "not safe" in owner_api.post("/api/groups", wanted, format="json").json()["sender"][0]


def test_senders_of_others_are_not_asked(outsider_api: APIClient, sender: Sender) -> None:
    for address, fields in (
        ("/api/numbers/check", {"numbers": [HERE]}),
        ("/api/groups", {"subject": "x", "members": [HERE]}),
    ):
        response = outsider_api.post(address, {"sender": sender.pk, **fields}, format="json")
        assert response.json() == {"sender": ["There is no such sender."]}
