"""A time axis for curves of conversion: some flows take minutes, others weeks, some both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.statistics.survival import CurvePoint

_HOUR, _DAY = 3600, 86400
_MARKS = (
    1,
    10,
    60,
    600,
    _HOUR,
    6 * _HOUR,
    _DAY,
    *(days * _DAY for days in (3, 7, 14, 21, 30, 60, 90, 180, 365)),
)
#: Of the width, at least so much between two marks.
_APART = 0.14
#: When half of the rise comes before this part of the time, a linear axis would press it against its start.
_EARLY = 0.1


@dataclass(frozen=True, slots=True)
class TimeAxis:
    first: float  #: seconds: the earliest conversion, where a logarithmic axis begins
    last: float
    is_logarithmic: bool

    @classmethod
    def over(cls, points: Sequence[CurvePoint]) -> "TimeAxis | None":
        """From entry to the last conversion that any of the points shows; None where there is none."""
        times = sorted(point.seconds for point in points if point.share and point.seconds)
        if not times:
            return None
        first, last = times[0], max(times[-1], 2 * times[0])
        return cls(first, last, times[len(times) // 2] < _EARLY * last)

    def left(self, seconds: float) -> float:
        """From 0 to 1."""
        if not self.is_logarithmic:
            return seconds / self.last
        return math.log(max(seconds, self.first) / self.first) / math.log(self.last / self.first)

    def marks(self) -> list[int]:
        """Round times, no two so near that their labels would meet."""
        shown: list[int] = []
        taken = -_APART if self.is_logarithmic else 0.0
        for mark in _MARKS:
            if self.first <= mark <= self.last and self.left(mark) - taken >= _APART:
                shown.append(mark)
                taken = self.left(mark)
        return shown
