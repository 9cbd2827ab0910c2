"""Shares of people, how sure they are, and how two of them differ. Textbook formulas, in one place.

- A share's interval is Wilson's (1927): it is right for few people and for shares near 0 and 1, where the usual
  plus-or-minus is not.
- The interval of a difference is Newcombe's (1998, method 10), made of two of Wilson's.
- The p-value is that of the test of two proportions with a common share under the hypothesis that there is no difference,
  two-sided.

Shares are fractions (0 to 1).
"""

from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """`hits` of `of` people; the true share lies between `low` and `high` with the confidence that was asked for."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else 0.0


@dataclass(frozen=True)
class Difference:
    """How much more the second share is than the first, with its interval, and the chance of one as large or larger if
    there were none."""

    value: float
    low: float
    high: float
    p_value: float


def share(hits: int, of: int, confidence: float = CONFIDENCE) -> Share:
    if not of:
        return Share(0, 0, 0.0, 1.0)
    z = _z(confidence)
    p, zz = hits / of, z * z / of
    middle = (p + zz / 2) / (1 + zz)
    half = z / (1 + zz) * sqrt(p * (1 - p) / of + zz / (4 * of))
    # At the ends the formula gives them but for rounding.
    return Share(
        hits, of, 0.0 if not hits else max(0.0, middle - half), 1.0 if hits == of else min(1.0, middle + half)
    )


def difference(first: tuple[int, int], second: tuple[int, int], confidence: float = CONFIDENCE) -> Difference:
    """Of two pairs of hits and people, neither of which is without people."""
    one, two = share(*first, confidence), share(*second, confidence)
    value = two.value - one.value
    return Difference(
        value=value,
        low=value - sqrt((two.value - two.low) ** 2 + (one.high - one.value) ** 2),
        high=value + sqrt((two.high - two.value) ** 2 + (one.value - one.low) ** 2),
        p_value=_p_value(one, two),
    )


def _p_value(one: Share, two: Share) -> float:
    common = (one.hits + two.hits) / (one.of + two.of)
    spread = sqrt(common * (1 - common) * (1 / one.of + 1 / two.of))
    return erfc(abs(two.value - one.value) / spread / sqrt(2)) if spread else 1.0


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
