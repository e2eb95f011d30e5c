"""What a partition says about a funnel, in integers. Tallies of two partitions add up to that of both."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.kernel import OUTCOMES
from analytics.sketch import BUCKETS

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Arrays over [group, step]; the caller knows which group is which value.

    Gap slot k > 0 is the time from step k-1 to step k, slot 0 the time from entry to the last step. Zero
    gaps are in none of the three.
    """

    reached: Counts  #: [group, step] sessions that got at least this far
    outcomes: Counts  #: [group, furthest step, outcome]; order of outcomes as in kernel.py
    gap_count: Counts  #: [group, slot]
    gap_sum_ms: Counts  #: [group, slot], exact
    gap_histogram: Counts  #: [group, slot, bucket], see sketch.py
    daily: Counts  #: [day of entry, step], all groups together

    @classmethod
    def empty(cls, groups: int, steps: int, days: int) -> Self:
        return cls(
            reached=np.zeros((groups, steps), np.int64),
            outcomes=np.zeros((groups, steps, OUTCOMES), np.int64),
            gap_count=np.zeros((groups, steps), np.int64),
            gap_sum_ms=np.zeros((groups, steps), np.int64),
            gap_histogram=np.zeros((groups, steps, BUCKETS), np.int64),
            daily=np.zeros((days, steps), np.int64),
        )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )
