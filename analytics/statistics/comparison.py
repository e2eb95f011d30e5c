"""Whether two rates differ by more than chance, and by how much."""

import math
from dataclasses import dataclass
from typing import Literal

from analytics.rates import FEWEST_ENTRIES, Rate

#: The chance of seeing a difference where there is none, after correction, that we accept.
SIGNIFICANCE = 0.05

Verdict = Literal["different", "not different", "too few to tell"]
Trend = Literal["improving", "stable", "declining", "too few to tell"]
#: The trends that are more than chance.
MOVED = frozenset({"improving", "declining"})


@dataclass(frozen=True, slots=True)
class Difference:
    """`after` less `before`, with its 95 % interval; the three are None when either side is empty."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None  #: two-sided, not corrected; None when a side has fewer than FEWEST_ENTRIES


def difference(before: Rate, after: Rate) -> Difference:
    """How far `after` lies above `before`; they may as well be two segments of one period.

    The interval is Newcombe's hybrid of the two Wilson intervals (Statistics in Medicine 17, 1998, method
    10), the test is the pooled two-proportion z test. Near 0.05 the two can disagree: the verdict is the
    test's.
    """
    p_value = pooled_p_value(before, after) if min(before.of, after.of) >= FEWEST_ENTRIES else None
    if before.share is None or before.low is None or before.high is None:
        return Difference(None, None, None, p_value)
    if after.share is None or after.low is None or after.high is None:
        return Difference(None, None, None, p_value)
    change = after.share - before.share
    down = math.hypot(after.share - after.low, before.high - before.share)
    up = math.hypot(after.high - after.share, before.share - before.low)
    return Difference(change, change - down, change + up, p_value)


def pooled_p_value(one: Rate, other: Rate) -> float:
    """Two-sided p-value that both sides, neither of them empty, have one rate.

    The z test with the pooled share, whose square is Pearson's chi-squared of the two by two table without
    Yates' continuity correction. 1 when nobody converted, or everybody did: nothing tells the sides apart.
    """
    pooled = (one.count + other.count) / (one.of + other.of)
    error = math.sqrt(pooled * (1 - pooled) * (1 / one.of + 1 / other.of))
    if error == 0:
        return 1.0
    z = (one.count / one.of - other.count / other.of) / error
    return math.erfc(abs(z) / math.sqrt(2))


def verdict(adjusted_p: float | None) -> Verdict:
    """What a corrected p-value says; see correction.py. Not different means not shown, not shown equal."""
    if adjusted_p is None:
        return "too few to tell"
    return "different" if adjusted_p < SIGNIFICANCE else "not different"


def trend(change: Difference, adjusted_p: float | None) -> Trend:
    """Which way a rate, of which more is better, went from one period to the next."""
    if adjusted_p is None or change.difference is None:
        return "too few to tell"
    if adjusted_p >= SIGNIFICANCE:
        return "stable"
    return "improving" if change.difference > 0 else "declining"
