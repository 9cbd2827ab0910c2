"""Campaigns of 10,000, 100,000 and 1,000,000 people, as fast as they go: what a message costs at each size."""

import psutil

from bench import engine
from bench.results import emit

SIZES = (10_000, 100_000, 1_000_000)
SENDERS = 20


def run(*, quick: bool) -> None:
    senders = engine.make_senders(engine.make_organization("linear"), SENDERS)
    costs: dict[int, float] = {}
    for size in (200, 400) if quick else SIZES:
        engine.remove_messages()
        with engine.running() as started:
            batch = engine.make_batch(senders, size)
            before = started.cpu()
            seconds = engine.send_all(started, batch, size)
            used = started.cpu().since(before)
            memory = psutil.Process(started.workers[0].pid).memory_info().rss
            passes = started.end_planner()
        costs[size] = used.total / size * 1e6
        emit("linear", f"{size} people", size / seconds, "messages/s")
        least = min(costs)
        emit(
            "linear",
            f"{size} people: CPU of all processes",
            costs[size],
            "µs a message",
            ratio_to=f"{least} people" if size > least else "",
            base=costs[least],
        )
        emit("linear", f"{size} people: longest planner's pass", max(passes), "ms")
        emit("linear", f"{size} people: worker's memory", memory / 2**20, "MiB")
