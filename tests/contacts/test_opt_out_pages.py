"""The pages and the API of the blocklist and of the words that people opt out with."""

import warnings
from datetime import UTC, datetime

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Organization
from contacts import blocklist, opt_out_settings
from contacts.models import BlocklistEntry, ContactSettings
from contacts.opt_out_words import Kind, default_words
from contacts.queries import settings_of
from tests.factories import phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(organization: Organization) -> str:
    return f"/o/{organization.slug}/contacts"


@pytest.fixture
def stopped(organization: Organization) -> BlocklistEntry:
    return BlocklistEntry.objects.create(
        organization=organization,
        phone_number=phone_number(0),
        reason="opted_out",
        asked_by="keyword",
        source="Wrote to Sender A",
        evidence_text="=stop!",
        evidence_id="3EB0ABC",
        evidence_at=datetime(2026, 3, 1, 8, tzinfo=UTC),
    )


class TestPage:
    def test_many_numbers_are_pasted(self, owner_client: Client, at: str) -> None:
        blocklist_at = f"{at}/blocklist/add"
        pasted = "0812 0000 0001, +62 812-0000-0002\n\n0812 0000 0003;081200000001\t(021) 5550 0123"
        said = owner_client.post(blocklist_at, {"numbers": pasted, "reason": "blocked"}, follow=True).text
        assert "4 numbers are blocked from now on." in said
        again = {"numbers": "0812 0000 0003\n0812 0000 0004", "reason": "blocked"}
        said = owner_client.post(blocklist_at, again, follow=True).text
        assert "1 number is blocked from now on. 1 was blocked already." in said

    def test_one_bad_number_and_none_is_blocked(self, owner_client: Client, at: str) -> None:
        response = owner_client.post(
            f"{at}/blocklist/add", {"numbers": "0812 0000 0001\nBudi\n12", "reason": "blocked"}
        )
        assert response.status_code == 422
        assert "“Budi”, “12” are no phone numbers." in response.text
        assert "0812 0000 0001" in response.text
        assert not BlocklistEntry.objects.exists()

    def test_the_proof_is_shown_and_found(self, owner_client: Client, at: str, stopped: BlocklistEntry) -> None:
        blocklist.block(organization=stopped.organization, phone_number=phone_number(1), source="Ayu")
        for search in ("8120000001", "sender a", "STOP!"):
            page = owner_client.get(f"{at}/blocklist", {"search": search}).text
            assert "“=stop!”" in page
            assert "3EB0ABC" in page
            assert phone_number(1) not in page
        assert phone_number(1) not in owner_client.get(f"{at}/blocklist", {"reason": "opted_out"}).text
        assert "Not on the blocklist" in owner_client.get(f"{at}/blocklist", {"search": "nobody"}).text

    def test_removing_who_asked_for_it_warns(self, owner_client: Client, at: str, stopped: BlocklistEntry) -> None:
        assert f"{phone_number(0)} asked not to be messaged." in owner_client.get(f"{at}/blocklist").text
        BlocklistEntry.objects.create(organization=stopped.organization, lid="123", reason="opted_out")
        said = owner_client.post(f"{at}/blocklist/remove", {"phone_number": "", "lid": "123"}, follow=True).text
        assert "LID 123 may be messaged again" in said

    def test_export(self, owner_client: Client, at: str, stopped: BlocklistEntry) -> None:
        blocklist.block(organization=stopped.organization, phone_number=phone_number(1), source="Ayu")
        response = owner_client.get(f"{at}/blocklist/export.csv", {"reason": "opted_out"})
        assert isinstance(response, StreamingHttpResponse)
        with warnings.catch_warnings(action="ignore"):  # a test's client is no event loop
            lines = b"".join(response).decode("utf-8-sig").splitlines()
        assert len(lines) == 2
        assert lines[1].startswith(f"{phone_number(0)},,opted_out,keyword,Wrote to Sender A,")
        assert ",'=stop!," in lines[1]
        assert AuditEntry.objects.filter(action="contacts.blocklist_exported").exists()


class TestApi:
    def test_many_at_once(self, owner_api: APIClient, stopped: BlocklistEntry) -> None:
        numbers = ["0812 0000 0001", "+6281200000009", "nonsense", "0812-0000-0009"]
        asked = {"numbers": numbers, "reason": "opted_out", "source": "Web"}
        answer = owner_api.post("/api/blocklist", asked, format="json")
        assert answer.status_code == 200
        body = answer.json()
        assert [body[name] for name in ("new", "changed", "known", "invalid")] == [3, 0, 0, 1]
        assert body["results"][2]["phone_number"] is None
        assert "nonsense" in body["results"][2]["error"]
        assert BlocklistEntry.objects.get(phone_number="+6281200000009").asked_by == "api"
        again = owner_api.post("/api/blocklist", {**asked, "reason": "blocked"}, format="json").json()
        assert [again[name] for name in ("new", "changed", "known", "invalid")] == [0, 3, 0, 1]

    @pytest.mark.parametrize(
        "fields", [{}, {"phone_number": "081200000001", "numbers": ["081200000002"]}, {"numbers": []}]
    )
    def test_one_or_many(self, owner_api: APIClient, fields: dict[str, object]) -> None:
        assert owner_api.post("/api/blocklist", fields, format="json").status_code == 400
        assert not BlocklistEntry.objects.exists()

    def test_at_most_a_thousand(self, owner_api: APIClient) -> None:
        numbers = [phone_number(n) for n in range(1001)]
        assert owner_api.post("/api/blocklist", {"numbers": numbers}, format="json").status_code == 400
        assert owner_api.post("/api/blocklist", {"numbers": numbers[:1000]}, format="json").json()["new"] == 1000

    def test_the_proof(self, owner_api: APIClient, stopped: BlocklistEntry) -> None:
        (entry,) = owner_api.get("/api/blocklist?reason=opted_out").json()["results"]
        assert (entry["evidence_text"], entry["evidence_id"], entry["asked_by"]) == ("=stop!", "3EB0ABC", "keyword")
        assert owner_api.get("/api/blocklist?reason=whim").status_code == 400
        BlocklistEntry.objects.create(organization=stopped.organization, lid="123")
        assert owner_api.delete("/api/blocklist/lid:123").status_code == 204
        assert BlocklistEntry.objects.get() == stopped


class TestSettings:
    WANTED = {
        "opt_out_words": "STOP\nSchluss, Aus",
        "opt_in_words": "weiter",
        "language": "de",
        "unsubscribe_text": "",
        "opt_out_reply": "Schade.",
        "opt_in_reply": "",
        "opt_out_rate_days": "14",
    }

    def test_saving_and_resetting(self, owner_client: Client, at: str, organization: Organization) -> None:
        page = owner_client.get(f"{at}/opt-out").text
        assert "BERHENTI" in page
        assert "Balas BERHENTI untuk berhenti berlangganan." in page
        assert "Take the usual words again" not in page
        assert "Saved" in owner_client.post(f"{at}/opt-out", self.WANTED, follow=True).text
        kept = settings_of(organization)
        assert (kept.opt_out_words, kept.opt_in_words) == (["STOP", "Schluss", "Aus"], ["weiter"])
        assert (kept.language, kept.opt_out_reply, kept.opt_out_rate_days) == ("de", "Schade.", 14)
        page = owner_client.get(f"{at}/opt-out").text
        assert "Antworten Sie STOPP, um sich abzumelden." in page
        assert "The usual words count again." in owner_client.post(f"{at}/opt-out/reset", follow=True).text
        kept = settings_of(organization)
        assert (kept.opt_out_words, kept.opt_in_words, kept.opt_out_reply) == (None, None, "Schade.")
        assert AuditEntry.objects.filter(action="contacts.opt_out_changed").count() == 2

    def test_the_usual_words_are_not_kept_as_ones_own(self, organization: Organization) -> None:
        opt_out_settings.change(
            organization=organization,
            opt_out_words=list(reversed(default_words(Kind.OPTED_OUT))),
            opt_in_words=["start"],
            language="",
            opt_out_rate_days=7,
        )
        kept = ContactSettings.objects.get()
        assert (kept.opt_out_words, kept.opt_in_words) == (None, ["start"])

    @pytest.mark.parametrize(
        ("field", "value", "complaint"),
        [
            ("opt_out_words", "Schluss", "STOP has to stay"),
            ("opt_out_words", "stop, ja", "“ja” is an everyday answer"),
            ("opt_in_words", "schluss", "is also a word that opts out"),
            ("opt_out_reply", "Stop!", "itself one of the words"),
            ("opt_out_rate_days", "0", "greater than or equal to 1"),
        ],
    )
    def test_what_is_refused(
        self, owner_client: Client, at: str, organization: Organization, field: str, value: str, complaint: str
    ) -> None:
        response = owner_client.post(f"{at}/opt-out", {**self.WANTED, field: value})
        assert response.status_code == 422
        assert complaint in response.text
        assert not ContactSettings.objects.exists()

    @pytest.mark.parametrize(
        ("message", "told"),
        [
            ("Schluss!!", "This message opts out."),
            ("Weiter 🙏", "This message returns somebody"),
            ("berhenti", "This is an ordinary message"),
            ("", "Write what somebody might write"),
        ],
    )
    def test_trying_a_message(self, owner_client: Client, at: str, message: str, told: str) -> None:
        assert told in owner_client.post(f"{at}/opt-out/preview", {**self.WANTED, "message": message}).text

    def test_viewers_cannot(self, teammate_client: Client, at: str) -> None:
        assert teammate_client.get(f"{at}/opt-out").status_code == 403
        assert "Opt-out</a>" not in teammate_client.get(f"{at}/blocklist").text
