"""Pages of campaigns, as a marketer and as a viewer see them."""

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import Organization
from campaigns import audience_count, drafts, services
from campaigns.models import Campaign
from contacts import consent
from contacts import services as contact_services
from contacts.models import ContactSettings
from messaging import planner
from messaging.models import Message, MessageStatus
from messaging.queries import batch_stats
from tests.contacts.workbooks import PROTECTED, customers, people, upload, workbook
from tests.factories import make_batch, make_sender

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


class TestWizard:
    """A draft from its name to the page where it is started."""

    def test_the_story(self, owner_client, at, sender):
        named = owner_client.post(f"{at}/new", {"name": "November"})
        campaign = Campaign.objects.get()
        assert named.headers["Location"] == f"{at}/{campaign.pk}/audience"
        assert (campaign.status, campaign.created_by.email) == ("draft", "owner@example.com")
        assert campaign.name in owner_client.get(f"{at}?show=draft").text
        assert owner_client.get(f"{at}/{campaign.pk}").headers["Location"] == f"{at}/{campaign.pk}/audience"
        kept = self.save(owner_client, at, campaign, "audience", name="November", file=customers())
        assert kept["problems"] == {}
        services.prepare_campaign(campaign_id=campaign.pk)
        counted = owner_client.get(f"{at}/{campaign.pk}/people").text
        assert "<strong data-people>930</strong>" in counted
        message = owner_client.get(f"{at}/{campaign.pk}/message").text
        assert 'data-variable="jumlah_tagihan"' in message
        assert "Gita" in message
        at_message = owner_client.post(f"{at}/{campaign.pk}/message", {"template": "Halo {{nama}}"})
        assert at_message.headers["Location"] == f"{at}/{campaign.pk}/sending"
        fields = {
            "senders": [sender.pk],
            "min_delay": "0.5",
            "max_delay": "2",
            "hours_from": "09:00",
            "hours_to": "17:00",
        }
        done = owner_client.post(f"{at}/{campaign.pk}/sending", fields)
        assert done.headers["Location"] == f"{at}/{campaign.pk}"
        assert "Reading the list" in owner_client.get(f"{at}/{campaign.pk}").text
        services.prepare_campaign(campaign_id=campaign.pk)
        page = owner_client.get(f"{at}/{campaign.pk}").text
        assert "Start sending to 930 people" in page
        assert "1,000 rows under its header, 10 of them blank" in page
        campaign.batch.refresh_from_db()
        assert (campaign.batch.min_delay_ms, campaign.batch.max_delay_ms) == (500, 2000)
        assert campaign.batch.windows == [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "09:00", "to": "17:00"}]

    def save(self, client, at, campaign, step, **fields):
        campaign.refresh_from_db()
        answer = client.post(f"{at}/{campaign.pk}/{step}/save", {"version": campaign.version, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    @pytest.fixture
    def draft(self, organization, sender) -> Campaign:
        return drafts.create_draft(organization=organization, name="November")

    def test_whatever_is_written_is_kept_and_what_cannot_be_is_said(self, owner_client, at, draft, sender):
        said = self.save(owner_client, at, draft, "message", template="Hi {{na")
        assert said["problems"] == {}
        assert "Hi {{na" in owner_client.get(f"{at}/{draft.pk}/message").text
        said = self.save(owner_client, at, draft, "sending", senders=[sender.pk], min_delay="9", max_delay="5")
        assert "longest delay" in said["problems"]["max_delay"]
        said = self.save(
            owner_client, at, draft, "sending", senders=[sender.pk], min_delay="x", max_delay="9", typing="on"
        )
        assert set(said["problems"]) == {"min_delay"}
        draft.batch.refresh_from_db()
        assert (draft.batch.max_delay_ms, draft.batch.typing) == (9000, True)
        said = self.save(
            owner_client, at, draft, "audience", name="X", file=upload(PROTECTED.read_bytes(), "secret.xlsx")
        )
        assert "“secret.xlsx” is protected with a password" in said["problems"]["file"]
        stale = owner_client.post(f"{at}/{draft.pk}/message/save", {"version": 1, "template": "Late"})
        assert stale.status_code == 409
        assert "Somebody changed this campaign meanwhile" in stale.json()["refused"]

    def test_what_is_missing_stands_at_the_last_step(self, owner_client, at, draft, sender):
        owner_client.post(f"{at}/{draft.pk}/audience", {"name": "", "file": customers(), "purpose": "marketing"})
        services.prepare_campaign(campaign_id=draft.pk)
        owner_client.post(f"{at}/{draft.pk}/message", {"template": "Hi {{nmaa}}"})
        fields = {"senders": [], "min_delay": "1", "max_delay": "2"}
        response = owner_client.post(f"{at}/{draft.pk}/sending", fields)
        assert response.status_code == 422
        assert "There is no column for {{nmaa}}. Did you mean {{nama}}?" in response.text
        assert "Give the campaign a name." in response.text
        assert "Choose at least one sender." in response.text
        draft.refresh_from_db()
        assert draft.is_draft

    def test_the_columns_of_a_list(self, owner_client, at, organization, draft):
        vip = contact_services.create_list(organization=organization, name="VIP")
        contact, _new = contact_services.save_contact(
            organization=organization, phone_number="081200000001", name="Ayu", attributes={"city": "Solo"}
        )
        vip.contacts.add(contact)
        said = self.save(owner_client, at, draft, "audience", name="X", contact_list=vip.pk, purpose="marketing")
        assert said["problems"] == {}
        page = owner_client.get(f"{at}/{draft.pk}/message").text
        assert 'data-variable="city"' in page
        assert "Solo" in page

    def test_another_organizations_list_is_no_choice(self, owner_client, at, other_organization, draft):
        theirs = contact_services.create_list(organization=other_organization, name="Theirs")
        said = self.save(owner_client, at, draft, "audience", name="X", contact_list=theirs.pk, purpose="marketing")
        assert set(said["problems"]) == {"contact_list"}

    def test_a_viewer_sees_that_it_is_being_written_and_no_more(self, teammate_client, at, draft):
        assert "Still being written" in teammate_client.get(f"{at}/{draft.pk}").text
        assert teammate_client.get(f"{at}/{draft.pk}/audience").status_code == 403
        assert teammate_client.post(f"{at}/{draft.pk}/delete").status_code == 403

    def test_a_campaign_that_waits_is_changed_on_purpose(self, owner_client, at, campaign):
        page = owner_client.get(f"{at}/{campaign.pk}/message").text
        assert "Save the change" in page
        assert "data-save=" not in page
        response = owner_client.post(f"{at}/{campaign.pk}/message", {"version": 1, "template": "Dear {{nama}}"})
        assert response.headers["Location"] == f"{at}/{campaign.pk}"
        services.prepare_campaign(campaign_id=campaign.pk)
        shown = owner_client.get(f"{at}/{campaign.pk}").text
        assert "Dear Gita" in shown
        assert '<del dir="auto">Halo {{nama}} &lt;3</del>' in shown
        late = owner_client.post(f"{at}/{campaign.pk}/message", {"version": 1, "template": "Late"})
        assert late.status_code == 422
        assert "Somebody changed this campaign meanwhile" in late.text

    def test_duplicating_archiving_deleting(self, owner_client, at, campaign):
        made = owner_client.post(f"{at}/{campaign.pk}/duplicate")
        copied = Campaign.objects.get(is_draft=True)
        assert made.headers["Location"] == f"{at}/{copied.pk}/audience"
        assert "930" in owner_client.get(f"{at}/{copied.pk}/people").text
        assert owner_client.post(f"{at}/{copied.pk}/delete").headers["Location"] == at
        assert not Campaign.objects.filter(pk=copied.pk).exists()
        services.cancel_campaign(campaign=campaign)
        owner_client.post(f"{at}/{campaign.pk}/archive")
        assert f'href="{at}/{campaign.pk}"' not in owner_client.get(at).text.partition("<tbody>")[2]
        assert campaign.name in owner_client.get(f"{at}?show=archived").text
        owner_client.post(f"{at}/{campaign.pk}/unarchive")
        assert campaign.name in owner_client.get(at).text


class TestCounting:
    """What the count says is what fixing the audience then does, reason by reason."""

    def test_it_agrees_with_the_audience_that_is_fixed(self, organization, sender):
        organization.cap_messages, organization.cap_days = 1, 3
        organization.save()
        ContactSettings.objects.update_or_create(organization=organization, defaults={"marketing_needs_consent": True})
        numbers = [f"0812000000{number:02}" for number in range(1, 11)]
        for number in numbers[:9]:
            consent.say(organization=organization, phone_number=number, is_given=True)
        contact_services.block(organization=organization, phone_number=numbers[0])
        spared = contact_services.create_list(organization=organization, name="Spared")
        contact, _new = contact_services.save_contact(organization=organization, phone_number=numbers[1])
        spared.contacts.add(contact)
        others = make_batch(organization, [sender], 0)
        Message.objects.create(
            organization=organization,
            batch=others,
            sender=sender,
            phone_number="+6281200000003",
            status=MessageStatus.SENT,
            sent_at=now(),
        )
        rows = [("P", number, "" if number == numbers[3] else "5") for number in [*numbers, numbers[4]]]
        file = upload(workbook(("Name", "Phone", "Debt"), *rows, ("P", "none", "1")))
        draft = drafts.create_draft(
            organization=organization,
            name="A",
            template="{{debt}}",
            file=file,
            file_name="a.xlsx",
            excluded_lists=[spared],
        )
        services.prepare_campaign(campaign_id=draft.pk)
        draft = Campaign.objects.get(pk=draft.pk)
        found = audience_count.count(draft)
        assert (found.people, found.will_get, found.merged, found.invalid_rows) == (10, 5, 1, 1)
        expected = {"excluded": 1, "blocked": 1, "frequency_cap": 1, "missing_variable": 1, "no_consent": 1}
        assert found.skips == expected
        drafts.finish_draft(campaign=draft)
        services.prepare_campaign(campaign_id=draft.pk)
        services.start_campaign(campaign=draft)
        planner.plan_all()
        stats = batch_stats(draft.batch_id)
        assert stats["queued"] == found.will_get
        assert stats["skipped"] == {reason: 1 for reason in expected if reason != "excluded"}


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
        first = owner_client.get(f"{at}/{campaign.pk}/recipients")
        assert len(first.context["recipients"]) == 50
        second = owner_client.get(f"{at}/{campaign.pk}/recipients{first.context['next']}")
        assert (len(second.context["recipients"]), second.context["next"]) == (10, "")
        skipped = owner_client.get(f"{at}/{campaign.pk}/recipients?status=skipped").text
        assert "1 person" in skipped
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
