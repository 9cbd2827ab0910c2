"""Senders in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEntry, Organization, User
from senders import quota
from senders.admin import state_of_sending
from senders.models import Sender, SenderStatus
from tests.factories import make_sender


@pytest.fixture
def staff(owner_client: Client, owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    return owner_client


def new_sender(organization: Organization, **values: Any) -> dict[str, Any]:
    return {
        "organization": organization.pk,
        "name": "Sales",
        "provider": "simulated",
        "phone_number": "081234567890",
        "quota_per_minute": "",
        "quota_per_hour": "100",
        "quota_per_day": "500",
        **values,
    }


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> Any:
    assert response.status_code == 200, "the form was accepted"
    return response.context["adminform"].form.errors


def test_a_sender_is_made_with_its_limits(staff: Client, owner: User, organization: Organization) -> None:
    staff.post(reverse("admin:senders_sender_add"), new_sender(organization))
    made = Sender.objects.get()
    assert (made.name, made.phone_number, made.organization) == ("Sales", "+6281234567890", organization)
    assert (made.quota_per_minute, made.quota_per_hour, made.quota_per_day) == (None, 100, 500)
    assert AuditEntry.objects.get(action="sender.created").user == owner


@pytest.mark.parametrize(
    ("values", "field"), [({"quota_per_hour": "0"}, "quota_per_hour"), ({"name": "Taken"}, "name")]
)
def test_what_the_service_refuses_stands_at_its_field(
    staff: Client, organization: Organization, values: dict[str, str], field: str
) -> None:
    make_sender(organization, name="Taken")
    response = staff.post(reverse("admin:senders_sender_add"), new_sender(organization, **values))
    assert list(errors(response)) == [field]
    assert Sender.objects.count() == 1


def test_changing_limits_and_nothing_else(staff: Client, organization: Organization) -> None:
    sender = make_sender(organization, name="Sales", phone_number="+6281100000001")
    change = reverse("admin:senders_sender_change", args=[sender.pk])
    staff.post(
        change, {"name": "Sales", "quota_per_day": "7", "status": "banned", "phone_number": "+628", "wanted": ""}
    )
    sender.refresh_from_db()
    assert sender.quota_per_day == 7
    assert (sender.status, sender.phone_number, sender.wanted) == (SenderStatus.CONNECTED, "+6281100000001", True)
    assert list(AuditEntry.objects.get(action="sender.changed").detail["changes"]) == ["quota_per_day"]


def test_connecting_several_from_the_list(staff: Client, organization: Organization) -> None:
    senders = [make_sender(organization, wanted=False, status=SenderStatus.DISCONNECTED) for _ in range(2)]
    ticked = {"action": "connect_selected", ACTION_CHECKBOX_NAME: [each.pk for each in senders], "index": 0}
    response = staff.post(reverse("admin:senders_sender_changelist"), ticked)
    assert said(response) == ["2 senders are connecting."]
    assert set(Sender.objects.values_list("wanted", "status")) == {(True, SenderStatus.CONNECTING)}


def test_disconnecting_from_its_page(staff: Client, organization: Organization) -> None:
    sender = make_sender(organization)
    page = reverse("admin:senders_sender_disconnect_one", args=[sender.pk])
    dialog = staff.get(page, headers={"HX-Request": "true"})
    assert "The phone stays linked" in dialog.content.decode()
    sender.refresh_from_db()
    assert sender.wanted
    response = staff.post(page, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == reverse("admin:senders_sender_change", args=[sender.pk])
    sender.refresh_from_db()
    assert not sender.wanted


def test_the_page_offers_what_makes_sense(staff: Client, organization: Organization) -> None:
    sender = make_sender(organization)
    page = staff.get(reverse("admin:senders_sender_change", args=[sender.pk]))
    assert [action["title"] for action in page.context["actions_detail"]] == ["Pause", "Disconnect"]


def test_the_list_shows_todays_use(staff: Client, organization: Organization) -> None:
    sender = make_sender(organization, quota_per_day=1500)
    quota.spend({sender.pk: 1200})
    assert "1,200 of 1,500" in staff.get(reverse("admin:senders_sender_changelist")).content.decode()


def test_pausing_and_resuming(staff: Client, owner: User, organization: Organization) -> None:
    sender = make_sender(organization)
    staff.post(reverse("admin:senders_sender_pause_one", args=[sender.pk]))
    paused = Sender.objects.get()
    assert (state_of_sending(paused), str(owner) in paused.paused_reason) == ("paused", True)
    staff.post(reverse("admin:senders_sender_resume_one", args=[sender.pk]))
    assert state_of_sending(Sender.objects.get()) == "sends"


def test_what_holds_a_sender_back(organization: Organization) -> None:
    sender = make_sender(organization, resting_until=now() + timedelta(minutes=1))
    assert state_of_sending(sender) == "rests"
    sender.resting_until = now() - timedelta(minutes=1)
    assert state_of_sending(sender) == "sends"
    sender.status = SenderStatus.BANNED
    assert state_of_sending(sender) == "not_connected"
