"""How people leave and return, and what has to know of it."""

from collections.abc import Callable, Iterable, Sequence

from contacts.models import OptOutEvent

Follower = Callable[[Sequence[OptOutEvent]], None]

_followers: list[Follower] = []


def follow(follower: Follower) -> None:
    """Has `follower` called with new events, inside their transaction. For higher layers, from `AppConfig.ready`.

    It may write rows of its own; it must be quick, set-based, and must not change counters of batches.
    """
    _followers.append(follower)


def record_events(events: Iterable[OptOutEvent]) -> list[OptOutEvent]:
    """Keeps the history. Call inside the transaction that changes the blocklist."""
    written = OptOutEvent.objects.bulk_create(events)
    if written:
        for follower in _followers:
            follower(written)
    return written
