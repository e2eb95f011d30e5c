"""Shares of counts, with the interval that says how far a small number can be trusted."""

import math
from dataclasses import dataclass
from typing import Self

_Z_95 = 1.959963984540054


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
        centre = (share + _Z_95**2 / (2 * of)) / (1 + _Z_95**2 / of)
        reach = _Z_95 * math.sqrt(share * (1 - share) / of + (_Z_95 / (2 * of)) ** 2) / (1 + _Z_95**2 / of)
        return cls(count, of, share, max(0.0, centre - reach), min(1.0, centre + reach))


def share(count: int, of: int) -> float | None:
    return count / of if of else None
