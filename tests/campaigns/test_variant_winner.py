"""From a test to its winner: what is measured when, who is chosen and why, and that the rest always goes on."""

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts import services as accounts
from accounts.models import Organization, Role, User
from campaigns import edits, services, variant_report
from campaigns.models import Campaign
from messaging import counts, planner, tasks
from messaging.forecasting import answer, facts
from messaging.models import (
    Batch,
    BatchReply,
    BatchStatus,
    Click,
    Experiment,
    Link,
    Message,
    MessageStatus,
    Variant,
)
from messaging.services import NotAllowed
from messaging.variants import decision, figures
from messaging.variants.assignment import FAR_AHEAD
from messaging.variants.plans import NewVariant, VariantPlan
from tests.campaigns.planned import make_campaign, make_list
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization(owner: User) -> Organization:
    organization = make_organization()
    accounts.add_member(organization=organization, user=owner, role=Role.OWNER)
    make_sender(organization)
    return organization


def make_sent(
    organization: Organization, reached: dict[str, tuple[int, int]], rest: int = 50, **options: Any
) -> Experiment:
    """A running batch whose test was sent: by the variant's name, how many of how many read it; `rest` people wait."""
    sizes = [of for _hits, of in reached.values()]
    batch = make_batch(organization, list(organization.senders.all()), sum(sizes) + rest)
    experiment = Experiment.objects.create(
        batch=batch, **{"goal": "read", "test_share": 50 if rest else 100, "measure_minutes": 60, **options}
    )
    Batch.objects.filter(pk=batch.pk).update(started_at=now() - timedelta(hours=1))
    ids = list(batch.messages.order_by("id").values_list("pk", flat=True))
    for position, (name, (hits, of)) in enumerate(reached.items()):
        variant = Variant.objects.create(
            batch=batch, position=position, name=name, text=f"{name} {{{{name}}}}", share=50
        )
        mine, ids = ids[:of], ids[of:]
        sent = {"variant": variant, "sent_at": now() - timedelta(minutes=30)}
        Message.objects.filter(pk__in=mine[:hits]).update(status=MessageStatus.READ, **sent)
        Message.objects.filter(pk__in=mine[hits:]).update(status=MessageStatus.SENT, **sent)
    Message.objects.filter(pk__in=ids).update(due_at=FAR_AHEAD)
    counts.rebuild(batch.pk)
    batch.refresh_from_db()
    return experiment


def passes(experiment: Experiment, **ago: float) -> Experiment:
    """Lets so much time pass since the test was sent, and the task run."""
    Experiment.objects.filter(pk=experiment.pk).update(tested_at=now() - timedelta(**ago))
    tasks.go_on_with_tests()
    return Experiment.objects.select_related("batch", "winner").get(pk=experiment.pk)


def waiting(experiment: Experiment) -> int:
    return Message.objects.filter(batch=experiment.batch, due_at=FAR_AHEAD).count()


def report(experiment: Experiment) -> Any:
    campaign = Campaign.objects.filter(batch=experiment.batch).first() or Campaign.objects.create(
        organization=experiment.batch.organization, name="Test", batch=experiment.batch, frozen_at=now()
    )
    return variant_report.report_of(Campaign.objects.select_related("batch", "organization").get(pk=campaign.pk))


class TestTheMoment:
    def test_it_is_counted_from_the_last_message_of_the_test(self, organization):
        experiment = make_sent(organization, {"A": (50, 200), "B": (90, 200)})
        late = experiment.batch.messages.filter(variant__name="A").first()
        Message.objects.filter(pk=late.pk).update(status=MessageStatus.QUEUED)
        counts.rebuild(experiment.batch_id)
        tasks.go_on_with_tests()
        experiment.refresh_from_db()
        assert experiment.tested_at is None
        Message.objects.filter(pk=late.pk).update(status=MessageStatus.PENDING, due_at=now() + timedelta(days=1))
        counts.rebuild(experiment.batch_id)
        tasks.go_on_with_tests()
        experiment.refresh_from_db()
        assert experiment.tested_at is None  # it waits for its recipient's hours
        Message.objects.filter(pk=late.pk).update(status=MessageStatus.SENT)
        counts.rebuild(experiment.batch_id)
        tasks.go_on_with_tests()
        experiment.refresh_from_db()
        assert experiment.tested_at is not None
        assert (experiment.closed_at, experiment.winner) == (None, None)

    def test_before_it_nothing_is_said_and_nobody_goes_on(self, organization):
        experiment = passes(make_sent(organization, {"A": (10, 200), "B": (150, 200)}), minutes=59)
        assert (experiment.closed_at, experiment.winner, waiting(experiment)) == (None, None, 50)
        found = report(experiment)
        assert found.verdict == "measuring"
        assert all(row.difference is None for row in found.rows)
        assert found.rows[1].reached.value == 0.75

    def test_what_happens_after_it_does_not_change_the_verdict(self, organization):
        experiment = passes(make_sent(organization, {"A": (40, 200), "B": (80, 200)}), minutes=61)
        said = report(experiment)
        assert said.verdict == "different"
        experiment.batch.messages.filter(variant__name="A").update(status=MessageStatus.READ)
        Experiment.objects.update(figures_at=None)
        after = report(experiment)
        assert after.rows[0].reached.value == 1
        assert (after.verdict, after.rows[1].difference) == (said.verdict, said.rows[1].difference)


class TestTheWinner:
    @pytest.mark.parametrize(
        ("reached", "options", "winner", "how"),
        [
            ({"A": (40, 200), "B": (80, 200)}, {}, "B", "proven"),
            ({"A": (80, 200), "B": (40, 200)}, {}, "A", "proven"),
            ({"A": (40, 200), "B": (44, 200)}, {}, "B", "ahead"),
            ({"A": (4, 20), "B": (12, 20)}, {}, "B", "ahead"),  # a large difference of few people proves nothing
            ({"A": (40, 200), "B": (40, 200)}, {}, "A", "tie"),
            ({"A": (10, 200), "B": (40, 200), "C": (40, 200)}, {}, "B", "tie"),
            ({"A": (0, 0), "B": (0, 0)}, {}, "A", "no_data"),
            # p = 0.028: enough for one look, not for the last of four; nor among three variants
            ({"A": (40, 200), "B": (59, 200)}, {}, "B", "proven"),
            ({"A": (40, 200), "B": (59, 200)}, {"decide_early": True}, "B", "ahead"),
            ({"A": (40, 200), "B": (59, 200), "C": (10, 200)}, {}, "B", "ahead"),
        ],
    )
    def test_who_wins_and_how_sure_that_is(self, organization, reached, options, winner, how):
        experiment = passes(make_sent(organization, reached, **options), minutes=61)
        assert (experiment.winner.name, experiment.decided_as) == (winner, how)
        assert waiting(experiment) == 0
        assert experiment.released_at is not None
        planner.plan_all()
        rest = experiment.batch.messages.filter(variant=None)
        assert rest.count() == 50
        assert all(message.text == f"{winner} {message.variables['name']}" for message in rest)
        assert set(rest.values_list("status", flat=True)) == {MessageStatus.QUEUED}
        assert_counters_true(experiment.batch)

    def test_clear_ones_are_chosen_earlier_and_only_at_three_moments(self, organization):
        unclear = passes(make_sent(organization, {"A": (40, 200), "B": (59, 200)}, decide_early=True), minutes=20)
        assert (unclear.winner, unclear.looks) == (None, 1)
        unclear.batch.messages.filter(variant__name="B").update(status=MessageStatus.READ)
        again = passes(unclear, minutes=25)  # clear by now, but the second look is at half of the time
        assert (again.winner, again.looks) == (None, 1)
        later = passes(unclear, minutes=31)
        assert (later.winner.name, later.decided_as, later.closed_at) == ("B", "proven", None)
        assert waiting(later) == 0
        ended = passes(unclear, minutes=61)
        assert (ended.winner.name, ended.decided_as) == ("B", "proven")
        assert ended.closed_at is not None

    def test_the_rest_is_not_counted_to_its_variant(self, organization):
        experiment = passes(make_sent(organization, {"A": (40, 200), "B": (80, 200)}), minutes=61)
        experiment.batch.messages.filter(variant=None).update(status=MessageStatus.READ)
        found = figures.count(experiment.batch, experiment)
        assert found[str(experiment.winner_id)]["sent"] == 200
        assert (found["rest"]["people"], found["rest"]["read"]) == (50, 50)

    def test_a_cancelled_campaign_is_judged_and_has_no_winner(self, organization):
        experiment = make_sent(organization, {"A": (40, 200), "B": (80, 200)})
        Batch.objects.update(status=BatchStatus.CANCELLED)
        experiment = passes(experiment, minutes=1)
        assert experiment.closed_at is not None
        assert experiment.winner is None

    def test_a_test_of_all_people_ends_without_a_winner(self, organization):
        experiment = passes(make_sent(organization, {"A": (40, 200), "B": (80, 200)}, rest=0), minutes=61)
        assert (experiment.closed_at is not None, experiment.winner) == (True, None)
        assert report(experiment).verdict == "different"

    def test_too_few_people_are_not_enough_data(self, organization):
        experiment = passes(make_sent(organization, {"A": (10, 99), "B": (60, 99)}, rest=0), minutes=61)
        found = report(experiment)
        assert found.verdict == "too_few"
        assert "Not enough data" in found.words


class TestByHand:
    def test_one_is_chosen_and_another_cannot_be(self, organization):
        experiment = make_sent(organization, {"A": (40, 200), "B": (80, 200)})
        report(experiment)
        campaign = Campaign.objects.select_related("batch").get(batch=experiment.batch)
        one, other = experiment.batch.variants.all()
        services.choose_variant(campaign=campaign, variant=one)
        tasks.go_on_with_tests()
        experiment.refresh_from_db()
        assert (experiment.winner, experiment.decided_as, waiting(experiment)) == (one, "by_hand", 0)
        with pytest.raises(NotAllowed, match="chosen already"):
            services.choose_variant(campaign=campaign, variant=other)
        ended = passes(experiment, minutes=61)
        assert (ended.winner, ended.decided_as) == (one, "by_hand")

    def test_not_where_nobody_waits(self, organization):
        experiment = make_sent(organization, {"A": (40, 200), "B": (80, 200)}, rest=0)
        with pytest.raises(NotAllowed, match="Nobody waits"):
            decision.choose_by_hand(batch=experiment.batch, variant=experiment.batch.variants.get(name="A"))


class TestCrashes:
    def test_what_was_decided_and_not_given_is_given_by_the_next_run(self, organization, monkeypatch):
        monkeypatch.setattr(decision, "RELEASED_AT_ONCE", 20)
        experiment = make_sent(organization, {"A": (40, 200), "B": (80, 200)})

        class Killed(BaseException):
            pass

        class OnePortion:
            """The process dies after its first portion."""

            portions = 0

            def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
                if "due_at = now() FROM next" in sql:
                    self.portions += 1
                    if self.portions > 1:
                        raise Killed
                return execute(sql, params, many, context)

        Experiment.objects.filter(pk=experiment.pk).update(tested_at=now() - timedelta(hours=2))
        with connection.execute_wrapper(OnePortion()), pytest.raises(Killed):
            tasks.go_on_with_tests()
        experiment.refresh_from_db()
        assert (experiment.winner.name, experiment.released_at, waiting(experiment)) == ("B", None, 30)
        tasks.go_on_with_tests()
        experiment.refresh_from_db()
        assert waiting(experiment) == 0
        assert experiment.released_at is not None

    @pytest.mark.django_db(transaction=True)
    def test_two_tasks_at_once_decide_once(self, organization):
        experiment = make_sent(organization, {"A": (40, 200), "B": (80, 200)})
        Experiment.objects.filter(pk=experiment.pk).update(tested_at=now() - timedelta(hours=2))

        def run() -> None:
            try:
                decision.go_on()
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        decision.go_on()
        experiment.refresh_from_db()
        assert (experiment.winner.name, experiment.decided_as, waiting(experiment)) == ("B", "proven", 0)
        assert_counters_true(experiment.batch)


class TestFigures:
    def test_replies_clicks_and_those_left_out_are_counted_by_variant(self, organization):
        experiment = make_sent(organization, {"A": (3, 5), "B": (1, 5)}, holdout_share=10, goal="replied")
        batch, sender = experiment.batch, organization.senders.get()
        batch.track_links = True
        batch.save()
        of_a = list(batch.messages.filter(variant__name="A").order_by("id"))
        left_out = batch.messages.filter(variant=None).order_by("id")[:4]
        for message in left_out:
            Message.objects.filter(pk=message.pk).update(status=MessageStatus.SKIPPED, skip_reason="holdout")
        for number in (of_a[0].phone_number, left_out[0].phone_number, phone_number(9_999)):
            Message.objects.create(
                organization=organization,
                sender=sender,
                direction="in",
                phone_number=number,
                whatsapp_id=f"IN{number}",
                status=MessageStatus.RECEIVED,
            )
        for message in of_a[:2]:
            BatchReply.objects.create(batch=batch, message=message, reply=message, replied_at=now())
        links = [Link.objects.create(batch=batch, number=number, url=f"https://{number}.example") for number in (1, 2)]
        for link in links:
            Click.objects.create(batch=batch, message=of_a[4], link=link, is_bot=False, number=2)
            Click.objects.create(batch=batch, message=of_a[3], link=link, is_bot=True, number=7)
        counts.rebuild(batch.pk)
        found = report(experiment)
        numbers = found.rows[0].numbers
        assert {name: numbers[name] for name in ("people", "sent", "read", "replied", "clicked")} == {
            "people": 5,
            "sent": 5,
            "read": 3,
            "replied": 2,
            "clicked": 1,
        }
        assert (found.rows[0].reached.hits, found.rows[1].reached.hits) == (2, 0)
        assert (found.left_out.people, found.left_out.wrote.hits) == (4, 1)
        assert (found.left_out.messaged_wrote.hits, found.left_out.messaged_wrote.of) == (1, 10)
        assert (found.rest["people"], found.rest["waiting"]) == (46, 46)
        assert found.links == [
            {"url": f"https://{number}.example", "people": 1, "clicks": 2, "bots": 7} for number in (1, 2)
        ]

    def test_a_large_batch_is_counted_by_a_task(self, organization, monkeypatch, django_capture_on_commit_callbacks):
        monkeypatch.setattr(figures, "COUNTED_AT_ONCE", 5)
        experiment = make_sent(organization, {"A": (3, 5), "B": (1, 5)})
        assert report(experiment).as_of is None
        tasks.count_variants(experiment.batch_id)
        found = report(experiment)
        assert (found.as_of is not None, found.rows[0].numbers["read"]) == (True, 3)


class TestChanging:
    def test_a_changed_message_is_that_of_the_first_variant(self, organization):
        plan = VariantPlan(variants=[NewVariant(text="Hi"), NewVariant(text="Hello")])
        campaign = make_campaign(organization, template="", variant_plan=plan)
        edits.edit_campaign(campaign=campaign, template="Hey")
        texts = list(Campaign.objects.get(pk=campaign.pk).batch.variants.values_list("text", flat=True))
        assert texts == ["Hey", "Hello"]


class TestPagesAndRest:
    def given(self, organization: Organization, **fields: Any) -> dict[str, Any]:
        texts = {"text_0": "Hi {{name}}", "text_1": "Hello https://shop.example", "name_1": "Short"}
        return {
            **texts,
            "goal": "clicked",
            "track_links": "on",
            "measure_number": "2",
            "measure_unit": "days",
            **fields,
        }

    def test_variants_are_written_on_a_page_and_shown(self, organization, owner_client):
        campaign = make_campaign(organization)
        address = f"/o/{organization.slug}/campaigns/{campaign.pk}"
        assert owner_client.get(f"{address}/variants").status_code == 200
        refused = owner_client.post(f"{address}/variants", self.given(organization, track_links="", text_2="{{x"))
        assert refused.status_code == 422
        assert "Clicks are not counted" in refused.text
        assert "Variant C" in refused.text
        saved = owner_client.post(
            f"{address}/variants", self.given(organization, has_winner="on", test_share="30", holdout_share="10")
        )
        assert (saved.status_code, saved.headers["Location"]) == (302, address)
        campaign = Campaign.objects.select_related("batch").get(pk=campaign.pk)
        experiment = campaign.batch.experiment
        assert (experiment.goal, experiment.test_share, experiment.holdout_share) == ("clicked", 30, 10)
        assert (experiment.measure_minutes, campaign.batch.track_links) == (2880, True)
        assert list(campaign.batch.variants.values_list("name", "share")) == [("A", 50), ("Short", 50)]
        services.prepare_campaign(campaign_id=campaign.pk)
        again = owner_client.get(f"{address}/variants").text
        assert 'value="Short"' in again
        page = owner_client.get(address).text
        assert "Clicked a link" in page
        gone = owner_client.post(f"{address}/variants", {"text_0": "Only this", "goal": "none"})
        assert gone.status_code == 302
        campaign = Campaign.objects.select_related("batch").get(pk=campaign.pk)
        assert campaign.batch.text == "Only this"
        assert not Experiment.objects.exists()
        assert not campaign.batch.variants.exists()

    def test_the_report_and_the_winner_by_rest(self, organization, owner_api):
        experiment = make_sent(organization, {"A": (40, 200), "B": (80, 200)})
        report(experiment)
        campaign = Campaign.objects.get(batch=experiment.batch)
        body = owner_api.get(f"/api/campaigns/{campaign.pk}/variants").json()
        assert (body["goal"], body["verdict"], body["winner"], body["rest"]["waiting"]) == (
            "read",
            "measuring",
            None,
            50,
        )
        assert [each["reached"]["number"] for each in body["variants"]] == [40, 80]
        chosen = {"variant": body["variants"][1]["id"]}
        assert owner_api.post(f"/api/campaigns/{campaign.pk}/variants/winner", {"variant": 0}).status_code == 400
        answer = owner_api.post(f"/api/campaigns/{campaign.pk}/variants/winner", chosen)
        assert (answer.status_code, answer.json()["winner"]) == (200, chosen["variant"])
        assert owner_api.post(f"/api/campaigns/{campaign.pk}/variants/winner", chosen).status_code == 409
        passes(experiment, minutes=61)
        judged = owner_api.get(f"/api/campaigns/{campaign.pk}/variants").json()
        assert judged["verdict"] == "different"
        assert judged["variants"][0]["difference"] is None
        assert judged["variants"][1]["difference"]["p_value"] < 0.001
        assert judged["decided_as"] == "by_hand"

    def test_a_campaign_without_variants_says_so(self, organization, owner_api):
        campaign = make_campaign(organization)
        body = owner_api.get(f"/api/campaigns/{campaign.pk}/variants").json()
        assert (body["goal"], body["verdict"], body["variants"], body["holdout"]) == ("none", "no_goal", [], None)


def test_shares_are_close_to_what_was_asked(organization):
    plan = VariantPlan(variants=[NewVariant(text="A", share=80), NewVariant(text="B", share=20)])
    campaign = make_campaign(organization, make_list(organization, 2_000), template="", variant_plan=plan)
    dealt = Counter(Message.objects.filter(batch=campaign.batch).values_list("variant__name", flat=True))
    assert 1_500 < dealt["A"] < 1_700


def test_the_forecast_lets_the_rest_wait_until_the_winner_is_known(organization):
    experiment = make_sent(organization, {"A": (0, 0), "B": (0, 0)}, rest=60, measure_minutes=600)
    batch = experiment.batch
    batch.min_delay_ms = batch.max_delay_ms = 60_000
    batch.save()
    some = list(batch.messages.order_by("id").values_list("pk", flat=True)[:30])
    batch.messages.filter(pk__in=some).update(due_at=now())  # half an hour of the test, half an hour of the rest

    def minutes(batch: Batch) -> float:
        found = answer.forecast(facts.gather(batch, facts.terms_of(batch)))
        return (found.ends_at - found.facts.now).total_seconds() / 60

    assert minutes(batch) == pytest.approx(30 + 600 + 30, rel=0.02)
    Message.objects.filter(pk__in=some).update(status=MessageStatus.SENT)
    counts.rebuild(batch.pk)
    Experiment.objects.update(tested_at=now() - timedelta(minutes=540))
    assert minutes(Batch.objects.get(pk=batch.pk)) == pytest.approx(60 + 30, rel=0.03)
