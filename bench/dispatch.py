"""Whole campaigns, as fast as they go, by us and by the designs that others use.

Every design leaves the same record of each message in Postgres: sent with id, text and time, a row in the log, the
sender's and the batch's counters, delivered, read. Rounds are interleaved, so that all see the same machine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from bench import engine
from bench.peers import campaigns
from bench.results import emit
from senders.models import Sender

ROUNDS = 3


@dataclass
class Subject:
    """One design. `run` sends a campaign of `size` and gives the seconds it took."""

    name: str
    size: int
    run: Callable[[int], float]
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)


def run(*, quick: bool) -> None:
    campaigns.install()
    senders = engine.make_senders(engine.make_organization("dispatch"), campaigns.SENDERS)
    for latency_ms in (0, 50):
        _compare(latency_ms, senders, quick=quick)


def _compare(latency_ms: int, senders: list[Sender], *, quick: bool) -> None:
    def ours(workers: int) -> Callable[[int], float]:
        return lambda size: _send(senders, size, workers=workers, latency_ms=latency_ms)

    def bullmq(concurrency: int) -> Callable[[int], float]:
        return lambda size: campaigns.bullmq(size, concurrency=concurrency, latency_ms=latency_ms)

    def celery(pool: str, concurrency: int, *, orm: bool = False) -> Callable[[int], float]:
        return lambda size: campaigns.celery(size, pool=pool, concurrency=concurrency, latency_ms=latency_ms, orm=orm)

    subjects = [
        Subject("ours, 2 workers", 50_000, ours(2)),
        Subject("ours, 1 worker", 50_000, ours(1)),
        Subject("bullmq, concurrency 10", 1_500 if latency_ms else 4_000, bullmq(10)),
        Subject("bullmq, concurrency 50", 4_000, bullmq(50)),
        Subject("celery, 4 processes", 500 if latency_ms else 2_000, celery("prefork", 4)),
        Subject("celery with the ORM, 4 processes", 500 if latency_ms else 1_000, celery("prefork", 4, orm=True)),
    ]
    if latency_ms:
        subjects.append(Subject("celery, 50 threads", 2_000, celery("threads", 50)))
    for _ in range(1 if quick else ROUNDS):
        for subject in subjects:
            size = subject.size // 50 if quick else subject.size
            subject.rates.append(size / subject.run(size))
    bench = f"dispatch with {latency_ms} ms of network" if latency_ms else "dispatch"
    for subject in subjects:
        emit(bench, subject.name, subject.rate, "messages/s", rounds=[round(rate) for rate in subject.rates])
    for family in ("bullmq, ", "celery, ", "celery with the ORM, "):
        best = max((each for each in subjects if each.name.startswith(family)), key=lambda each: each.rate)
        emit(bench, subjects[0].name, subjects[0].rate, "messages/s", ratio_to=best.name, base=best.rate)


def _send(senders: list[Sender], size: int, *, workers: int, latency_ms: int) -> float:
    with engine.running(workers=workers, latency_ms=latency_ms) as started:
        engine.remove_messages()
        return engine.send_all(started, engine.make_batch(senders, size), size)
