"""A histogram of durations whose percentiles are within 1 %, and which adds up over partitions.

The mapping is DDSketch's: bucket b holds (gamma^(b-1), gamma^b] milliseconds, and answers with the value
that is at most 1 % from both ends. Counts are plain integers, so two histograms add exactly.
"""

import math

import numpy as np
from numpy.typing import NDArray

ACCURACY = 0.01
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LOG_GAMMA = math.log(GAMMA)
#: Up to 32 years; longer is impossible, because no window exceeds ten.
BUCKETS = 1 + math.ceil(math.log(32 * 365.25 * 86_400_000) / LOG_GAMMA)


def median_ms(histogram: NDArray[np.int64]) -> float | None:
    """The median, between the two middle values when their number is even; None of nothing."""
    count = int(histogram.sum())
    if count == 0:
        return None
    reached = np.cumsum(histogram)
    low = np.searchsorted(reached, (count - 1) // 2, side="right")
    high = np.searchsorted(reached, count // 2, side="right")
    return (value_ms(int(low)) + value_ms(int(high))) / 2


def value_ms(bucket: int) -> float:
    return 2 * GAMMA**bucket / (1 + GAMMA)
