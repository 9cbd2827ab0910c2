"""The formulas against figures of the papers that they come from, and against what must always hold."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import proportions

# Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I, method 3.
WILSON = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
# The same, "Interval estimation for the difference between independent proportions", table II, method 10.
NEWCOMBE = [
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((6, 7), (2, 7), 0.0582, 0.8062),
    ((5, 56), (0, 29), -0.0381, 0.1926),
    ((0, 10), (0, 20), -0.1611, 0.2775),
    ((10, 10), (0, 10), 0.6075, 1.0),
]


@pytest.mark.parametrize(("hits", "of", "low", "high"), WILSON)
def test_intervals_of_shares_are_the_published_ones(hits, of, low, high):
    found = proportions.share(hits, of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(("one", "two", "low", "high"), NEWCOMBE)
def test_intervals_of_differences_are_the_published_ones(one, two, low, high):
    found = proportions.difference(two, one)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_the_p_value_is_that_of_the_square_of_chi():
    # 56 of 70 and 48 of 80: chi-square 7.023 with one degree of freedom
    assert proportions.difference((48, 80), (56, 70)).p_value == pytest.approx(0.00805, abs=5e-6)
    assert proportions.difference((5, 50), (10, 100)).p_value == 1
    assert proportions.difference((0, 5), (0, 9)).p_value == 1


PAIRS = st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(PAIRS, PAIRS)
def test_what_always_holds(one, two):
    for hits, of in (one, two):
        found = proportions.share(hits, of)
        assert 0 <= found.low <= found.value <= found.high <= 1
    there, back = proportions.difference(one, two), proportions.difference(two, one)
    assert -1 - 1e-9 <= there.low <= there.value + 1e-12
    assert there.value - 1e-12 <= there.high <= 1 + 1e-9
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)
    assert 0 <= there.p_value <= 1


def test_nobody_is_no_share_at_all():
    assert (proportions.share(0, 0).low, proportions.share(0, 0).high) == (0, 1)


def test_without_a_difference_one_is_found_as_seldom_as_is_said():
    """2,000 tests of equal variants: about 5 % come out "significant", not more."""
    chance = random.Random(7)
    hits = [[sum(chance.random() < 0.3 for _ in range(200)) for _ in range(2)] for _ in range(2_000)]
    wrong = sum(proportions.difference((one, 200), (two, 200)).p_value < 0.05 for one, two in hits)
    assert 0.035 < wrong / 2_000 < 0.065
