"""What is found in people's texts before they leave, the same in SQL as in what is rendered; and what keeps from starting."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from campaigns import due, lint, preview, schedules, services
from campaigns.lint import Code, LintRefused
from campaigns.models import Campaign, Occurrence
from contacts.models import BlocklistEntry, Consent, Contact, ContactSettings
from messaging import planner, rendering
from messaging.models import Batch, BatchStatus, Message, MessageStatus, Purpose
from messaging.services import NotAllowed
from messaging.template_sql import Texts
from messaging.template_text import TemplateError, parse
from messaging.variants.plans import NewVariant, VariantPlan
from senders.models import NumberCheck, Sender
from tests.campaigns.planned import make_campaign, make_due, make_list, schedule
from tests.factories import make_batch, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    make_sender(organization)
    return organization


def with_values(organization: Organization, template: str, *values: str, **fields: Any) -> Campaign:
    """A campaign that is ready, with a person for each value of {{x}}."""
    contact_list = make_list(organization, len(values))
    for contact, value in zip(contact_list.contacts.order_by("id"), values, strict=True):
        Contact.objects.filter(pk=contact.pk).update(attributes={"x": value})
    return make_campaign(organization, contact_list, template=template, **fields)


def found(campaign: Campaign) -> dict[str, int]:
    return {finding.code.value: finding.count for finding in lint.findings_of(campaign)}


def concerned(campaign: Campaign, code: Code) -> list[str]:
    return [message.phone_number for message in preview.page(campaign, limit=50, code=code).messages]


class TestTextsInSql:
    """PostgreSQL puts the texts together as Python does."""

    @pytest.fixture
    def batch(self, organization: Organization) -> Batch:
        return make_batch(organization, [Sender.objects.get()], 6)

    def texts(self, batch: Batch) -> list[str]:
        texts = Texts(batch, batch.organization)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {texts.text} FROM messaging_message AS message WHERE batch_id = %(batch)s ORDER BY id",
                {**texts.parameters, "batch": batch.pk},
            )
            return [row[0] for row in cursor.fetchall()]

    pieces = st.sampled_from(
        [
            "Hi ",
            "100%% ",
            "%(x)s",
            "{{name}}",
            "{{x|there}}",
            "{{x}}",
            "{a|b}",
            "{",
            "}",
            "|",
            "{{name|}}",
            "é😀'\\",
            "{x|",
            "\n",
        ]
    )
    values = st.text(st.sampled_from("ab \u00a0\u2003\t{}%😀'\\"), max_size=4)

    @given(text=st.lists(pieces, min_size=1, max_size=9).map("".join), value=values)
    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_are_the_rendered_ones(self, batch: Batch, text: str, value: str) -> None:
        try:
            parse(text)
        except TemplateError:
            return
        batch.text = text
        batch.messages.update(variables={"name": "Ayu", "x": value})
        render = rendering.renderer_of(batch, batch.organization)
        assert self.texts(batch) == [render(message).text for message in batch.messages.order_by("id")]

    def test_go_by_the_variant_of_each_person(self, organization: Organization) -> None:
        plan = VariantPlan(variants=[NewVariant(text="A {{name}} {1|2}"), NewVariant(text="B {{name}}")])
        campaign = make_campaign(organization, make_list(organization, 30), variant_plan=plan)
        batch = Batch.objects.get(pk=campaign.batch_id)
        render = rendering.renderer_of(batch, organization)
        expected = [render(message).text for message in batch.messages.order_by("id")]
        assert self.texts(batch) == expected
        assert {text[0] for text in expected} == {"A", "B"}


class TestWhatIsFound:
    def test_braces_that_nothing_was_put_in_for(self, organization: Organization) -> None:
        campaign = with_values(organization, "Hi {{x}} STOP", "Budi", "{{nama}}", "{name}", "} {", ":-}")
        assert found(campaign) == {"braces": 2}
        assert concerned(campaign, Code.BRACES) == [phone_number(1), phone_number(2)]

    def test_texts_that_are_too_long_or_empty(self, organization: Organization) -> None:
        campaign = with_values(organization, "{{x|}}", "STOP " + "x" * 4091, "STOP " + "x" * 4092, " ")
        assert found(campaign) == {"too_long": 1, "empty_text": 1, "no_opt_out": 1}

    @pytest.mark.parametrize(
        ("link", "is_suspicious"),
        [
            ("https://shop.example.com/x?a=bit.ly", False),
            ("www.shop.co.id", False),
            ("https://пример.com/x", False),
            ("v1.2.3.4 and Rp4.134.883", False),
            ("habit.ly/x", False),
            ("mail@t.co", False),
            ("bit.ly/abc", True),
            ("HTTPS://BIT.LY/abc", True),
            ("see t.co.", False),
            ("http://203.0.113.7/pay", True),
            ("http://3405803783/", True),
            ("https://xn--pypal-4ve.com", True),
            ("https://pаypal.com", True),
            ("https://bank.com@evil.net/", True),
        ],
    )
    def test_links_that_look_like_fraud(self, organization: Organization, link: str, is_suspicious: bool) -> None:
        campaign = with_values(organization, "Pay: {{x}} (STOP)", link, "https://shop.example.com")
        assert found(campaign) == ({"suspicious_link": 1} if is_suspicious else {})

    @pytest.mark.parametrize(
        ("text", "lack"),
        [
            ("Hi", 2),
            ("Hi {{unsubscribe}}", 0),
            ("Hi. Reply STOP to leave", 0),
            ("Hi. Balas berhenti", 0),
            ("Stopped nonstop", 2),
            ("{Hi STOP|Hi STOP}", 0),
        ],
    )
    def test_texts_without_a_word_on_leaving(self, organization: Organization, text: str, lack: int) -> None:
        assert (
            found(make_campaign(organization, make_list(organization, 2), template=text)).get("no_opt_out", 0) == lack
        )

    def test_news_of_an_order_needs_no_word_on_leaving(self, organization: Organization) -> None:
        assert found(make_campaign(organization, template="Paid", purpose=Purpose.SERVICE)) == {}

    def test_people_who_cannot_or_should_not_be_messaged(self, organization: Organization) -> None:
        BlocklistEntry.objects.create(organization=organization, phone_number=phone_number(0), reason="blocked")
        campaign = make_campaign(organization, make_list(organization, 8), template="Hi STOP")
        BlocklistEntry.objects.create(organization=organization, phone_number=phone_number(1), reason="opted_out")
        NumberCheck.objects.create(organization=organization, phone_number=phone_number(2), exists=False)
        NumberCheck.objects.create(organization=organization, phone_number=phone_number(3), exists=True)
        earlier = make_batch(organization, [Sender.objects.get()], 7, status=BatchStatus.COMPLETED)
        sent = earlier.messages.filter(phone_number__gte=phone_number(4))
        sent.update(status=MessageStatus.READ, sent_at=now() - timedelta(days=2))
        sent.filter(phone_number=phone_number(6)).update(sent_at=now() - timedelta(days=4))
        assert found(campaign) == {"blocked": 1, "opted_out": 1, "not_on_whatsapp": 1, "recent": 2}
        assert concerned(campaign, Code.BLOCKED) == [phone_number(0)]
        assert concerned(campaign, Code.RECENT) == [phone_number(4), phone_number(5)]
        Organization.objects.update(recent_days=0)
        campaign.organization.refresh_from_db()
        assert "recent" not in found(campaign)

    def test_people_who_did_not_agree(self, organization: Organization) -> None:
        campaign = make_campaign(organization, make_list(organization, 3), template="Hi STOP")
        ContactSettings.objects.create(organization=organization, marketing_needs_consent=True)
        Consent.objects.create(organization=organization, phone_number=phone_number(1), is_given=True)
        assert found(campaign) == {"no_consent": 2}

    def test_people_who_lack_a_value_and_block_only_if_nobody_is_left(self, organization: Organization) -> None:
        some = with_values(organization, "{{x}} STOP", "", "a")
        assert [(each.code, each.count, each.blocking) for each in lint.findings_of(some)] == [
            (Code.MISSING_VARIABLE, 1, False)
        ]

    def test_when_all_lack_a_value_nothing_can_be_started(self, organization: Organization) -> None:
        campaign = with_values(organization, "{{x}} STOP", "", " ")
        assert [(each.code, each.count, each.blocking) for each in lint.findings_of(campaign)] == [
            (Code.MISSING_VARIABLE, 2, True)
        ]
        with pytest.raises(NotAllowed, match="nobody to send to"):
            services.start_campaign(campaign=campaign, accept_lint=True)

    def test_a_variable_may_complete_the_word_on_leaving(self, organization: Organization) -> None:
        assert found(with_values(organization, "Hi. {{x}}", "Reply STOP", "Bye")) == {"no_opt_out": 1}


class TestStarting:
    def test_is_refused_until_somebody_accepts_it(self, organization: Organization) -> None:
        campaign = make_campaign(organization, template="Hi {name}")
        with pytest.raises(LintRefused, match="3 texts have braces"):
            services.start_campaign(campaign=campaign)
        assert Batch.objects.get().status == BatchStatus.READY
        services.start_campaign(campaign=campaign, accept_lint=True)
        planner.plan_all()
        assert Message.objects.filter(text="Hi {name}", status=MessageStatus.QUEUED).count() == 3

    def test_what_was_accepted_is_not_what_is_written_later(self, organization: Organization) -> None:
        campaign = make_campaign(organization, template="Hi {name}")
        lint.accept(campaign)
        Batch.objects.update(text="Hello {name}")
        with pytest.raises(LintRefused):
            services.start_campaign(campaign=campaign)

    def test_by_itself_is_refused_too_and_says_why(self, organization: Organization) -> None:
        campaign = make_campaign(organization, template="Hi {name}", start=True)
        batch = Batch.objects.get(pk=campaign.batch_id)
        assert (batch.status, "braces" in batch.status_reason) == (BatchStatus.READY, True)

    def test_by_itself_goes_on_where_it_was_accepted(self, organization: Organization) -> None:
        campaign = make_campaign(organization, template="Hi {name}", start=True, accept_lint=True)
        assert Batch.objects.get(pk=campaign.batch_id).status == BatchStatus.RUNNING

    def test_at_a_time_is_refused_when_it_is_given_and_when_it_comes(self, organization: Organization) -> None:
        campaign = make_campaign(organization, template="Hi {name}")
        with pytest.raises(LintRefused):
            schedule(campaign)
        schedules.schedule_campaign(campaign=campaign, accept_lint=True, kind="once", at=now() + timedelta(days=1))
        Campaign.objects.update(lint_accepted="")
        make_due(campaign, minutes=1)
        for campaign_id in due.run_due():
            services.prepare_campaign(campaign_id=campaign_id)
        due.settle()
        occurrence = Occurrence.objects.get()
        assert (occurrence.outcome, "braces" in occurrence.reason) == (Occurrence.Outcome.FAILED, True)
