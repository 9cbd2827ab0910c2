"""Pages of campaigns, as a marketer and as a viewer see them."""

import pytest
from django.test import Client

from accounts.models import Organization
from campaigns import services
from campaigns.models import Campaign
from contacts import services as contact_services
from messaging import planner
from messaging.models import Message, MessageStatus
from tests.contacts.workbooks import PROTECTED, customers, people, upload, workbook
from tests.factories import make_sender

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def sender(organization):
    return make_sender(organization, name="Billing")


@pytest.fixture
def at(organization: Organization) -> str:
    return f"/o/{organization.slug}/campaigns"


@pytest.fixture
def campaign(organization, sender) -> Campaign:
    return made(organization, customers(), template="Halo {{nama}} <3")


def made(organization, file, **options) -> Campaign:
    campaign = services.create_campaign(
        organization=organization,
        file=file,
        file_name=str(file.name),
        **{"name": "November bills", "template": "Hi {{name}}", **options},
    )
    services.prepare_campaign(campaign_id=campaign.pk)
    return campaign


class TestNew:
    def test_the_story(self, owner_client, at, sender, django_capture_on_commit_callbacks):
        form = {"name": "November", "template": "Hi {{nama}}", "file": customers(), "senders": [sender.pk]}
        response = owner_client.post(f"{at}/new", {**form, "min_delay": "0.5", "max_delay": "2"}, headers=HTMX)
        campaign = Campaign.objects.get()
        assert response.headers["HX-Redirect"] == f"{at}/{campaign.pk}"
        assert (campaign.batch.min_delay_ms, campaign.batch.max_delay_ms) == (500, 2000)
        assert "Reading the list" in owner_client.get(f"{at}/{campaign.pk}").text
        services.prepare_campaign(campaign_id=campaign.pk)
        page = owner_client.get(f"{at}/{campaign.pk}").text
        assert "Start sending to 930 people" in page
        assert "1,000 rows under its header, 10 of them blank" in page
        assert "halo@contoh.id" in page

    def test_without_scripts(self, owner_client, at, sender):
        form = {"name": "November", "template": "Hi {{nama}}", "file": customers(), "senders": [sender.pk]}
        assert owner_client.post(f"{at}/new", form).status_code == 302

    def test_complaints_stand_at_their_fields_and_what_was_written_stays(self, owner_client, at, sender):
        form = {"name": "November", "template": "Hi {{nmaa}}", "file": customers(), "senders": [sender.pk]}
        response = owner_client.post(f"{at}/new", form, headers=HTMX)
        assert response.status_code == 422
        assert "There is no column for {{nmaa}}. Did you mean {{nama}}?" in response.text
        assert 'data-variable="jumlah_tagihan"' in response.text
        assert "customers_1000.xlsx" in response.text
        assert not Campaign.objects.exists()

    def test_nothing_was_filled_in(self, owner_client, at, sender):
        said = owner_client.post(f"{at}/new", {"senders": [sender.pk]}).text
        assert "Give the campaign a name." in said
        assert "Write the text of the message." in said

    def test_a_bad_file_is_named(self, owner_client, at, sender):
        form = {"name": "X", "template": "Hi", "file": upload(PROTECTED.read_bytes(), "secret.xlsx")}
        response = owner_client.post(f"{at}/new", form)
        assert response.status_code == 422
        assert "“secret.xlsx” is protected with a password" in response.text

    def test_the_columns_of_a_chosen_file(self, owner_client, at):
        said = owner_client.post(f"{at}/columns", {"file": customers()}, headers=HTMX).text
        assert [key for key in ("nama", "no_hp", "kota", "name", "phone") if f'data-variable="{key}"' in said] == [
            "nama",
            "no_hp",
            "kota",
        ]
        assert "Gita" in said

    def test_the_columns_of_a_bad_file(self, owner_client, at):
        said = owner_client.post(f"{at}/columns", {"file": upload(b"x", "list.xlsx")}, headers=HTMX).text
        assert "“list.xlsx” has no column with phone numbers" in said

    def test_the_columns_of_a_list(self, owner_client, at, organization):
        vip = contact_services.create_list(organization=organization, name="VIP")
        contact, _new = contact_services.save_contact(
            organization=organization, phone_number="081200000001", name="Ayu", attributes={"city": "Solo"}
        )
        vip.contacts.add(contact)
        said = owner_client.post(f"{at}/columns", {"contact_list": vip.pk}, headers=HTMX).text
        assert 'data-variable="city"' in said
        assert "Solo" in said

    def test_the_columns_of_another_organizations_list(self, owner_client, at, other_organization):
        theirs = contact_services.create_list(organization=other_organization, name="Theirs")
        contact, _new = contact_services.save_contact(
            organization=other_organization, phone_number="081200000001", attributes={"secret": "x"}
        )
        theirs.contacts.add(contact)
        assert "secret" not in owner_client.post(f"{at}/columns", {"contact_list": theirs.pk}, headers=HTMX).text


class TestOne:
    def test_previews_are_turned_over_and_stay_where_they_are(self, owner_client, at, campaign):
        first = owner_client.get(f"{at}/{campaign.pk}").text
        assert "Halo Gita &lt;3" in first
        assert "1–3 of 930" in first
        second = owner_client.get(f"{at}/{campaign.pk}/preview?offset=3").text
        assert "4–6 of 930" in second
        assert "Gita" not in second
        assert "4–6 of 930" in owner_client.get(f"{at}/{campaign.pk}/live?offset=3").text
        assert owner_client.get(f"{at}/{campaign.pk}/preview?offset=9999999").status_code == 200

    def test_starting_pausing_resuming_cancelling(self, owner_client, at, campaign):
        for change, shown in (
            ("start", "Pause sending"),
            ("pause", "Resume sending"),
            ("resume", "Pause sending"),
            ("cancel", "Cancelled"),
        ):
            response = owner_client.post(f"{at}/{campaign.pk}/{change}", headers=HTMX)
            assert response.status_code == 200
            assert shown in response.text
        refused = owner_client.post(f"{at}/{campaign.pk}/start", follow=True)
        assert "That is not possible now: the campaign is cancelled." in refused.text

    def test_figures_and_reasons(self, owner_client, at, organization, sender):
        contact_services.block(organization=organization, phone_number="081200000001")
        sheet = workbook(
            ("Name", "Phone", "Debt"), ("A", "081200000001", 1), ("B", "081200000002", None), ("C", "081200000003", 5)
        )
        campaign = made(organization, upload(sheet), template="{{debt}}", start=True)
        planner.plan_all()
        Message.objects.filter(status=MessageStatus.QUEUED).update(
            status=MessageStatus.FAILED, error="Refused for good", error_code="131026"
        )
        page = owner_client.get(f"{at}/{campaign.pk}").text
        for text in ("On the blocklist", "A variable of the text is empty", "WhatsApp cannot deliver to this number"):
            assert text in page
        page = owner_client.get(f"{at}/{campaign.pk}/recipients").text
        for text in ("On the blocklist", "A variable of the text is empty: debt", "Refused for good", "(131026)"):
            assert text in page

    def test_a_failed_one_says_why(self, owner_client, at, organization, sender):
        campaign = made(organization, upload(workbook(("Name", "Phone"), ("A", "n/a"))))
        page = owner_client.get(f"{at}/{campaign.pk}").text
        assert "“list.xlsx” has no row with a usable phone number" in page
        assert "n/a" in page

    def test_rejected_rows(self, owner_client, at, campaign):
        page = owner_client.get(f"{at}/{campaign.pk}/rejected").text
        assert "tidak ada" in page
        assert "1–20 of 20" in page


class TestRecipients:
    def test_by_status_and_page(self, owner_client, at, organization, sender):
        contact_services.block(organization=organization, phone_number="081200000001")
        campaign = made(organization, upload(people(60)))
        everybody = owner_client.get(f"{at}/{campaign.pk}/recipients").text
        assert "1–50 of 60" in everybody
        assert "51–60 of 60" in owner_client.get(f"{at}/{campaign.pk}/recipients?page=2").text
        skipped = owner_client.get(f"{at}/{campaign.pk}/recipients?status=skipped").text
        assert "1–1 of 1" in skipped
        assert "On the blocklist" in skipped
        assert "Hi Person 0" not in skipped
        assert "Nobody here" in owner_client.get(f"{at}/{campaign.pk}/recipients?status=failed").text


class TestList:
    def test_progress_of_each(self, owner_client, at, campaign):
        page = owner_client.get(at).text
        assert "November bills" in page
        assert "0 of 930" in page
        assert "<html" not in owner_client.get(at, headers=HTMX).text

    def test_empty(self, owner_client, at):
        assert "No campaigns yet" in owner_client.get(at).text


class TestViewers:
    """Who may only look finds no buttons, and is refused where one guesses the address."""

    def test_no_buttons(self, teammate_client: Client, at, campaign):
        page = teammate_client.get(f"{at}/{campaign.pk}").text
        assert "Ready to send" in page
        assert "Start sending" not in page
        assert "New campaign" not in teammate_client.get(at).text

    def test_refused(self, teammate_client: Client, at, campaign):
        assert teammate_client.get(f"{at}/new").status_code == 403
        for change in ("start", "pause", "resume", "cancel"):
            assert teammate_client.post(f"{at}/{campaign.pk}/{change}").status_code == 403
        assert Campaign.objects.get().status == "ready"
