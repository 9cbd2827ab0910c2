"""Random campaigns to forecast, each the same for the same seed: senders, quotas, warm-up, windows, rivals, failures."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

ZONES = ["Asia/Jakarta", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu"]
# Clock changes in Berlin, New York and St. John's are among the days to come.
DAYS = [datetime(2027, 3, 12, tzinfo=UTC), datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 10, 29, tzinfo=UTC)]
WINDOWS: list[list[dict[str, Any]]] = [
    [],
    [],
    [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:00"}],
    [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "08:00", "to": "20:00"}],
    [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "20:00", "to": "02:00"}],
]
PREFIXES = ["+62812", "+4915112", "+551198"]  # Jakarta, Berlin, São Paulo


@dataclass
class PlannedBatch:
    """`pool` are places in the list of senders."""

    size: int
    pool: list[int]
    delays_ms: tuple[int, int]
    windows: list[dict[str, Any]]
    recipient_time: bool = False


@dataclass
class Plan:
    """The first of the batches is the campaign that is forecast. `senders` are fields of theirs; every tenth person is
    blocked where `blocks` says so, and `failure_share` of the attempts fail."""

    number: int
    starts_at: datetime
    zone: str
    senders: list[dict[str, Any]] = field(default_factory=list)
    batches: list[PlannedBatch] = field(default_factory=list)
    blocks: bool = False
    failure_share: float = 0.0

    @property
    def name(self) -> str:
        campaign = self.batches[0]
        rivals = len(self.batches) - 1
        return (
            f"plan {self.number}: {campaign.size} people, {len(campaign.pool)} senders"
            f"{f', {rivals} rivals' if rivals else ''}{', hours' if campaign.windows else ''}"
            f"{' of recipients' if campaign.recipient_time else ''}{', failures' if self.failure_share else ''}"
        )


def draw(number: int, *, largest: int) -> Plan:
    """The plan of this number. The campaign has at most `largest` people."""
    randomness = random.Random(number)
    pick = randomness.choice
    starts_at = pick(DAYS) + timedelta(seconds=randomness.randrange(24 * 3600))
    plan = Plan(number, starts_at, pick(ZONES), blocks=randomness.random() < 0.3)
    plan.failure_share = pick([0.0, 0.0, 0.0, 0.02, 0.06])
    plan.senders = [_sender(randomness, starts_at) for _ in range(pick([1, 2, 4, 8, 12]))]
    for rank in range(pick([1, 1, 2, 3])):
        shortest = pick([500, 2000, 4000, 10_000])
        everybody = list(range(len(plan.senders)))
        windows = pick(WINDOWS)
        plan.batches.append(
            PlannedBatch(
                size=pick([largest // 8, largest // 3, largest]),
                pool=everybody
                if rank == 0
                else sorted(randomness.sample(everybody, randomness.randint(1, len(everybody)))),
                delays_ms=(shortest, round(shortest * pick([1.0, 1.5, 3.0]))),
                windows=windows,
                recipient_time=rank == 0 and bool(windows) and randomness.random() < 0.4,
            )
        )
    return plan


def _sender(randomness: random.Random, starts_at: datetime) -> dict[str, Any]:
    pick = randomness.choice
    fields: dict[str, Any] = {
        "quota_per_minute": pick([None, 10, 20]),
        "quota_per_hour": pick([None, 150, 400]),
        "quota_per_day": pick([None, 300, 1000]),
        "linked_at": starts_at - timedelta(days=90),
    }
    chance = randomness.random()
    if chance < 0.15:
        fields |= {"warm_up_per_day": 40, "linked_at": starts_at - timedelta(days=randomness.randrange(4))}
    elif chance < 0.25:
        fields |= {"resting_until": _quarter(starts_at, randomness.randint(1, 4))}
    elif chance < 0.35:
        fields |= {"first_contacts_held_until": _quarter(starts_at, randomness.randint(2, 20))}
    return fields


def _quarter(moment: datetime, number: int) -> datetime:
    """The full quarter of an hour that comes as the `number`th after a moment."""
    return datetime.fromtimestamp((moment.timestamp() // 900 + number) * 900, UTC)
