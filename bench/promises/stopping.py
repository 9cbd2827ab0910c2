"""Stops the owner of all sessions until its lease is over, and continues it when another one has gone on."""

import random
import signal
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.promises.campaign import (
    Audience,
    all_connected,
    is_finished,
    judge,
    make_campaign,
    make_organization,
    patiently,
    planning,
)
from bench.promises.faults import running_servers
from bench.promises.stack import NeverHappened, Program, Stack, session_workers
from campaigns import services as campaigns
from messaging import planner
from messaging.models import Message, MessageStatus
from session_service.models import SessionLease
from session_service.providers.simulated import network

SENDERS = 4
PEOPLE_A_ROUND = 150
DELAYS_MS = (150, 350)  # about as many people a round as a round takes
LONGEST_TAKE_OVER = 30.0  # seconds, promised
LOOKS = 400  # for a moment at which something is leased that has not arrived
AWAKE_SECONDS = 1.5  # how long the stale owner may do harm


@dataclass(frozen=True)
class Plan:
    seed: int
    rounds: int
    keeps_ids: bool


@dataclass
class Seen:
    """What all rounds together came to. "In doubt" is what the stopped owner had leased and not written."""

    rounds: int = 0
    in_doubt: int = 0
    in_doubt_and_not_arrived: int = 0
    longest_take_over: float = 0.0
    sent_by_stale_owner: int = 0
    changed_by_stale_owner: int = 0
    broken: list[str] = field(default_factory=list)


def run(plan: Plan, data_dir: Path) -> tuple[dict[str, Any], list[str]]:
    """Returns the summary and what was broken."""
    randomness = random.Random(plan.seed)
    with running_servers(data_dir) as stack:
        began = time.monotonic()
        organization, _senders = make_organization(SENDERS)
        campaign, audience = make_campaign(organization, PEOPLE_A_ROUND * plan.rounds, DELAYS_MS, randomness)
        first, second = session_workers(2)
        stack.add([first])
        stack.wait(all_connected, "every sender is connected", 60)
        stack.add([second])  # finds none to take, and gets none: this run moves nothing for evenness
        campaigns.start_campaign(campaign=campaign)
        seen = Seen()
        for _ in range(plan.rounds):
            _round(stack, randomness, campaign.batch_id, seen)
        stack.wait(planning(partial(is_finished, campaign.batch_id)), "the campaign is finished", 120)
        stack.sleep(1.5)  # receipts of the last messages
        stack.stop([name for name in stack.programs if name.startswith("session-service")])
        return _conclusion(plan, stack, audience, campaign.batch_id, seen, time.monotonic() - began)


def _round(stack: Stack, randomness: random.Random, batch_id: int, seen: Seen) -> None:
    stack.wait(planning(lambda: _numbers(batch_id)[MessageStatus.SENDING]), "something is being sent", 60)
    owner = _owner(stack)
    epochs = _epochs()
    _stop_with_something_leased(stack, owner, randomness, batch_id)
    stopped = time.monotonic()
    doubtful = set(Message.objects.filter(batch=batch_id, status=MessageStatus.SENDING).values_list("pk", flat=True))
    numbers = dict(Message.objects.filter(pk__in=doubtful).values_list("pk", "phone_number"))
    absent = set(numbers.values()) - {each["to"] for each in network.deliveries()}
    try:
        stack.wait(planning(lambda: _all_taken(epochs)), "the other worker has taken over", LONGEST_TAKE_OVER)
        seen.longest_take_over = max(seen.longest_take_over, round(time.monotonic() - stopped, 1))
        stack.wait(planning(lambda: not _unsettled(doubtful)), "it has settled what was in doubt", 120)
    except NeverHappened as problem:
        seen.broken.append(str(problem))
    _wake(stack, owner, numbers, seen)
    seen.rounds += 1
    seen.in_doubt += len(doubtful)
    seen.in_doubt_and_not_arrived += len(absent)


def _owner(stack: Stack) -> Program:
    """The worker that holds the sessions; the other one has none to take."""
    names = set(SessionLease.objects.filter(worker__isnull=False).values_list("worker__name", flat=True))
    owners = [
        each for each in stack.alive("session-service") if each.process is not None and each.worker_name in names
    ]
    if len(owners) != 1:
        raise NeverHappened(f"one worker should hold every sender, and {len(owners)} do")
    return owners[0]


def _epochs() -> dict[int, int]:
    return dict(SessionLease.objects.values_list("sender_id", "epoch"))


def _all_taken(before: dict[int, int]) -> bool:
    return all(epoch > before[sender_id] for sender_id, epoch in _epochs().items()) and all_connected()


def _numbers(batch_id: int) -> Counter[int]:
    return Counter(Message.objects.filter(batch=batch_id).values_list("status", flat=True))


def _unsettled(doubtful: set[int]) -> bool:
    waiting = (MessageStatus.QUEUED, MessageStatus.SENDING)
    return Message.objects.filter(pk__in=doubtful, status__in=waiting).exists()


def _stop_with_something_leased(stack: Stack, owner: Program, randomness: random.Random, batch_id: int) -> None:
    """Stops the owner at a moment at which it has leased what has not arrived yet: those sends are still to come.

    There is such a moment between each lease and its send. Where none is met, what waits for its answer must do.
    """
    for _ in range(LOOKS):
        stack.signal(owner, signal.SIGSTOP)
        leased = Message.objects.filter(batch=batch_id, status=MessageStatus.SENDING)
        numbers = set(leased.values_list("phone_number", flat=True))
        if numbers - {each["to"] for each in network.deliveries()}:
            return
        stack.signal(owner, signal.SIGCONT)
        stack.sleep(randomness.uniform(0.002, 0.03))
        planner.plan_all()
    stack.signal(owner, signal.SIGSTOP)


def _wake(stack: Stack, owner: Program, numbers: dict[int, str], seen: Seen) -> None:
    """Continues the stale owner, and compares what it might have changed."""
    rows = _fixed(numbers)
    epochs = _epochs()
    arrivals = Counter(each["to"] for each in network.deliveries())
    stack.signal(owner, signal.SIGCONT)
    stack.wait(planning(lambda: True), "nothing", 1)
    until = time.monotonic() + AWAKE_SECONDS
    while time.monotonic() < until:
        stack.sleep(0.2)
        planner.plan_all()
    later = Counter(each["to"] for each in network.deliveries())
    seen.sent_by_stale_owner += sum(later[to] - arrivals[to] for to in numbers.values())
    now = _fixed(numbers)
    seen.changed_by_stale_owner += sum(rows[pk] != now[pk] for pk in rows)
    if _epochs() != epochs:
        seen.broken.append("the stale owner changed leases")


def _fixed(numbers: dict[int, str]) -> dict[int, tuple[Any, ...]]:
    """Of settled messages what no receipt changes."""
    fields = ("sender_id", "lease_epoch", "attempts", "whatsapp_id", "sent_at", "error_code", "text")
    return {row[0]: row[1:] for row in Message.objects.filter(pk__in=numbers).values_list("pk", *fields)}


def _conclusion(
    plan: Plan, stack: Stack, audience: Audience, batch_id: int, seen: Seen, seconds: float
) -> tuple[dict[str, Any], list[str]]:
    outcome = patiently(stack, lambda: judge(batch_id, audience, keeps_ids=plan.keeps_ids))
    figures = asdict(seen)
    broken = [*figures.pop("broken"), *outcome.broken]
    if not seen.in_doubt:
        broken.append("nothing was in doubt at any stop, so that nothing was tried")
    if seen.sent_by_stale_owner:
        broken.append(f"{seen.sent_by_stale_owner} messages of a stale owner arrived")
    if seen.changed_by_stale_owner:
        broken.append(f"{seen.changed_by_stale_owner} messages were changed by a stale owner")
    if workers := stack.died_by_themselves["session-service"]:
        broken.append(f"session workers gave up {workers} times")
    summary = {
        "bench": "stale_owner",
        "seed": plan.seed,
        "keeps_ids": plan.keeps_ids,
        "people": len(audience.texts),
        "seconds": round(seconds, 1),
        **figures,
        **outcome.figures,
    }
    return summary, broken
