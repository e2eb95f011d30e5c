"""How strongly a property or an event goes with converting; whether it is the cause, no count can say."""

import math
from dataclasses import dataclass

from analytics.rates import FEWEST_ENTRIES, Z_95, Rate
from analytics.statistics.comparison import pooled_p_value

#: Below this many expected sessions in a cell, the chi-squared distribution is a poor guide (Cochran, 1954).
FEWEST_EXPECTED = 5


@dataclass(frozen=True, slots=True)
class Association:
    """The first three are None when a side is empty, and when nobody converted or everybody did."""

    odds_ratio: float | None  #: above 1: those with it convert more
    low: float | None  #: 95 %
    high: float | None
    p_value: float | None  #: two-sided, not corrected; None when too few to tell


def association(with_it: Rate, without: Rate) -> Association:
    """The odds of converting with it, over the odds without it.

    The interval is Woolf's, on the log scale (Ann. Human Genet. 19, 1955). When a cell is 0, each cell gets
    one half (Haldane and Anscombe, 1956), which draws the ratio towards 1. The test is Pearson's chi-squared
    without continuity correction. Too few to tell: FEWEST_ENTRIES are not reached on a side, or
    FEWEST_EXPECTED not in a cell.
    """
    cells = [with_it.count, with_it.of - with_it.count, without.count, without.of - without.count]
    converted, not_converted = cells[0] + cells[2], cells[1] + cells[3]
    if not (with_it.of and without.of and converted and not_converted):
        return Association(None, None, None, None)
    with_yes, with_no, without_yes, without_no = (cell + (0.5 if 0 in cells else 0) for cell in cells)
    log_ratio = math.log(with_yes * without_no / (with_no * without_yes))
    reach = Z_95 * math.sqrt(1 / with_yes + 1 / with_no + 1 / without_yes + 1 / without_no)
    smaller = min(with_it.of, without.of)
    least_expected = smaller * min(converted, not_converted) / (with_it.of + without.of)
    enough = smaller >= FEWEST_ENTRIES and least_expected >= FEWEST_EXPECTED
    return Association(
        odds_ratio=math.exp(log_ratio),
        low=math.exp(log_ratio - reach),
        high=math.exp(log_ratio + reach),
        p_value=pooled_p_value(with_it, without) if enough else None,
    )
