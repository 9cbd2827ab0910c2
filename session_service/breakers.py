"""Circuit breakers: an endpoint that does not answer is left alone for a while, instead of failing every message."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "closed"  # all is well
    OPEN = "open"  # nothing is sent until `opens_again_in` has passed
    HALF_OPEN = "half-open"  # one message tries whether it answers again


@dataclass
class CircuitBreaker:
    """The breaker of one endpoint in one worker.

    Opens after `threshold` failures in a row, for `seconds`; then lets one message through. If that one fails, it
    stays open twice as long, up to `longest` seconds.
    """

    threshold: int = 5
    seconds: float = 5.0
    longest: float = 120.0
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    _open_for: float = 0.0
    _opened_at: float = 0.0

    @property
    def state(self) -> BreakerState:
        if self.failures < self.threshold:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self.opens_again_in <= 0 else BreakerState.OPEN

    @property
    def opens_again_in(self) -> float:
        """Seconds until the next message may try; 0 or less where it may."""
        return self._opened_at + self._open_for - self.clock()

    def failed(self) -> None:
        """The endpoint did not answer. Failures of messages that were under way while it opened do not prolong it."""
        was = self.state
        self.failures += 1
        if was is BreakerState.OPEN or self.failures < self.threshold:
            return
        self._open_for = min(self.longest, self._open_for * 2) if was is BreakerState.HALF_OPEN else self.seconds
        self._opened_at = self.clock()

    def answered(self) -> None:
        """The endpoint answered, be it with a refusal."""
        self.failures = 0

    def describe(self) -> dict[str, str | int]:
        """What pages show."""
        left = max(0, round(self.opens_again_in)) if self.state is BreakerState.OPEN else 0
        return {"state": str(self.state), "failures": self.failures, "tries_again_in": left}
