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
#: The longest duration of each bucket, whole milliseconds.
LARGEST_MS = np.floor(GAMMA ** np.arange(BUCKETS)).astype(np.int64)
#: A float64 without its last 45 bits has sign, exponent and 7 bits of fraction. Floats that share these lie
#: within 0.8 %, which is less than a bucket is wide.
FRACTION_BITS = 45
FIRST_PREFIX = int(np.float64(1).view(np.int64)) >> FRACTION_BITS
_PREFIXES = np.arange(FIRST_PREFIX, (int(np.float64(LARGEST_MS[-1]).view(np.int64)) >> FRACTION_BITS) + 1)
#: For every such prefix from that of 1 ms on, the bucket of the shortest duration that begins with it.
PREFIX_BUCKETS = np.searchsorted(LARGEST_MS, (_PREFIXES << FRACTION_BITS).view(np.float64)).astype(np.int16)


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
