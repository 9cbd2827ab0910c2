"""Kills the processes of a running campaign at random moments."""

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from bench.promises import campaign as campaigns_of_bench
from bench.promises.campaign import Audience, all_connected, is_finished, judge, patiently
from bench.promises.stack import NeverHappened, Program, Stack, product, servers
from campaigns import services as campaigns
from messaging import queries
from whatsapp_automation import private_servers

WORKERS = 2
SAYS_EVERY = 10.0  # seconds, on standard error
LONGEST_END = 300.0  # seconds from the last fault to the end of the campaign
LEAST_PAUSE = 0.3

# How often each is chosen. A pool process is one that a Celery worker forks for the tasks themselves.
WEIGHTS = {
    "session-service": 30,
    "celery-control": 13,
    "celery": 6,
    "pool process": 9,
    "beat": 8,
    "web": 6,
    "redis": 14,
    "postgres": 14,
}


@dataclass(frozen=True)
class Plan:
    """What a run is to do. `spacing` is in seconds, from one fault to the next on average."""

    seed: int
    faults: int
    people: int
    senders: int
    spacing: float
    keeps_ids: bool

    @property
    def delays_ms(self) -> tuple[int, int]:
        """Delays of each sender that let the campaign last about as long as the faults; the faults make it longer."""
        usual = self.faults * self.spacing / (self.people / self.senders) * 700
        return round(usual * 0.6), round(usual * 1.4)


def run(plan: Plan, data_dir: Path, port: int) -> tuple[dict[str, Any], list[str]]:
    """One campaign from start to end. Returns the summary and what was broken."""
    randomness = random.Random(plan.seed)
    with running_servers(data_dir) as stack:
        organization, _senders = campaigns_of_bench.make_organization(plan.senders)
        made, audience = campaigns_of_bench.make_campaign(organization, plan.people, plan.delays_ms, randomness)
        # Neither worker can hold all senders, so that both work; one that remains takes over what it can.
        stack.add(product(port, WORKERS, capacity=max(1, plan.senders * 3 // 4)))
        stack.wait(all_connected, "every sender is connected", 120)
        campaigns.start_campaign(campaign=made)
        began = time.monotonic()
        done = _disturb(plan, stack, randomness, made.batch_id)
        broken = await_end(stack, made.batch_id)
        seconds = time.monotonic() - began
        stack.stop([name for name in stack.programs if name not in private_servers.COMMANDS])
        return _conclusion(plan, stack, audience, made.batch_id, done, seconds, broken)


@contextmanager
def running_servers(data_dir: Path) -> Iterator[Stack]:
    """Migrated servers; whatever is added to the stack ends with the block."""
    with private_servers.locked(data_dir):
        stack = Stack(data_dir)
        try:
            stack.add(servers(data_dir))
            for name in private_servers.COMMANDS:
                stack.wait(partial(private_servers.answers, data_dir, name), f"{name} answers", 60)
            private_servers.make_database(data_dir)
            call_command("migrate", verbosity=0)
            yield stack
        finally:
            connection.close()
            stack.stop()


def _disturb(plan: Plan, stack: Stack, randomness: random.Random, batch_id: int) -> Counter[str]:
    """Injects the faults; stops early where the campaign ends before."""
    done: Counter[str] = Counter()
    said = time.monotonic()
    while done.total() < plan.faults:
        stack.sleep(LEAST_PAUSE + randomness.expovariate(1 / max(0.01, plan.spacing - LEAST_PAUSE)))
        [kind] = randomness.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if inject(kind, stack, randomness):
            done[kind] += 1
        if time.monotonic() - said > SAYS_EVERY:
            said = time.monotonic()
            if patiently(stack, lambda: is_finished(batch_id)):
                break
            _say(stack, batch_id, f"{done.total()} faults")
    return done


def inject(kind: str, stack: Stack, randomness: random.Random) -> bool:
    """One fault. False where there is nothing to kill at this moment, because it is being started again."""
    if kind == "pool process":
        workers = stack.alive("celery-control") + stack.alive("celery")
        return bool(workers) and stack.kill_child(randomness.choice(workers), randomness.choice)
    victims: list[Program] = stack.alive(kind)
    if not victims:
        return False
    if kind == "postgres":  # its immediate stop: no checkpoint, every connection cut, recovery at the next start
        stack.kill(victims[0], signal.SIGQUIT, group=False)
    else:
        # Mostly the whole process group; sometimes the parent alone, whose children then have to notice.
        stack.kill(randomness.choice(victims), group=randomness.random() < 0.7)
    return True


def await_end(stack: Stack, batch_id: int) -> list[str]:
    """Waits until the campaign has ended by itself. Returns what was broken."""
    until = time.monotonic() + LONGEST_END
    while not patiently(stack, lambda: is_finished(batch_id)):
        if time.monotonic() > until:
            return [f"the campaign did not end within {LONGEST_END:.0f} s of the last fault"]
        _say(stack, batch_id, "waiting for the end")
        stack.sleep(SAYS_EVERY / 2)
    stack.sleep(2)  # receipts of the last messages
    return []


def _say(stack: Stack, batch_id: int, what: str) -> None:
    stats = patiently(stack, lambda: queries.batch_stats(batch_id))
    figures = {name: number for name, number in stats.items() if number}
    print(f"{what}; {figures}; died by themselves: {dict(stack.died_by_themselves)}", file=sys.stderr, flush=True)


def _conclusion(
    plan: Plan,
    stack: Stack,
    audience: Audience,
    batch_id: int,
    done: Counter[str],
    seconds: float,
    broken: list[str],
) -> tuple[dict[str, Any], list[str]]:
    outcome = patiently(stack, lambda: judge(batch_id, audience, keeps_ids=plan.keeps_ids))
    broken = [*broken, *outcome.broken]
    if done.total() < plan.faults:
        broken.append(f"only {done.total()} of {plan.faults} faults fitted in: take a longer spacing")
    if workers := stack.died_by_themselves["session-service"]:
        broken.append(f"session workers gave up {workers} times")
    summary = {
        "bench": "crash",
        "seed": plan.seed,
        "people": plan.people,
        "senders": plan.senders,
        "keeps_ids": plan.keeps_ids,
        "faults": dict(sorted(done.items())),
        "faults_in_all": done.total(),
        "died_by_themselves": dict(stack.died_by_themselves),
        "seconds": round(seconds, 1),
        **outcome.figures,
    }
    return summary, broken


__all__ = ["NeverHappened", "Plan", "await_end", "inject", "run", "running_servers"]
