"""What it would bring if a rate that is low here were as high as it is elsewhere."""

import math
from dataclasses import dataclass

from analytics.rates import FEWEST_ENTRIES, Rate
from analytics.statistics.comparison import difference


@dataclass(frozen=True, slots=True)
class Impact:
    """Converted sessions gained per week; the numbers are None when a rate rests on nobody."""

    sessions_per_week: float | None
    low: float | None  #: 95 %; below 0 when the gap may as well be chance
    high: float | None
    is_supported: bool  #: the whole interval is above 0, and each rate rests on at least FEWEST_ENTRIES


_ALL = Rate(count=1, of=1, share=1.0, low=1.0, high=1.0)
_UNKNOWN = Impact(None, None, None, is_supported=False)


def impact(exposed_per_week: float, current: Rate, reference: Rate, downstream: Rate | None = None) -> Impact:
    """Sessions gained if `current` rose to `reference`, the rate of the same step observed elsewhere.

    The counterfactual: as many sessions are exposed per week as now; of them the reference share passes; and
    those who pass in addition go on to convert as often as those who pass now, `downstream`. None there means
    that to pass is to convert. Those gained may in truth be harder to convert, so this is an upper guess, the
    more so when the reference was picked as the best of many: first ask whether it differs, corrected.

    It is exposed_per_week * (reference - current) * downstream. The intervals of the difference (Newcombe)
    and of downstream (Wilson) are put together by MOVER (Zou and Donner, Statistics in Medicine 27, 2008) on
    the linear terms: the delta method, but with intervals that keep their width where a rate is 0 or 1. The
    number exposed is taken as known, and the three rates as independent.
    """
    gap, onward = difference(current, reference), downstream or _ALL
    if gap.difference is None or gap.low is None or gap.high is None:
        return _UNKNOWN
    if onward.share is None or onward.low is None or onward.high is None:
        return _UNKNOWN
    gained = gap.difference * onward.share
    worse, better = onward.share - onward.low, onward.high - onward.share
    if gap.difference < 0:
        worse, better = better, worse
    low = gained - math.hypot(onward.share * (gap.difference - gap.low), gap.difference * worse)
    high = gained + math.hypot(onward.share * (gap.high - gap.difference), gap.difference * better)
    return Impact(
        sessions_per_week=exposed_per_week * gained,
        low=exposed_per_week * low,
        high=exposed_per_week * high,
        is_supported=exposed_per_week * low > 0 and _enough(current, reference, downstream),
    )


def _enough(*rates: Rate | None) -> bool:
    return all(rate is None or rate.of >= FEWEST_ENTRIES for rate in rates)
