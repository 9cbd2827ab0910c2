"""When a breaker opens, tries, and closes."""

import pytest

from session_service.breakers import BreakerState, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, seconds=5, longest=12, clock=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    breaker.answered()
    fail(breaker, 2)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker, 1)
    assert breaker.state is BreakerState.OPEN
    assert breaker.describe() == {"state": "open", "failures": 3, "tries_again_in": 5}


def test_it_tries_again_by_itself_and_closes_on_an_answer(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.seconds += 5
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.answered()
    assert breaker.state is BreakerState.CLOSED


def test_a_failed_try_keeps_it_open_twice_as_long_up_to_a_limit(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    for seconds in (5, 10, 12, 12):
        clock.seconds += seconds - 0.1
        assert breaker.state is BreakerState.OPEN
        clock.seconds += 0.1
        assert breaker.state is BreakerState.HALF_OPEN
        fail(breaker, 1)


def test_messages_that_were_under_way_do_not_prolong_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.seconds += 4
    fail(breaker, 50)
    clock.seconds += 1
    assert breaker.state is BreakerState.HALF_OPEN
