"""A broadcast in groups while the processes that it runs on are killed: everybody once, and no group before its time."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.promises.campaign import Audience, all_connected, judge, make_organization, patiently
from bench.promises.faults import await_end, inject, running_servers
from bench.promises.stack import product
from broadcasts import services as broadcasts
from messaging.models import Batch
from messaging.models import Message as LedgerMessage
from session_service.providers.simulated import network
from whatsapp_automation import private_servers

TEXT = "Open until nine today."
WORKERS = 2
KINDS = ("session-service", "celery-control", "celery", "pool process", "beat", "postgres", "redis")


@dataclass(frozen=True)
class Plan:
    """`spacing` and `gap` are in seconds: between two faults on average, and between two groups."""

    seed: int
    faults: int
    people: int
    senders: int
    spacing: float
    gap: int


def run(plan: Plan, data_dir: Path, port: int) -> tuple[dict[str, Any], list[str]]:
    """One broadcast from start to end. Returns the summary and what was broken."""
    randomness = random.Random(plan.seed)
    numbers = [f"+62812{index:07}" for index in range(1, plan.people + 1)]
    audience = Audience({number: TEXT for number in numbers if not number.endswith("0000")})
    audience.never = set(numbers) - set(audience.texts)
    with running_servers(data_dir) as stack:
        organization, _senders = make_organization(plan.senders)
        made = broadcasts.create_list(organization=organization, name="All", gap_seconds=plan.gap, numbers=numbers)
        stack.add(product(port, WORKERS, capacity=max(1, plan.senders * 3 // 4)))
        stack.wait(all_connected, "every sender is connected", 120)
        batch = broadcasts.send_broadcast(broadcast_list=made, text=TEXT).batch
        began = time.monotonic()
        done: Counter[str] = Counter()
        while done.total() < plan.faults:
            stack.sleep(randomness.uniform(0.3, 2 * plan.spacing))
            kind = randomness.choice(KINDS)
            done[kind] += inject(kind, stack, randomness)
        broken = await_end(stack, batch.pk)
        seconds = time.monotonic() - began
        stack.stop([name for name in stack.programs if name not in private_servers.COMMANDS])
        outcome = patiently(stack, lambda: judge(batch.pk, audience, keeps_ids=True))
        early = patiently(stack, lambda: too_early(batch, plan.gap))
    broken += outcome.broken + [
        f"{number} people of later groups got it before their time" for number in [early] if early
    ]
    summary = {
        "bench": "broadcast_kills",
        "seed": plan.seed,
        "people": plan.people,
        "groups": -(-plan.people // 256),
        "faults_in_all": done.total(),
        "faults": dict(sorted(done.items())),
        "seconds": round(seconds, 1),
        "too_early": early,
        **outcome.figures,
    }
    return summary, broken


def too_early(batch: Batch, gap: int) -> int:
    """How many messages reached a phone before the group before theirs was gone for so long."""
    gone = dict(batch.waves.exclude(gone_at=None).values_list("number", "gone_at"))
    waves = dict(LedgerMessage.objects.filter(batch=batch).values_list("phone_number", "wave"))
    first: dict[str, datetime] = {}
    for delivery in network.deliveries():
        first.setdefault(delivery["to"], datetime.fromisoformat(delivery["at"]))
    early = 0
    for number, at in first.items():
        before = gone.get((waves[number] or 0) - 1)
        early += before is not None and at < before + timedelta(seconds=gap)
    return early
