"""What a partition says about a funnel, in integers. Tallies of two partitions add up to that of both."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.kernel.arrays import OUTCOMES, Counts
from analytics.sketch import BUCKETS

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Arrays over [row, step]; the caller knows which row is which value.

    Gap slot k > 0 is the time from step k-1 to step k, slot 0 the time from entry to the last step. Zero
    gaps are in none of them.
    """

    reached: Ints  #: [row, step] sessions that took this step, and thereby got at least this far
    outcomes: Ints  #: [row, furthest step, outcome]; order of outcomes as in the kernel's arrays.py
    gap_sum_ms: Ints  #: [row, slot], exact
    gap_histogram: Ints  #: [row, slot, bucket], see sketch.py
    waiting: Ints  #: [row, bucket] time since the entry of those not converted whose window is open
    by_bin: Ints  #: [bin, furthest step, outcome], all rows together

    @classmethod
    def empty(cls, rows: int, steps: int, bins: int) -> Self:
        return cls(
            reached=np.zeros((rows, steps), np.int64),
            outcomes=np.zeros((rows, steps, OUTCOMES), np.int64),
            gap_sum_ms=np.zeros((rows, steps), np.int64),
            gap_histogram=np.zeros((rows, steps, BUCKETS), np.int64),
            waiting=np.zeros((rows, BUCKETS), np.int64),
            by_bin=np.zeros((bins, steps, OUTCOMES), np.int64),
        )

    @property
    def gap_count(self) -> Ints:
        """[row, slot] how many gaps there are."""
        counts: Ints = self.gap_histogram.sum(axis=2)
        return counts

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )

    def of_rows(self, row_of: NDArray[np.int32], rows: int) -> "Tally":
        """The tally with row r added to row row_of[r]; exact where no session is in two rows that join."""

        def joined(array: Ints) -> Ints:
            result = np.zeros((rows, *array.shape[1:]), np.int64)
            np.add.at(result, row_of, array)
            return result

        return Tally(
            **{
                field.name: joined(getattr(self, field.name))
                for field in fields(self)
                if field.name != "by_bin"
            },
            by_bin=self.by_bin,
        )

    @property
    def counts(self) -> Counts:
        """The same arrays, as the kernel takes them."""
        return Counts(*(getattr(self, field.name) for field in fields(self)))
