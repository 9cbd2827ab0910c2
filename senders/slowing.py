"""How much failures slow a sender down in the long run, by the rules of `senders.health`. Pure functions."""

from dataclasses import dataclass
from functools import lru_cache

from senders.health import FAILURE_COSTS, LOWEST_HEALTH, PAUSES_AT, REST_MINUTES, RESTS_AT, SUCCESS_GIVES

MOST_LIKELY_TO_FAIL = 0.9  # beyond it a sender pauses itself before a mean of anything is reached
ROUNDS = 400  # after so many messages the health no longer depends on what it was at first


@dataclass(frozen=True, slots=True)
class Slowing:
    """A pause between two messages lasts `times` as long, and each message costs `wait` seconds more, on average: until
    a sender whose health was too low has recovered, and while it rests after several failures in a row."""

    times: float = 1.0
    wait: float = 0.0


@lru_cache(maxsize=256)
def slowing_at(failure_share: float) -> Slowing:
    """What a share (0 to 1) of messages that fail through the sender's fault does to it.

    Follows the spread of its health from message to message until that settles. The minutes that heal a sender count
    only while it is too unwell to send: every result begins a new minute.
    """
    share = min(MOST_LIKELY_TO_FAIL, max(0.0, round(failure_share, 4)))
    if not share:
        return Slowing()
    spread = {100: 1.0}
    waited = 0.0
    for _ in range(ROUNDS):
        after: dict[int, float] = {}
        waited = 0.0
        for health, likely in spread.items():
            better = min(100, health + SUCCESS_GIVES)
            after[better] = after.get(better, 0.0) + likely * (1 - share)
            worse = health - FAILURE_COSTS
            if worse < LOWEST_HEALTH:
                waited += likely * share * (LOWEST_HEALTH - worse) * 60
                worse = LOWEST_HEALTH
            after[worse] = after.get(worse, 0.0) + likely * share
        spread = after
    rests = share**RESTS_AT * REST_MINUTES * 60
    return Slowing(sum(likely * 100 / health for health, likely in spread.items()), waited + rests)


def likely_to_pause(failure_share: float, messages: float) -> float:
    """About how likely it is (0 to 1) that so many failures in a row pause a sender within so many messages."""
    return min(1.0, messages * min(1.0, failure_share) ** PAUSES_AT)
