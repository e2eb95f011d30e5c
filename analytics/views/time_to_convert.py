"""How long sessions take from one step to another, as a histogram whose counts are exact.

It takes two sums over the partitions: number, shortest and longest first, which decide on the bins, and then
how many fall into each. In an unordered funnel step k is whichever was done k-th.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.kernel.arrays import NEVER
from analytics.queries import Asked, Reader
from analytics.sketch import BUCKETS, LARGEST_MS, median_ms
from analytics.views.kinds import Cell, ViewKind

MOST_BINS = 60
#: Of bins, when all sessions took equally long.
SINGLE_WIDTH_SECONDS = 60

Gaps = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TimeBin:
    seconds: int  #: the bin begins here and ends before the next
    sessions: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Sessions by the time between two steps.

    Sessions that made both in one instant are in a bin, but, as everywhere, in neither average nor median.
    """

    sessions: int  #: made both steps; the bins add up to them
    at_once: int  #: of these, in one instant
    average_seconds: float | None  #: exact
    median_seconds: float | None  #: within 1 %
    bin_seconds: int | None  #: None without sessions
    bins: tuple[TimeBin, ...]  #: the last is the upper edge: it holds those who took exactly as long

    @classmethod
    def of(cls, gaps_ms: Sequence[Gaps]) -> Self:
        """Of the times of each partition."""
        filled = [gaps for gaps in gaps_ms if len(gaps)]
        sessions = sum(len(gaps) for gaps in filled)
        if not sessions:
            return cls(0, 0, None, None, None, ())
        first = min(int(gaps.min()) for gaps in filled) // 1000
        last_ms = max(int(gaps.max()) for gaps in filled)
        number = _bins(sessions)
        width = -(-(last_ms - first * 1000) // (number * 1000)) or SINGLE_WIDTH_SECONDS
        counts = sum((_counts(gaps, first, width, number) for gaps in filled), np.zeros(number + 1, np.int64))
        lasting = sum(int((gaps > 0).sum()) for gaps in filled)
        return cls(
            sessions=sessions,
            at_once=sessions - lasting,
            average_seconds=sum(int(gaps.sum()) for gaps in filled) / lasting / 1000 if lasting else None,
            median_seconds=_median_seconds(filled),
            bin_seconds=width,
            bins=tuple(TimeBin(first + at * width, int(count)) for at, count in enumerate(counts)),
        )


@dataclass(frozen=True, slots=True)
class TimeToConvertView:
    name: str
    title: str
    from_step: int
    to_step: int
    from_label: str
    to_label: str
    histogram: Histogram

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row per bin, with the end that the bin does not include."""
        width = self.histogram.bin_seconds or 0
        rows: list[list[Cell]] = [["from_seconds", "to_seconds", "sessions"]]
        return rows + [[bin_.seconds, bin_.seconds + width, bin_.sessions] for bin_ in self.histogram.bins]


def gaps_ms(times_ms: NDArray[np.int64], from_step: int, to_step: int) -> Gaps:
    """[session] of those that took both steps, from one to the other."""
    begins, ends = times_ms[:, from_step], times_ms[:, to_step]
    both = (begins != NEVER) & (ends != NEVER)
    gaps: Gaps = ends[both] - begins[both]
    return gaps


def check_steps(definition: FunnelDefinition, from_step: int, to_step: int) -> None:
    """Raises InvalidQuery for steps that the funnel does not have in this order."""
    last = definition.last_step
    if not 0 <= from_step < last:
        raise InvalidQuery("from_step", f"{from_step} is not a step before the last; 0 to {last - 1} are")
    if not from_step < to_step <= last:
        raise InvalidQuery("to_step", f"{to_step} is not after step {from_step}; up to {last} are allowed")


def time_to_convert_view(
    reader: Reader, asked: Asked, *, from_step: int = 0, to_step: int | None = None
) -> TimeToConvertView:
    """Steps are numbered from 0; without `to_step`, up to the last.

    Raises InvalidQuery for steps that the funnel does not have in this order, and as Reader.ask.
    """
    steps = asked.definition.steps
    to_step = asked.definition.last_step if to_step is None else to_step
    check_steps(asked.definition, from_step, to_step)
    gaps = reader.of_chains(asked, lambda part: gaps_ms(part.times_ms, from_step, to_step))
    return TimeToConvertView(
        name=asked.definition.name,
        title=asked.definition.title or asked.definition.name,
        from_step=from_step,
        to_step=to_step,
        from_label=steps[from_step].label,
        to_label=steps[to_step].label,
        histogram=Histogram.of(gaps),
    )


def _bins(sessions: int) -> int:
    """The cube root, rounded up. In integers: `math.cbrt(27)` may come out as more than 3."""
    return next((bins for bins in range(1, MOST_BINS) if bins**3 >= sessions), MOST_BINS)


def _counts(gaps: Gaps, first: int, width: int, bins: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bincount((gaps - first * 1000) // (width * 1000), minlength=bins + 1)
    return counts


def _median_seconds(filled: Sequence[Gaps]) -> float | None:
    histogram = sum((_sketch(gaps[gaps > 0]) for gaps in filled), np.zeros(BUCKETS, np.int64))
    milliseconds = median_ms(histogram)
    return None if milliseconds is None else milliseconds / 1000


def _sketch(gaps: Gaps) -> NDArray[np.int64]:
    buckets = np.minimum(np.searchsorted(LARGEST_MS, gaps), BUCKETS - 1)
    counts: NDArray[np.int64] = np.bincount(buckets, minlength=BUCKETS)
    return counts


TIME_TO_CONVERT = ViewKind("time_to_convert", TimeToConvertView, time_to_convert_view)
