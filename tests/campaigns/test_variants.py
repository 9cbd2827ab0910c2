"""Variants of a campaign's text: who gets which, what they read, and how programs ask for them."""

import hashlib
import json
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Organization
from campaigns import copies, queries, services
from campaigns.models import Campaign
from messaging import planner
from messaging.models import Batch, Message, MessageStatus
from messaging.queries import batch_stats
from messaging.variants import plans
from messaging.variants.assignment import FAR_AHEAD
from messaging.variants.plans import NewVariant, VariantPlan
from tests.campaigns.planned import make_campaign, make_list
from tests.factories import assert_counters_true, make_organization, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    make_sender(organization)
    return organization


def plan(*texts: str, **options: Any) -> VariantPlan:
    shares = options.pop("shares", [None] * len(texts))
    variants = [NewVariant(text=text, share=share) for text, share in zip(texts, shares, strict=True)]
    return VariantPlan(variants=variants, **options)


def variant_campaign(organization: Organization, size: int, plan: VariantPlan, **fields: Any) -> Campaign:
    return make_campaign(
        organization,
        make_list(organization, size),
        template="",
        variant_plan=plan,
        min_delay_ms=0,
        max_delay_ms=0,
        **fields,
    )


def slot(batch: Batch, phone_number: str) -> int:
    """As `variants.assignment` documents it, computed a second time."""
    return int(hashlib.md5(f"{batch.pk}:{phone_number}".encode(), usedforsecurity=False).hexdigest()[:8], 16) % 10_000


def dealt(campaign: Campaign) -> dict[str, str]:
    """Phone number to the variant's name; `holdout` and `waits` for the others."""
    found = {}
    for message in Message.objects.filter(batch=campaign.batch).select_related("variant"):
        if message.skip_reason == "holdout":
            found[message.phone_number] = "holdout"
        elif message.variant is None:
            found[message.phone_number] = "waits" if message.due_at == FAR_AHEAD else "nothing"
        else:
            found[message.phone_number] = message.variant.name
    return found


class TestDealing:
    def test_everybody_gets_the_variant_of_their_own_hash(self, organization):
        wanted = plan(
            "Hi {{name}}", "Hello {{name}}", "Hey", shares=[50, 30, 20], holdout_share=10, test_share=40, goal="read"
        )
        campaign = variant_campaign(organization, 1_500, wanted)

        def expected(phone_number: str) -> str:
            where = slot(campaign.batch, phone_number)
            edges = [(1_000, "holdout"), (2_800, "A"), (3_880, "B"), (4_600, "C"), (10_000, "waits")]
            return next(name for edge, name in edges if where < edge)

        found = dealt(campaign)
        assert found == {phone_number: expected(phone_number) for phone_number in found}
        assert set(Counter(found.values())) == {"holdout", "A", "B", "C", "waits"}
        stats = batch_stats(campaign.batch_id)
        assert stats["skipped"] == {"holdout": Counter(found.values())["holdout"]}
        assert stats["pending"] == 1_500 - stats["skipped"]["holdout"]
        assert_counters_true(campaign.batch)
        held_out = Message.objects.filter(batch=campaign.batch, skip_reason="holdout")
        assert not held_out.filter(ended_at=None).exists()

    def test_the_planner_writes_each_variants_text_and_leaves_the_rest_waiting(self, organization):
        campaign = variant_campaign(organization, 200, plan("A {{name}}", "B {{name}}", test_share=50, goal="read"))
        names = dealt(campaign)
        previewed = {row["phone_number"]: row["text"] for row in queries.previews(campaign, limit=100)}
        services.start_campaign(campaign=campaign)
        planner.plan_all()
        queued = Message.objects.filter(batch=campaign.batch, stage=MessageStatus.QUEUED)
        assert {message.phone_number for message in queued} == {
            number for number, name in names.items() if name != "waits"
        }
        for message in queued:
            assert message.text == f"{names[message.phone_number]} {message.variables['name']}"
            if message.phone_number in previewed:
                assert previewed[message.phone_number] == message.text
        assert batch_stats(campaign.batch_id)["pending"] == Counter(names.values())["waits"]

    def test_a_batch_without_variants_has_none_and_nobody_waits(self, organization):
        campaign = make_campaign(organization, make_list(organization, 5))
        assert set(dealt(campaign).values()) == {"nothing"}
        assert not Message.objects.filter(due_at=FAR_AHEAD).exists()

    def test_who_waits_takes_no_turn_from_another_campaign(self, organization):
        """Two batches share a sender that may send ten a day: the one whose rest waits must not hold any of them."""
        sender = organization.senders.get()
        sender.quota_per_day = 10
        sender.save()
        waiting = variant_campaign(organization, 60, plan("A", "B", test_share=1, goal="read"))
        Message.objects.filter(batch=waiting.batch).update(due_at=FAR_AHEAD, variant=None)
        other = make_campaign(organization, waiting.contact_list, min_delay_ms=0, max_delay_ms=0)
        for campaign in (waiting, other):
            services.start_campaign(campaign=campaign)
        planner.plan_organization(organization)
        assert Message.objects.filter(batch=other.batch, stage=MessageStatus.QUEUED).count() >= 10

    def test_who_lacks_a_value_of_one_variant_gets_none(self, organization):
        campaign = variant_campaign(organization, 3, plan("Hi {{name}}", "Hi"))
        services.freeze_audience(campaign_id=campaign.pk)
        contact = campaign.contact_list.contacts.first()
        contact.name = ""
        contact.save()
        again = make_campaign(
            organization, campaign.contact_list, template="", variant_plan=plan("Hi {{name}}", "Hi"), name="Again"
        )
        assert batch_stats(again.batch_id)["skipped"] == {"missing_variable": 1}
        assert Message.objects.get(batch=again.batch, skip_reason="missing_variable").error == "name"

    def test_a_copy_compares_the_same_and_deals_by_its_own_number(self, organization):
        campaign = variant_campaign(organization, 20, plan("A", "B", shares=[70, 30], holdout_share=5, goal="replied"))
        copy = copies.duplicate_campaign(campaign=campaign)
        assert plans.plan_of(copy.batch) == plans.plan_of(campaign.batch)
        services.prepare_campaign(campaign_id=copy.pk)
        found = dealt(Campaign.objects.get(pk=copy.pk))
        assert {number for number, name in found.items() if name == "A"} == {
            number for number in found if 500 <= slot(copy.batch, number) < 500 + 6_650
        }


class TestMistakes:
    @pytest.mark.parametrize(
        ("wanted", "field"),
        [
            (plan("One"), "variants"),
            (plan("A", "B {{name"), "variants"),
            (plan("A", "B", shares=[50, 40]), "variants"),
            (plan("A", "B", shares=[100, 0]), "variants"),
            (plan("A", "B", holdout_share=51), "holdout_share"),
            (plan("A", "B", test_share=20), "test_share"),
            (plan("A", "B", goal="clicked"), "goal"),
            (plan("A", "B", goal="liked"), "goal"),
            (plan("A", "B", measure_minutes=0), "measure_minutes"),
            (plan("A", "B {{nickname}}"), "variants"),
        ],
    )
    def test_each_is_said_at_its_field_and_nothing_is_stored(self, organization, wanted, field):
        contact_list = make_list(organization, 2)
        with pytest.raises(ValidationError) as caught:
            services.create_campaign(
                organization=organization, name="Test", template="", contact_list=contact_list, variant_plan=wanted
            )
        assert list(caught.value.message_dict) == [field]
        assert not Batch.objects.exists()


class TestRest:
    def test_variants_are_given_and_shown(self, organization, owner_api):
        contact_list = make_list(organization, 4)
        given = {
            "name": "Test",
            "contact_list": contact_list.pk,
            "variants": [{"text": "Hi {{name}}"}, {"text": "Hello", "name": "Short"}],
            "goal": "read",
        }
        made = owner_api.post("/api/campaigns", given, format="json")
        assert made.status_code == 202, made.content
        body = made.json()
        assert [(each["name"], each["text"], each["share"]) for each in body["variants"]] == [
            ("A", "Hi {{name}}", 50),
            ("Short", "Hello", 50),
        ]
        assert (body["template"], body["goal"], body["track_links"]) == ("Hi {{name}}", "read", False)
        services.prepare_campaign(campaign_id=body["id"])
        rows = owner_api.get(f"/api/campaigns/{body['id']}/recipients").json()["results"]
        assert {row["variant"] for row in rows} <= {each["id"] for each in body["variants"]}

        form = {**given, "variants": json.dumps(given["variants"]), "contact_list": str(contact_list.pk)}
        assert owner_api.post("/api/campaigns", form, format="multipart").status_code == 202
        refused = owner_api.post("/api/campaigns", {**given, "goal": "clicked"}, format="json")
        assert (refused.status_code, list(refused.json())) == (400, ["goal"])
        nonsense = owner_api.post("/api/campaigns", {**form, "variants": "[{"}, format="multipart")
        assert (nonsense.status_code, list(nonsense.json())) == (400, ["variants"])
