"""What follows from each way in which a connection ends, as a table, and the pauses between the tries."""

import pytest

from senders.models import SenderStatus
from session_service.providers.baileys import disconnects
from session_service.providers.baileys.disconnects import Action, Backoff


@pytest.mark.parametrize(
    ("code", "action", "status", "wipes"),
    [
        (401, Action.END, SenderStatus.LOGGED_OUT, True),
        (403, Action.END, SenderStatus.BANNED, False),
        (440, Action.END, SenderStatus.REPLACED, False),
        (515, Action.CONNECT_AT_ONCE, SenderStatus.RECONNECTING, False),
        *(
            (code, Action.BACK_OFF, SenderStatus.RECONNECTING, False)
            for code in (0, 400, 405, 408, 411, 428, 500, 503)
        ),
    ],
)
def test_each_code_has_its_consequence(code: int, action: Action, status: SenderStatus, wipes: bool) -> None:
    disconnect = disconnects.BY_CODE.get(code, disconnects.BACK_OFF)
    assert (disconnect.action, disconnect.status, disconnect.wipes) == (action, status, wipes)
    assert bool(disconnect.detail) == (action is Action.END)


def test_the_pauses_double_up_to_a_minute_and_end_after_ten_tries() -> None:
    backoff = Backoff()
    delays = [backoff.next_delay() for _ in range(12)]
    assert delays[10:] == [None, None]
    for delay, expected in zip(delays[:10], [1, 2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert delay is not None
        assert expected * 0.75 <= delay <= expected * 1.25


def test_the_pauses_are_not_the_same_for_all() -> None:
    assert len({Backoff().next_delay() for _ in range(50)}) > 40


def test_a_connection_that_held_begins_anew() -> None:
    time = 0.0
    backoff = Backoff(clock=lambda: time)
    for _ in range(5):
        backoff.next_delay()
    backoff.opened()
    time = 61.0
    delay = backoff.next_delay()
    assert delay is not None
    assert delay < 2


def test_a_connection_that_breaks_at_once_is_tried_again_ever_more_slowly_but_not_given_up() -> None:
    time = 0.0
    backoff = Backoff(clock=lambda: time)
    delays = []
    for _ in range(30):
        backoff.opened()
        time += 1
        delays.append(backoff.next_delay() or 0)
    assert min(delays[8:]) > 40
