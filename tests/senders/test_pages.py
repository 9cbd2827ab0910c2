import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils.timezone import now

from senders import linking, quota
from senders.models import Sender, SenderStatus
from session_service.providers.simulated import network
from tests.factories import make_sender

pytestmark = pytest.mark.django_db


def page(name: str, *arguments: int) -> str:
    return reverse(name, args=["nusantara", *arguments])


def show(response) -> str:
    """The text of a page as a person reads it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def test_the_empty_list_teaches_the_next_step(owner_client, teammate_client):
    assert "Add a sender" in show(owner_client.get(page("senders:list")))
    text = show(teammate_client.get(page("senders:list")))
    assert "No senders yet" in text
    assert "Add a sender" not in text


def test_the_list_shows_status_number_and_use_of_the_quota(owner_client, organization, other_organization):
    first = make_sender(organization, name="Sales", phone_number="+628110000001", quota_per_day=1500)
    make_sender(other_organization, name="Secret")
    quota.spend({first.pk: 1200})
    text = show(owner_client.get(page("senders:list")))
    assert "Sales" in text
    assert "+628110000001" in text
    assert "Connected" in text
    assert "1,200 of 1,500" in text
    assert "Secret" not in text
    part = owner_client.get(page("senders:list"), headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert "1,200 of 1,500" in show(part)


def test_adding_a_sender_connects_it_at_once(owner_client, organization):
    response = owner_client.post(
        page("senders:new"),
        {
            "name": "Sales",
            "provider": "simulated",
            "phone_number": "0811 000 0002",
            "quota_per_minute": "",
            "quota_per_hour": 30,
        },
    )
    sender = Sender.objects.get()
    assert response.headers["Location"] == page("senders:detail", sender.pk)
    assert (sender.organization, sender.phone_number, sender.wanted) == (organization, "+628110000002", True)
    assert (sender.quota_per_minute, sender.quota_per_hour, sender.quota_per_day) == (None, 30, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "Sales"}, "Another sender has this name already"),
        ({"phone_number": "12"}, "not a possible mobile number"),
        ({"phone_number": "+628110000001"}, "Another sender already uses this number"),
        ({"quota_per_hour": "0"}, "Write 1 or more"),
        ({"quota_per_hour": "many"}, "Enter a whole number"),
        ({"provider": "pigeon"}, "Select a valid choice"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(owner_client, organization, wrong, said):
    make_sender(organization, name="Sales", phone_number="+628110000001")
    response = owner_client.post(page("senders:new"), {"name": "Support", "provider": "simulated", **wrong})
    assert response.status_code == 422
    assert said in show(response)
    assert Sender.objects.count() == 1


def test_editing(owner_client, sender):
    response = owner_client.post(page("senders:edit", sender.pk), {"name": "Support", "quota_per_day": 5})
    assert response.headers["Location"] == page("senders:detail", sender.pk)
    sender.refresh_from_db()
    assert (sender.name, sender.quota_per_day, sender.status) == ("Support", 5, "disconnected")


def test_a_refused_edit_keeps_the_name_in_the_heading(owner_client, organization, sender):
    make_sender(organization, name="Taken")
    response = owner_client.post(page("senders:edit", sender.pk), {"name": "Taken"})
    assert response.status_code == 422
    assert "Edit Sales" in response.content.decode()


def test_the_code_is_shown_to_those_who_may_link_a_phone(owner_client, teammate_client, sender):
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.SCAN, wanted=True)
    assert "Waiting for the next QR code" in show(owner_client.get(page("senders:detail", sender.pk)))
    linking.show_qr(sender.pk, "2@code", 20)
    shown = owner_client.get(page("senders:live", sender.pk)).content.decode()
    assert "QR code to link a phone" in shown
    assert "<path" in shown
    assert "Scan with the demo phone" in shown
    seen_by_viewer = teammate_client.get(page("senders:detail", sender.pk)).content.decode()
    assert "QR code to link a phone" not in seen_by_viewer
    assert "somebody who may manage senders" in seen_by_viewer


@pytest.mark.parametrize("status", SenderStatus.values)
def test_every_state_says_what_to_do(owner_client, owner_api, sender, status):
    """On the page, in the list, and in the API."""
    Sender.objects.filter(pk=sender.pk).update(status=status, wanted=True, status_detail="Because of the rain")
    text = show(owner_client.get(page("senders:detail", sender.pk)))
    assert str(SenderStatus(status).label) in text
    assert "Because of the rain" in text
    said = owner_api.get(f"/api/senders/{sender.pk}").json()["what_to_do"]
    assert len(said) > 20
    listed = show(owner_client.get(page("senders:list")))
    assert (said in unescape(listed)) == (status != SenderStatus.CONNECTED)


def test_the_next_try_is_told_with_its_time(owner_client, sender):
    at = datetime(2025, 11, 21, 7, 30, 15, tzinfo=UTC)
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.RECONNECTING, wanted=True, next_try_at=at)
    for address in (page("senders:detail", sender.pk), page("senders:list")):
        assert "Next try: 14:30:15 WIB" in show(owner_client.get(address))


def test_a_connection_that_takes_long_says_what_may_be_wrong(owner_client, sender):
    Sender.objects.filter(pk=sender.pk).update(
        status=SenderStatus.CONNECTING, wanted=True, status_at=now() - timedelta(seconds=30)
    )
    assert "Is the session service running" in show(owner_client.get(page("senders:detail", sender.pk)))


def test_a_pairing_code_is_asked_for_and_shown_to_those_who_may_link(owner_client, teammate_client, sender):
    asked = owner_client.post(page("senders:pair", sender.pk), {"pairing_number": "0811 000 0009"})
    assert asked.headers["Location"] == page("senders:detail", sender.pk)
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.SCAN)
    assert "Waiting for the pairing code" in show(owner_client.get(page("senders:detail", sender.pk)))
    linking.show_pairing_code(sender.pk, "ABCD1234", 60)
    assert "ABCD-1234" in show(owner_client.get(page("senders:live", sender.pk)))
    assert "ABCD-1234" not in show(teammate_client.get(page("senders:live", sender.pk)))
    assert teammate_client.get(page("senders:pair", sender.pk)).status_code == 403
    Sender.objects.filter(pk=sender.pk).update(is_linked=True)
    refused = owner_client.post(page("senders:pair", sender.pk), {"pairing_number": "0811 000 0009"})
    assert refused.status_code == 422
    assert "Log it out first" in show(refused)


def test_logging_out(owner_client, teammate_client, sender):
    assert "Log out?" not in show(owner_client.get(page("senders:detail", sender.pk)))
    Sender.objects.filter(pk=sender.pk).update(is_linked=True)
    assert teammate_client.post(page("senders:log-out", sender.pk)).status_code == 403
    answer = owner_client.post(page("senders:log-out", sender.pk), headers={"HX-Request": "true"})
    assert "It is being unlinked from the phone." in show(answer)
    assert "Logging out" in show(answer)
    assert "Logging out" in show(owner_client.get(page("senders:list")))


def test_each_provider_says_what_choosing_it_means(owner_client):
    text = show(owner_client.get(page("senders:new")))
    assert "No real phone is needed" in text
    assert "does not officially allow it" in text


def test_connecting_and_disconnecting_by_htmx_and_without(owner_client, sender):
    response = owner_client.post(page("senders:connect", sender.pk), headers={"HX-Request": "true"})
    assert "Connecting" in show(response)
    assert "<html" not in response.content.decode()
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.CONNECTED)
    response = owner_client.post(page("senders:disconnect", sender.pk))
    assert response.headers["Location"] == page("senders:detail", sender.pk)
    text = show(owner_client.get(page("senders:detail", sender.pk)))
    assert "Disconnecting" in text
    assert "Delete" not in text


def test_deleting(owner_client, organization, sender):
    assert "Delete" in show(owner_client.get(page("senders:detail", sender.pk)))
    assert owner_client.post(page("senders:delete", sender.pk)).headers["Location"] == page("senders:list")
    assert not Sender.objects.exists()

    connected = make_sender(organization)
    response = owner_client.post(page("senders:delete", connected.pk), follow=True)
    assert "Disconnect “" in show(response)
    assert Sender.objects.filter(pk=connected.pk).exists()


def test_pausing_and_letting_it_send_again(owner_client, teammate_client, organization):
    sender = make_sender(organization)
    text = show(owner_client.post(page("senders:pause", sender.pk), headers={"HX-Request": "true"}))
    assert "Olivia Owner paused it." in text
    assert "Let it send again" in text
    assert "Pause sending" not in text
    assert "Paused" in show(owner_client.get(page("senders:list")))
    seen_by_viewer = show(teammate_client.get(page("senders:detail", sender.pk)))
    assert "Olivia Owner paused it." in seen_by_viewer
    assert "Let it send again" not in seen_by_viewer
    assert "Pause sending" in show(
        owner_client.post(page("senders:resume", sender.pk), headers={"HX-Request": "true"})
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"resting_until": timedelta(minutes=3)}, "It rests after several failures in a row."),
        ({"health": 10}, "It is in bad health and sends nothing."),
        ({"first_contacts_held_until": timedelta(hours=3)}, "WhatsApp limits new chats of this number."),
    ],
)
def test_what_holds_a_connected_sender_back_is_said(owner_client, organization, fields, said):
    """A duration stands for a moment that far from now."""
    in_time = {name: now() + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    held = make_sender(organization, **in_time)
    free = make_sender(organization, resting_until=now(), health=50, first_contacts_held_until=now())
    assert said in show(owner_client.get(page("senders:detail", held.pk)))
    assert said not in show(owner_client.get(page("senders:detail", free.pk)))


@pytest.mark.parametrize("name", ["connect", "disconnect", "pause", "resume", "delete"])
def test_a_viewer_changes_nothing(teammate_client, sender, name):
    assert teammate_client.post(page(f"senders:{name}", sender.pk)).status_code == 403
    assert owner_sees(sender) == ("Sales", False)


def owner_sees(sender: Sender) -> tuple[str, bool]:
    found = Sender.objects.get(pk=sender.pk)
    return found.name, found.wanted


def test_the_demo_phone_without_a_code_says_what_is_missing(owner_client, sender):
    response = owner_client.post(page("sessions:scan", sender.pk))
    assert response.headers["Location"] == page("senders:detail", sender.pk)
    [message] = get_messages(response.wsgi_request)
    assert "Connect it first" in str(message)


def test_the_demo_phone_scans_for_those_who_may_link(
    owner_client, teammate_client, outsider_client, sender, monkeypatch
):
    scanned = []

    def scan(*, sender_id: int) -> str:
        scanned.append(sender_id)
        return "+628110000009"

    monkeypatch.setattr(network, "scan", scan)
    assert teammate_client.post(page("sessions:scan", sender.pk)).status_code == 403
    assert outsider_client.post(page("sessions:scan", sender.pk)).status_code == 404
    assert scanned == []
    response = owner_client.post(page("sessions:scan", sender.pk), headers={"HX-Request": "true"})
    assert response.status_code == 204
    assert "+628110000009 is linked" in response.headers["HX-Trigger"]
    assert scanned == [sender.pk]
