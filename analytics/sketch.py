"""A histogram of durations whose percentiles are within 1 %, and which adds up over partitions.

The mapping is that of DDSketch which interpolates linearly between powers of two: from each to the next there
are 64 buckets of one width, so the middle of a bucket is at most 0.8 % from its ends. The bucket of a
duration is what its float64 begins with. Counts are plain integers, so two histograms add exactly.
"""

import numpy as np
from numpy.typing import NDArray

#: Of the fraction of a float64, the bits that do not say which of 64 buckets it is in.
REST_BITS = 52 - 6
FIRST_BUCKET = int(np.float64(1).view(np.int64)) >> REST_BITS
#: Up to 101 years; longer is impossible, because no window exceeds a hundred.
BUCKETS = (int(np.float64(101 * 365.25 * 86_400_000).view(np.int64)) >> REST_BITS) - FIRST_BUCKET + 1
_EDGES_MS = ((np.arange(BUCKETS + 1) + FIRST_BUCKET) << REST_BITS).view(np.float64)
#: The longest duration of each bucket, whole milliseconds; in a bucket of none it is that of the one before.
LARGEST_MS = (np.ceil(_EDGES_MS[1:]) - 1).astype(np.int64)


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
    """The middle of a bucket."""
    return float(_EDGES_MS[bucket] + _EDGES_MS[bucket + 1]) / 2
