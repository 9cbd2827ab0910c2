"""Consent, erasure and the export of one person by REST and on pages."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Organization, Role
from accounts.services import add_member
from contacts import consent, erasure
from contacts.models import BlocklistEntry, Consent, Contact, ErasedNumber, Erasure, OptOutEvent
from contacts.opt_outs import record_events
from messaging import ledger, media, people
from messaging.events import Inbound, ReceivedMedia
from messaging.models import Message
from tests.factories import make_sender
from tests.fixtures_people import api_client, make_person, signed_in

pytestmark = pytest.mark.django_db
ANA, BUDI = "+628111000001", "+628111000002"


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


# -- Consent --


def test_consent_is_written_in_bulk_and_what_is_wrong_is_told_row_by_row(
    owner_api: APIClient, organization: Organization
) -> None:
    rows = [
        {"phone_number": "0811-1000-001", "source": "Fair", "evidence": "signed"},
        {"phone_number": "12"},
        {"phone_number": BUDI, "given": False, "at": "2026-01-02T03:04:05Z"},
        {"phone_number": BUDI, "at": "2999-01-01T00:00:00Z"},
    ]
    answer = owner_api.post("/api/consents", {"consents": rows})
    assert answer.status_code == 200
    assert answer.json()["changed"] == 2
    assert [(row["index"], list(row["errors"])) for row in answer.json()["refused"]] == [
        (1, ["phone_number"]),
        (3, ["at"]),
    ]
    assert consent.given_among(organization, [ANA, BUDI]) == {ANA: True, BUDI: False}
    assert Consent.objects.get(phone_number=BUDI).source == "API: Tests"
    listed = owner_api.get("/api/consents", {"given": "false"}).json()["results"]
    assert [(row["phone_number"], row["at"]) for row in listed] == [(BUDI, "2026-01-02T03:04:05Z")]


def test_one_persons_consent_is_read_and_withdrawn(owner_api: APIClient, organization: Organization) -> None:
    assert owner_api.get(f"/api/consents/{ANA}").status_code == 404
    consent.say(organization=organization, phone_number=ANA, is_given=True, source="Fair")
    assert owner_api.delete(f"/api/consents/{ANA}").status_code == 204
    found = owner_api.get(f"/api/consents/{ANA}").json()
    assert found["current"]["given"] is False
    assert [(change["given"], change["source"]) for change in found["history"]] == [
        (False, "API: Tests"),
        (True, "Fair"),
    ]


@pytest.mark.parametrize("body", [{}, {"consents": []}, {"consents": "x"}, [], {"consents": [{}] * 1001}])
def test_a_body_without_entries_is_refused(owner_api: APIClient, organization: Organization, body: Any) -> None:
    assert owner_api.post("/api/consents", body).status_code == 400


def test_who_says_stop_takes_consent_back_and_who_returns_gives_it(organization: Organization) -> None:
    consent.say(organization=organization, phone_number=ANA, is_given=True)
    for kind, given in (("opted_out", False), ("opted_in", True)):
        record_events(
            [
                OptOutEvent(
                    organization=organization, kind=kind, phone_number=ANA, text="stop!", asked_by="keyword", at=now()
                )
            ]
        )
        row = Consent.objects.get()
        assert (row.is_given, row.evidence, row.source) == (given, "stop!", "Their own message")


# -- The page of a person --


@pytest.fixture
def contact(organization: Organization) -> Contact:
    return Contact.objects.create(organization=organization, phone_number=ANA, name="Ana <b>")


def page(name: str, contact: Contact) -> str:
    return reverse(f"contacts:{name}", args=[contact.organization.slug, contact.pk])


def test_the_page_shows_and_changes_consent(owner_client: Client, contact: Contact) -> None:
    assert "Never said" in owner_client.get(page("person_privacy", contact)).content.decode()
    given = {"is_given": "yes", "source": "Fair 2026", "evidence": "Form 12", "at": ""}
    assert owner_client.post(page("change_consent", contact), given).status_code == 302
    shown = owner_client.get(page("person_privacy", contact)).content.decode()
    assert "Agreed" in shown
    assert "Fair 2026" in shown
    assert "Ana &lt;b&gt;" in shown
    assert owner_client.post(page("change_consent", contact), {**given, "at": "2999-01-01"}).status_code == 422
    assert owner_client.post(page("change_consent", contact), {"is_given": "yes"}).status_code == 422


def test_only_who_manages_the_organization_exports_and_erases(organization: Organization, contact: Contact) -> None:
    marketer = make_person("marketer@example.com", "Mia Marketer")
    add_member(organization=organization, user=marketer, role=Role.MARKETER)
    client = signed_in(marketer)
    shown = client.get(page("person_privacy", contact)).content.decode()
    assert "Erase" not in shown
    assert client.get(page("export_person", contact)).status_code == 403
    assert client.post(page("erase_person", contact)).status_code == 403
    api = api_client(organization, "contacts.view", "contacts.manage")
    assert api.get(f"/api/person-export/{ANA}").status_code == 403
    assert api.post("/api/erasures", {"phone_number": ANA}).status_code == 403
    assert not Erasure.objects.exists()


# -- The export --


def test_everything_about_a_person_comes_in_one_file(
    owner_api: APIClient, owner_client: Client, organization: Organization, contact: Contact
) -> None:
    sender = make_sender(organization)
    kept = media.store(
        organization_id=organization.pk, file=io.BytesIO(b"picture"), mime_type="image/png", file_name="../me.png"
    )
    picture = ReceivedMedia(path="", mime_type="image/png", file_name="me.png", size=7, media_id=kept.pk)
    said = [
        Inbound(sender.pk, ANA, "IN1", "Halo <script>", now(), lid="199", kind="image", media=picture),
        Inbound(sender.pk, "", "IN2", "by LID", now(), lid="199"),
        Inbound(sender.pk, BUDI, "IN3", "not mine", now()),
    ]
    ledger.record(said)
    people.learn_from(said)
    consent.say(organization=organization, phone_number=ANA, is_given=True, source="Fair")

    for answer in (
        owner_api.get("/api/person-export/0811-1000-001"),
        owner_client.get(page("export_person", contact)),
    ):
        assert answer.status_code == 200
        archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
        assert archive.testzip() is None
        first = Message.objects.get(whatsapp_id="IN1").pk
        assert archive.namelist() == ["data.json", "person.html", f"files/{first}-.._me.png"]
        data = json.loads(archive.read("data.json"))
        assert data["phone_numbers"] == [ANA]
        assert data["lids"] == ["199"]
        assert [row["text"] for row in data["tables"]["messages"]] == ["Halo <script>", "by LID"]
        assert data["tables"]["consent"][0]["source"] == "Fair"
        assert archive.read(f"files/{first}-.._me.png") == b"picture"
        html = archive.read("person.html").decode()
        assert "Halo &lt;script&gt;" in html
        assert "<script>" not in html
        assert "not mine" not in html
    assert AuditEntry.objects.filter(action="contacts.person_exported").count() == 2
    assert ANA not in str(list(AuditEntry.objects.values_list("target", "detail")))


# -- The erasure --


def test_an_erasure_by_rest_says_how_far_it_is(
    owner_api: APIClient, organization: Organization, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = owner_api.post("/api/erasures", {"phone_number": "0811-1000-001"})
    assert asked.status_code == 202
    assert asked.json()["status"] == "waiting"
    number = asked.json()["id"]
    erasure.run(erasure_id=number)
    assert owner_api.get(f"/api/erasures/{number}").json()["status"] == "removing", "a last look follows"
    monkeypatch.setattr(erasure, "LAST_LOOK_AFTER", timedelta(0))
    erasure.run(erasure_id=number)
    found = owner_api.get(f"/api/erasures/{number}").json()
    assert (found["status"], found["waits_for"]) == ("done", "")
    assert found["removed"]["contacts"] >= 1
    assert ANA not in str(found)
    assert not Contact.objects.exists()
    assert len(owner_api.get("/api/erasures").json()["results"]) == 1


@pytest.mark.parametrize("body", [{}, {"phone_number": "12"}, {"phone_number": ANA, "contact": 1}])
def test_an_erasure_of_nobody_is_refused(owner_api: APIClient, organization: Organization, body: Any) -> None:
    assert owner_api.post("/api/erasures", body).status_code == 400
    assert not Erasure.objects.exists()


def test_a_person_is_erased_from_their_page(
    owner_client: Client, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "LAST_LOOK_AFTER", timedelta(0))
    answer = owner_client.post(page("erase_person", contact), {"may_return": "on"})
    assert answer.status_code == 302
    [number] = erasure.unfinished()
    shown = owner_client.get(answer["Location"]).content.decode()
    assert "Waiting" in shown
    assert ANA not in shown
    erasure.run(erasure_id=number)
    assert "Done" in owner_client.get(answer["Location"]).content.decode()
    assert not ErasedNumber.objects.exists()
    assert not BlocklistEntry.objects.exists()
