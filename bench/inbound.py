"""Messages from people, written in commits of 2,000: what it costs to look in each for a word that opts out."""

import time
from datetime import UTC, datetime
from statistics import median

from bench import engine
from bench.results import emit
from messaging import ledger, opt_outs
from messaging.events import Inbound
from senders.models import Sender

A_COMMIT = 2_000
ROUNDS = 15
SENDERS = 50
SAID = (
    "Halo kak, saya mau pesan 2 ya 🙏",
    "ok thanks",
    "Berapa harganya?",
    "Terima kasih banyak",
    "When do you open?",
)


def run(*, quick: bool) -> None:
    size, rounds = (200, 3) if quick else (A_COMMIT, ROUNDS)
    engine.remove_messages()
    senders = engine.make_senders(engine.make_organization("inbound"), SENDERS)
    look = opt_outs.honour
    costs: dict[str, list[float]] = {"no look": [], "each looked at": [], "one in 100 opts out": []}
    try:
        for number in range(rounds):  # interleaved, so that a busy moment of the machine strikes all alike
            opt_outs.honour = lambda *_: None
            costs["no look"].append(_cost(senders, size, f"a{number}"))
            opt_outs.honour = look
            costs["each looked at"].append(_cost(senders, size, f"b{number}"))
            costs["one in 100 opts out"].append(_cost(senders, size, f"c{number}", every=100))
    finally:
        opt_outs.honour = look
    base = median(costs["no look"]) * 1e6
    for subject, found in costs.items():
        ratio_to = "" if subject == "no look" else "no look"
        emit("inbound", subject, median(found) * 1e6, "µs a message", ratio_to=ratio_to, base=base)


def _cost(senders: list[Sender], size: int, name: str, *, every: int = 0) -> float:
    """Seconds a message of one commit; `every` so-many-th of them says stop, each from another person."""
    at = datetime.now(UTC)
    events = [
        Inbound(
            sender_id=senders[index % len(senders)].pk,
            phone_number=f"+62{ord(name[0])}{int(name[1:]):03}{index:05}",
            whatsapp_id=f"{name}.{index}",
            text="stop!" if every and index % every == 0 else SAID[index % len(SAID)],
            at=at,
        )
        for index in range(size)
    ]
    started = time.perf_counter()
    ledger.record(events)
    return (time.perf_counter() - started) / size
