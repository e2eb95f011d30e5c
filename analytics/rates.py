"""Shares of counts, with the interval that says how far a small number can be trusted."""

import math
from dataclasses import dataclass
from typing import Self

#: With fewer sessions on a side, a share is too uncertain to be called a finding.
FEWEST_ENTRIES = 30
#: 95 % of a normal distribution lie within so many standard deviations.
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `of`, as a share with its 95 % Wilson interval; all None when `of` is 0."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of_counts(cls, count: int, of: int) -> Self:
        if of == 0:
            return cls(count, of, None, None, None)
        share = count / of
        centre = (share + Z_95**2 / (2 * of)) / (1 + Z_95**2 / of)
        reach = Z_95 * math.sqrt(share * (1 - share) / of + (Z_95 / (2 * of)) ** 2) / (1 + Z_95**2 / of)
        return cls(count, of, share, max(0.0, centre - reach), min(1.0, centre + reach))


def share(count: int, of: int) -> float | None:
    return count / of if of else None
