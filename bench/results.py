"""Results as JSON lines: `{"bench", "subject", "value", "unit", "ratio_to"?, "ratio"?}`."""

import json
import math
from collections.abc import Sequence
from typing import Any


def emit(
    bench: str, subject: str, value: float, unit: str, *, ratio_to: str = "", base: float = 0.0, **more: Any
) -> None:
    """Prints one result. With `ratio_to` also `value` divided by `base`, the value of that subject."""
    line: dict[str, Any] = {"bench": bench, "subject": subject, "value": _rounded(value), "unit": unit, **more}
    if ratio_to:
        line |= {"ratio_to": ratio_to, "ratio": _rounded(value / base) if base else None}
    print(json.dumps(line), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed. `values` must not be empty."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _rounded(value: float) -> float:
    """Three significant digits, or whole numbers: more would pretend to a precision that no machine has."""
    if value == 0 or abs(value) >= 100:
        return round(value)
    return round(value, 2 - math.floor(math.log10(abs(value))))
