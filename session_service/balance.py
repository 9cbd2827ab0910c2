"""How senders are divided among workers: who may take how many, and who hands some over.

Every worker looks at the same rows and comes to its own conclusion; nobody is in charge. A share is even by capacity
and rounded up. Free senders go to workers below their share. A worker that has more than its share, beyond the
tolerance, hands senders over until it has its share: as nobody takes more than a share, they do not come back.
"""

import math
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

SETTLED_AFTER = 10.0  # seconds; to a worker that has just joined nothing is moved, as it may be dying again and again
LONG_FREE = 10.0  # seconds after which anybody with room takes a sender, whoever has a share left


@dataclass(frozen=True, slots=True)
class Load:
    """A worker that is alive, with the number of leases that it holds and the seconds since its start."""

    capacity: int
    held: int
    draining: bool = False
    age: float = 3600.0


@dataclass(frozen=True, slots=True)
class Balance:
    """All workers that are alive, and the senders that should be connected: in all, free, and free for long."""

    loads: dict[int, Load]
    wanted: int
    free: int
    long_free: int

    def share_of(self, worker_id: int) -> int:
        """How many senders belong with a worker; none with one that is draining."""
        load = self.loads.get(worker_id)
        if load is None or load.draining:
            return 0
        capacity = sum(each.capacity for each in self.loads.values() if not each.draining)
        return min(load.capacity, math.ceil(self.wanted * load.capacity / capacity))

    def may_take(self, worker_id: int, held: int) -> int:
        """How many free senders a worker that holds `held` may take."""
        load = self.loads.get(worker_id)
        if load is None or load.draining:
            return 0
        return max(0, min(load.capacity - held, max(self.share_of(worker_id) - held, self.long_free)))

    def is_uneven(self, worker_id: int, *, moving: bool) -> bool:
        """Whether a worker has too much: above the tolerance, or, once it has begun to move, above its share."""
        share = self.share_of(worker_id)
        tolerance = 0 if moving else max(1, math.ceil(share * settings.SESSION_BALANCE_TOLERANCE))
        return self.loads[worker_id].held > share + tolerance

    def may_give(self, worker_id: int) -> int:
        """How many senders a worker may hand over: what is above its share and others are short of; when it drains, as
        many as others have room for."""
        load = self.loads[worker_id]
        if load.draining:
            return min(load.held, self.room_elsewhere(worker_id))
        return max(0, min(load.held - self.share_of(worker_id), self.shares_left_elsewhere(worker_id)))

    def room_elsewhere(self, worker_id: int) -> int:
        """Senders that the other workers have room for, beside those that are free already."""
        others = (load for number, load in self.loads.items() if number != worker_id and not load.draining)
        return max(0, sum(max(0, load.capacity - load.held) for load in others) - self.free)

    def shares_left_elsewhere(self, worker_id: int) -> int:
        """Senders that the others are short of, beside those that are free already."""
        short = sum(
            max(0, self.share_of(number) - load.held)
            for number, load in self.loads.items()
            if number != worker_id and load.age >= SETTLED_AFTER
        )
        return max(0, short - self.free)


def look() -> Balance:
    with connection.cursor() as cursor:
        lease = settings.SESSION_LEASE_SECONDS
        cursor.execute(
            """
            SELECT worker.id, worker.capacity, count(lease.sender_id), worker.draining,
                extract(epoch FROM clock_timestamp() - worker.started_at)::float
            FROM session_service_sessionworker AS worker
            LEFT JOIN session_service_sessionlease AS lease
                ON lease.worker_id = worker.id AND lease.expires_at > clock_timestamp()
            WHERE worker.stopped_at IS NULL AND worker.heartbeat_at > clock_timestamp() - %s * interval '1 second'
            GROUP BY worker.id
            """,
            [lease],
        )
        loads = {row[0]: Load(*row[1:]) for row in cursor.fetchall()}
        cursor.execute(
            """
            SELECT count(*), count(*) FILTER (WHERE free), count(*) FILTER (WHERE free AND long)
            FROM senders_sender AS sender
            LEFT JOIN session_service_sessionlease AS lease ON lease.sender_id = sender.id
            CROSS JOIN LATERAL (
                SELECT lease.worker_id IS NULL OR lease.expires_at < clock_timestamp() AS free,
                    lease.expires_at < clock_timestamp() - %(long)s * interval '1 second'
                        AND sender.status_at < clock_timestamp() - %(long)s * interval '1 second' AS long
            ) AS state
            WHERE sender.wanted
            """,
            {"long": LONG_FREE},
        )
        return Balance(loads, *(cursor.fetchone() or (0, 0, 0)))


@dataclass
class Rate:
    """So many a second; what was not taken is saved for the next look, up to two seconds' worth (and at least one). A
    rate of 0 allows none."""

    a_second: float
    _saved: float = field(init=False)
    _saved_at: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        self._saved = max(1.0, self.a_second) if self.a_second else 0.0

    @property
    def _most(self) -> float:
        return max(1.0, 2 * self.a_second) if self.a_second else 0.0

    def take(self, most: int) -> int:
        """How many of `most` may happen now."""
        moment = time.monotonic()
        self._saved = min(self._most, self._saved + (moment - self._saved_at) * self.a_second)
        self._saved_at = moment
        number = max(0, min(most, int(self._saved)))
        self._saved -= number
        return number

    def give_back(self, number: int) -> None:
        self._saved += number
