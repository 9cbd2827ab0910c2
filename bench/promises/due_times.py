"""Schedules whose times come while two beats and two control workers are killed, and after an hour without a beat."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.utils.timezone import now

from accounts.models import Organization
from bench.promises.campaign import all_connected, make_organization, patiently
from bench.promises.faults import running_servers
from bench.promises.stack import Program, Stack, product
from campaigns import schedules, services
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule
from contacts import services as contact_services
from contacts.models import Contact
from messaging import counts
from messaging.models import Batch, BatchStatus
from session_service.providers.simulated import network

SENDERS = 2
IN = timedelta(seconds=4)  # the first times come
DOWN = timedelta(hours=1)
LONGEST_WAIT = 240.0
VICTIMS = ("celery-control", "celery", "beat", "pool process")
Outcome = Occurrence.Outcome


@dataclass(frozen=True)
class Plan:
    seed: int
    once: int
    repeated: int
    kills: int
    people: int


def run(plan: Plan, data_dir: Path, port: int) -> tuple[dict[str, Any], list[str]]:
    """Returns the summary and what was broken."""
    randomness = random.Random(plan.seed)
    with running_servers(data_dir) as stack:
        organization, _senders = make_organization(SENDERS)
        planned = [make_scheduled(organization, plan, number) for number in range(plan.once + plan.repeated)]
        stack.add(twice(product(port, 1, SENDERS)))
        stack.wait(all_connected, "every sender is connected", 120)
        due_at = now() + IN
        make_due(planned, due_at)
        killed = kill_around(stack, plan, randomness)
        stack.wait(lambda: patiently(stack, all_sent), "the first campaigns are sent", LONGEST_WAIT)
        beats = [name for name in stack.programs if name.startswith("beat")]
        stack.stop(beats)
        late, too_late = after_an_hour(planned, plan)
        stack.add(beat for beat in twice(product(port, 1, SENDERS)) if beat.name in beats)
        stack.wait(lambda: not still_due(), "what was missed is taken up", LONGEST_WAIT)
        stack.wait(lambda: patiently(stack, all_sent), "the late campaigns are sent", LONGEST_WAIT)
        stack.sleep(2)
        stack.stop([name for name in stack.programs if name not in ("postgres", "redis")])
        return conclusion(plan, killed, late, too_late)


def twice(programs: list[Program]) -> list[Program]:
    """A second beat and a second control worker, as somebody might start them by accident."""
    more = []
    for program in programs:
        if program.as_process == "beat":
            more.append(Program("beat-2", program.command, "beat"))
        if program.as_process == "celery-control":
            command = [part.replace("control@", "control2@") for part in program.command]
            more.append(Program("celery-control-2", command, "celery-control"))
    return [*programs, *more]


def make_scheduled(organization: Organization, plan: Plan, number: int) -> Campaign:
    """A campaign to a list of its own, with a text of its own, that starts tomorrow or every day."""
    contact_list = contact_services.create_list(organization=organization, name=f"List {number}")
    people = Contact.objects.bulk_create(
        Contact(organization=organization, phone_number=f"+62812{number:03}{index + 1:05}", name=f"Person {index}")
        for index in range(plan.people)
    )
    contact_list.contacts.add(*people)
    campaign = services.create_campaign(
        organization=organization,
        name=f"Plan {number}",
        template=f"Plan {number} greets {{{{name}}}}",
        contact_list=contact_list,
        min_delay_ms=0,
        max_delay_ms=10,
    )
    services.prepare_campaign(campaign_id=campaign.pk)
    if number < plan.once:
        schedules.schedule_campaign(campaign=campaign, kind="once", at=now() + timedelta(days=1))
    else:
        schedules.schedule_campaign(campaign=campaign, kind="daily", time=time(9))
    return campaign


def make_due(campaigns: list[Campaign], moment: datetime) -> None:
    Schedule.objects.filter(campaign__in=campaigns).update(next_at=moment, state=Schedule.State.ACTIVE)


def kill_around(stack: Stack, plan: Plan, randomness: random.Random) -> Counter[str]:
    """Kills whoever takes part, from the due moment on."""
    stack.sleep(IN.total_seconds() - 0.5)
    killed: Counter[str] = Counter()
    while killed.total() < plan.kills:
        stack.sleep(randomness.uniform(0.1, 1.5))
        kind = randomness.choice(VICTIMS)
        if kind == "pool process":
            workers = stack.alive("celery-control") + stack.alive("celery")
            killed[kind] += bool(workers) and stack.kill_child(randomness.choice(workers), randomness.choice)
        elif victims := stack.alive(kind):
            stack.kill(randomness.choice(victims), group=randomness.random() < 0.7)
            killed[kind] += 1
    return killed


def after_an_hour(planned: list[Campaign], plan: Plan) -> tuple[list[Campaign], list[Campaign]]:
    """While no beat runs: what repeats was due an hour ago, for every other one too long ago for its policy."""
    late, too_late = planned[plan.once :: 2], planned[plan.once + 1 :: 2]
    make_due([*late, *too_late], now() - DOWN)
    Schedule.objects.filter(campaign__in=too_late).update(late_hours=0)
    return late, too_late


def all_sent() -> bool:
    open_batches = Batch.objects.filter(status=BatchStatus.RUNNING).exists()
    starting = Occurrence.objects.filter(outcome=Outcome.STARTING).exists()
    return not (open_batches or starting or still_due()) and Occurrence.objects.exists()


def still_due() -> bool:
    return Schedule.objects.filter(next_at__lte=now()).exists()


def conclusion(
    plan: Plan, killed: Counter[str], late: list[Campaign], too_late: list[Campaign]
) -> tuple[dict[str, Any], list[str]]:
    outcomes = Counter(Occurrence.objects.values_list("outcome", flat=True))
    expected = Counter({Outcome.STARTED.value: plan.once + plan.repeated + len(late)})
    expected[Outcome.MISSED.value] += len(too_late)
    broken = [] if outcomes == expected else [f"the outcomes are {dict(outcomes)}, not {dict(expected)}"]
    times: defaultdict[tuple[str, str], int] = defaultdict(int)
    for delivery in network.deliveries():
        times[delivery["to"], delivery["text"]] += not delivery["duplicate"]
    wanted: Counter[tuple[str, str]] = Counter()
    for number in range(plan.once + plan.repeated):
        runs = Occurrence.objects.filter(schedule__campaign__name=f"Plan {number}", outcome=Outcome.STARTED).count()
        for index in range(plan.people):
            wanted[f"+62812{number:03}{index + 1:05}", f"Plan {number} greets Person {index}"] = runs
    wrong = {key for key in {*times, *wanted} if times.get(key, 0) != wanted[key]}
    broken += [f"{len(wrong)} people got a message more or less often than it was due"] if wrong else []
    started = Campaign.objects.filter(occurrences__outcome=Outcome.STARTED).select_related("batch", "schedule")
    unfinished = [campaign.name for campaign in started if campaign.status not in FINE]
    broken += [f"not finished: {', '.join(unfinished)}"] if unfinished else []
    untrue = [campaign.name for campaign in started if not counts.are_true(campaign.batch_id)]
    broken += [f"counters are not true: {', '.join(untrue)}"] if untrue else []
    summary = {
        "bench": "on_time",
        "seed": plan.seed,
        "once": plan.once,
        "repeated": plan.repeated,
        "kills": dict(sorted(killed.items())),
        "kills_in_all": killed.total(),
        "outcomes": dict(sorted(outcomes.items())),
        "delivered_once_each": sum(wanted.values()) if not wrong else None,
    }
    return summary, broken


FINE = (CampaignStatus.COMPLETED,)
