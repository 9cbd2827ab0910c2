"""Sessions move from worker to worker while they send: one is drained, one is killed, others join."""

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.db.models import Count

from bench.promises.campaign import all_connected, is_finished, judge, make_campaign, make_organization, planning
from bench.promises.emulated import Scanner, deliveries
from bench.promises.faults import running_servers
from bench.promises.stack import NeverHappened, Program, Stack, session_workers
from campaigns import services as campaigns
from messaging.models import Message, MessageStatus
from senders.models import Provider, Sender
from session_service import registry
from session_service.balance import SETTLED_AFTER
from session_service.models import SessionLease

if TYPE_CHECKING:
    from tests.whatsapp_emulator.running import RunningEmulator

LONGEST_TAKE_OVER = 30.0  # seconds, promised
SENDING_SECONDS = 8.0  # between two events


@dataclass(frozen=True)
class Plan:
    seed: int
    senders: int
    people: int
    delays_ms: tuple[int, int]


@dataclass
class Seen:
    """How long each event took, in seconds, and what was sent meanwhile."""

    link: float = 0.0
    drain: float = 0.0
    take_over: float = 0.0
    reconnect: float = 0.0
    sent_before_drain: int = 0
    sent_during_drain: int = 0
    in_doubt_at_kill: int = 0
    broken: list[str] = field(default_factory=list)


class Run:
    def __init__(self, plan: Plan, stack: Stack, emulator: "RunningEmulator | None") -> None:
        self.plan = plan
        self.stack = stack
        self.emulator = emulator
        self.scanner = Scanner(emulator) if emulator else None
        self.seen = Seen()
        self.batch_id = 0
        self.plans = False

    def wait(self, condition: Callable[[], object], what: str, seconds: float) -> float:
        """Plans meanwhile, once there is a campaign. Returns how long it took."""
        began = time.monotonic()
        self.stack.wait(planning(condition) if self.plans else condition, what, seconds)
        return round(time.monotonic() - began, 1)

    def pass_time(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > until, "time has passed", seconds + 30)

    def sent(self) -> int:
        return Message.objects.filter(batch=self.batch_id, sent_at__isnull=False).count()

    # -- The story --

    def begin(self) -> tuple[Program, Program, Program]:
        """Two workers with an even share each; the third is not started yet."""
        first, second, third = session_workers(3)
        self.stack.add([first, second])
        self.seen.link = self.wait(self._linked, "every sender is linked", 60 + 4 * self.plan.senders)
        self.wait(lambda: len(held()) == 2, "both workers have some", 60)
        return first, second, third

    def _linked(self) -> bool:
        if self.scanner:
            self.scanner.scan()
        return all_connected()

    def drain(self, program: Program) -> None:
        worker = registry.find(program.worker_name)
        before = self.seen.sent_before_drain = self.sent()
        began = time.monotonic()
        call_command("drain_worker", str(worker.pk))
        self.wait(lambda: registry.get(worker.pk).state == "drained", "the worker is drained", 120)
        self.seen.drain = round(time.monotonic() - began, 1)
        self.wait(all_connected, "all go on with the other worker", LONGEST_TAKE_OVER)
        self.seen.sent_during_drain = self.sent() - before
        if set(held()) & {worker.pk}:
            self.seen.broken.append("the drained worker took sessions")

    def kill(self, program: Program) -> None:
        its = SessionLease.objects.filter(worker_id=registry.find(program.worker_name).pk)
        epochs = dict(its.values_list("sender_id", "epoch"))
        messages = Message.objects.filter(batch=self.batch_id, status=MessageStatus.SENDING)
        self.wait(messages.exists, "something is being sent", 60)
        self.stack.programs.pop(program.name)
        self.stack.kill(program, signal.SIGKILL)
        self.seen.in_doubt_at_kill = messages.count()
        taken = partial(_all_taken, epochs)
        self.seen.take_over = self.wait(taken, "all were taken over", 2 * LONGEST_TAKE_OVER)
        self.seen.reconnect = self.seen.take_over + self.wait(all_connected, "all are connected again", 60)
        if self.seen.take_over > LONGEST_TAKE_OVER:
            self.seen.broken.append(f"the take-over took {self.seen.take_over} s")

    def tell(self) -> None:
        print(f"{time.strftime('%X')} {dict(held())}; sent {self.sent()}; {self.seen}", file=sys.stderr, flush=True)


def held() -> Counter[int]:
    """Leases by worker."""
    rows = SessionLease.objects.filter(worker__isnull=False).values_list("worker").annotate(number=Count("pk"))
    return Counter(dict(rows.order_by("worker")))


def _all_taken(before: dict[int, int]) -> bool:
    now = SessionLease.objects.filter(sender__in=before).values_list("sender_id", "epoch")
    return all(epoch > before[sender_id] for sender_id, epoch in now)


def run(plan: Plan, data_dir: Path, emulator: "RunningEmulator | None") -> tuple[dict[str, Any], list[str]]:
    """Returns the summary and what was broken."""
    with running_servers(data_dir) as stack:
        provider = Provider.BAILEYS if emulator else Provider.SIMULATED
        organization, _senders = make_organization(plan.senders, provider)
        campaign, audience = make_campaign(organization, plan.people, plan.delays_ms, random.Random(plan.seed))
        run = Run(plan, stack, emulator)
        run.batch_id = campaign.batch_id
        first, second, third = run.begin()
        codes = run.scanner.scanned if run.scanner else 0
        campaigns.start_campaign(campaign=campaign)
        run.plans = True
        began = time.monotonic()
        try:
            run.pass_time(SENDING_SECONDS)
            run.tell()
            run.drain(first)
            run.tell()
            stack.add([third])
            run.pass_time(SETTLED_AFTER + SENDING_SECONDS)  # it gets some before the other is killed
            run.kill(second)
            run.tell()
            run.wait(partial(is_finished, campaign.batch_id), "the campaign is finished", 600)
        except NeverHappened as problem:
            run.seen.broken.append(str(problem))
        seconds = round(time.monotonic() - began, 1)
        stack.sleep(3)  # receipts of the last messages
        arrivals = list(deliveries(emulator)) if emulator else None
        replaced = len(emulator.replaced()) if emulator else _said_in_logs(data_dir, "is replaced")
        stack.stop([name for name in stack.programs if name.startswith("session-service")])
        outcome = judge(campaign.batch_id, audience, keeps_ids=True, deliveries=arrivals)
        figures = dict(vars(run.seen))
        broken = [*figures.pop("broken"), *outcome.broken]
        if replaced:
            broken.append(f"a session was open twice {replaced} times")
        if scans := _said_in_logs(data_dir, "is scan") - codes if codes else 0:
            broken.append(f"{scans} QR codes were shown to senders that had been linked")
        if linked := Sender.objects.exclude(status="connected").count():
            broken.append(f"{linked} senders are not connected in the end")
        summary = {
            "bench": "handover",
            "seed": plan.seed,
            "provider": str(provider),
            "senders": plan.senders,
            "people": plan.people,
            "seconds": seconds,
            **figures,
            "open_twice": replaced,
            **outcome.figures,
        }
        return summary, broken


def _said_in_logs(data_dir: Path, words: str) -> int:
    return sum(words in line for log in (data_dir / "logs").glob("session-service-*") for line in log.open())
