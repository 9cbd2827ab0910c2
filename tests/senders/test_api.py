import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from senders import linking, quota
from senders.models import Sender, SenderStatus
from tests.factories import make_sender
from tests.fixtures_people import api_client

pytestmark = pytest.mark.django_db


def test_creating_connecting_and_reading_a_sender(owner_api, organization):
    created = owner_api.post(
        "/api/senders", {"name": "Sales", "provider": "simulated", "phone_number": "08110000001", "quota_per_day": 50}
    )
    assert created.status_code == 201
    sender = Sender.objects.get()
    assert created.json() == owner_api.get(f"/api/senders/{sender.pk}").json()
    assert created.json()["phone_number"] == "+628110000001"
    assert created.json()["status"] == "disconnected"
    assert (created.json()["quota_per_day"], created.json()["quota_per_minute"]) == (50, 20)
    assert sender.organization == organization

    connected = owner_api.post(f"/api/senders/{sender.pk}/connect")
    assert connected.status_code == 202
    assert (connected.json()["status"], connected.json()["wanted"]) == ("connecting", True)
    assert AuditEntry.objects.get(action="sender.connect").api_key is not None
    disconnected = owner_api.post(f"/api/senders/{sender.pk}/disconnect")
    assert (disconnected.status_code, disconnected.json()["wanted"]) == (202, False)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "name"),
        ({"name": "Sales"}, "name"),
        ({"name": "Support", "provider": "pigeon"}, "provider"),
        ({"name": "Support", "phone_number": "12"}, "phone_number"),
        ({"name": "Support", "phone_number": "+628110000001"}, "phone_number"),
        ({"name": "Support", "quota_per_minute": 0}, "quota_per_minute"),
        ({"name": "Support", "quota_per_minute": "many"}, "quota_per_minute"),
    ],
)
def test_a_wrong_field_is_named(owner_api, organization, given, field):
    make_sender(organization, name="Sales", phone_number="+628110000001")
    answer = owner_api.post("/api/senders", given)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert Sender.objects.count() == 1


def test_the_list_holds_the_own_senders_with_their_use(
    owner_api, organization, other_organization, django_assert_max_num_queries
):
    senders = [make_sender(organization) for _ in range(3)]
    make_sender(other_organization)
    quota.spend({senders[1].pk: 4})
    with django_assert_max_num_queries(6):
        answer = owner_api.get("/api/senders").json()
    assert {found["id"]: found["used"]["hour"] for found in answer["results"]} == {
        senders[0].pk: 0,
        senders[1].pk: 4,
        senders[2].pk: 0,
    }


def test_changing_name_and_quotas(owner_api, sender):
    answer = owner_api.patch(f"/api/senders/{sender.pk}", {"quota_per_hour": 7})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["quota_per_hour"]) == ("Sales", 7)
    assert owner_api.patch(f"/api/senders/{sender.pk}", {"quota_per_hour": None}).json()["quota_per_hour"] is None
    assert owner_api.patch(f"/api/senders/{sender.pk}", {"name": ""}).status_code == 400
    assert owner_api.patch(f"/api/senders/{sender.pk}", {"status": "connected"}).json()["status"] == "disconnected"


def test_pausing_and_resuming(owner_api, organization):
    sender = make_sender(organization, health=10)
    paused = owner_api.post(f"/api/senders/{sender.pk}/pause")
    assert paused.status_code == 200
    assert (
        paused.json()["paused_reason"]
        == "Tests (" + AuditEntry.objects.get(action="sender.paused").api_key.prefix + "…) paused it."
    )
    assert paused.json()["paused_at"] is not None
    assert paused.json()["health"] == 10
    resumed = owner_api.post(f"/api/senders/{sender.pk}/resume").json()
    assert (resumed["paused_at"], resumed["paused_reason"], resumed["health"]) == (None, "", 50)


def test_deleting_needs_a_disconnected_sender(owner_api, organization, sender):
    assert owner_api.delete(f"/api/senders/{sender.pk}").status_code == 204
    connected = make_sender(organization)
    answer = owner_api.delete(f"/api/senders/{connected.pk}")
    assert answer.status_code == 409
    assert "Disconnect" in answer.json()["detail"]
    assert list(Sender.objects.all()) == [connected]


class TestPairingCode:
    def test_is_asked_for_with_a_number_and_shown_while_it_waits(self, owner_api, sender):
        address = f"/api/senders/{sender.pk}"
        answer = owner_api.post(f"{address}/connect", {"pairing_number": "0811 000 0009"})
        assert (answer.status_code, answer.json()["pairing_number"]) == (202, "+628110000009")
        assert "not ready yet" in owner_api.get(f"{address}/pairing-code").json()["detail"]
        Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.SCAN)
        linking.show_pairing_code(sender.pk, "abcd-1234", 60)
        shown = owner_api.get(f"{address}/pairing-code")
        assert (shown.json()["code"], shown.json()["phone_number"]) == ("ABCD1234", "+628110000009")
        assert shown.headers["Cache-Control"] == "no-store"
        assert "shows a pairing code" in owner_api.get(f"{address}/qr").json()["detail"]

    def test_a_wrong_number_is_named(self, owner_api, organization, sender):
        taken = make_sender(organization)
        for number in ("12", taken.phone_number):
            answer = owner_api.post(f"/api/senders/{sender.pk}/connect", {"pairing_number": number})
            assert (answer.status_code, list(answer.json())) == (400, ["pairing_number"])
        Sender.objects.filter(pk=sender.pk).update(is_linked=True)
        answer = owner_api.post(f"/api/senders/{sender.pk}/connect", {"pairing_number": "+628110000009"})
        assert (answer.status_code, "Log it out first" in answer.json()["detail"]) == (409, True)

    def test_takes_the_right_to_link_a_phone(self, organization, outsider_api, owner_api, sender):
        address = f"/api/senders/{sender.pk}/pairing-code"
        assert api_client(organization, "senders.view").get(address).status_code == 403
        assert outsider_api.get(address).status_code == 404
        assert "Connect it with the number" in owner_api.get(address).json()["detail"]


def test_logging_out(organization, owner_api, outsider_api, sender):
    address = f"/api/senders/{sender.pk}/logout"
    assert owner_api.post(address).status_code == 409
    Sender.objects.filter(pk=sender.pk).update(is_linked=True)
    assert api_client(organization, "senders.view").post(address).status_code == 403
    assert outsider_api.post(address).status_code == 404
    assert owner_api.post(address).status_code == 202
    assert Sender.objects.get().logging_out


class TestQrCode:
    @pytest.fixture
    def scanning(self, sender: Sender) -> str:
        Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.SCAN, wanted=True)
        linking.show_qr(sender.pk, "2@code", 20)
        return f"/api/senders/{sender.pk}/qr"

    def test_as_text(self, owner_api, scanning):
        answer = owner_api.get(scanning)
        assert (answer.status_code, answer.json()["text"]) == (200, "2@code")
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        ("form", "media_type", "begins"), [("png", "image/png", b"\x89PNG"), ("svg", "image/svg+xml", b"<svg")]
    )
    def test_as_a_picture(self, owner_api, scanning, form, media_type, begins):
        for answer in (
            owner_api.get(f"{scanning}?format={form}"),
            owner_api.get(scanning, headers={"Accept": media_type}),
        ):
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith(media_type)
            assert answer.content.startswith(begins)

    @pytest.mark.parametrize(
        ("status", "wanted", "said"),
        [
            ("disconnected", False, "Connect it first"),
            ("connecting", True, "Try again in a second"),
            ("connected", True, "linked already"),
        ],
    )
    def test_where_there_is_none(self, owner_api, scanning, sender, status, wanted, said):
        Sender.objects.filter(pk=sender.pk).update(status=status, wanted=wanted)
        for address in (scanning, f"{scanning}?format=png"):
            answer = owner_api.get(address)
            assert answer.status_code == 409
            assert said in answer.json()["detail"]

    def test_as_plain_text(self, owner_api, scanning):
        for answer in (
            owner_api.get(f"{scanning}?format=text"),
            owner_api.get(scanning, headers={"Accept": "text/plain"}),
        ):
            assert (answer.status_code, answer.content) == (200, b"2@code")
            assert answer.headers["Content-Type"].startswith("text/plain")

    def test_takes_the_right_to_link_a_phone(self, organization, outsider_api, scanning):
        assert api_client(organization, "senders.view").get(scanning).status_code == 403
        assert outsider_api.get(f"{scanning}?format=png").status_code == 404
        assert APIClient().get(f"{scanning}?format=svg").status_code == 401


def test_reading_does_not_allow_changing(organization, sender):
    reader = api_client(organization, "senders.view")
    assert reader.get(f"/api/senders/{sender.pk}").status_code == 200
    assert reader.post("/api/senders", {"name": "Support"}).status_code == 403
    assert reader.patch(f"/api/senders/{sender.pk}", {"name": "Support"}).status_code == 403
    assert reader.delete(f"/api/senders/{sender.pk}").status_code == 403
    for action in ("connect", "disconnect", "pause", "resume"):
        assert reader.post(f"/api/senders/{sender.pk}/{action}").status_code == 403
    assert Sender.objects.get().name == "Sales"
