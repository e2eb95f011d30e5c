"""In which hours of the week steps are taken, and which of these were the last of their session.

A tally knows the hour of the furthest step alone. A loss rate by hour needs everybody who took the step in
that hour, so this passes over the chains themselves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analytics.counting import Chains
from analytics.kernel.arrays import LEFT, NEVER, OUTCOMES, Bins
from analytics.queries import Asked, Reader
from analytics.rates import FEWEST_ENTRIES, Rate
from analytics.sessions import is_silent
from analytics.statistics.comparison import SIGNIFICANCE, difference
from analytics.statistics.correction import benjamini_hochberg
from analytics.timing import HOURS_OF_WEEK, by_hour_of_week, hour_label
from analytics.views.heatmap_records import WorstHour

MOST_WORST_HOURS = 10
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HourCounts:
    taken: Ints  #: [hour, step] sessions that took the step in this hour
    stopped: Ints  #: [hour, furthest step, outcome]
    silent: Ints  #: [step] of those who left after it: nothing else happened in their session afterwards

    def __add__(self, other: "HourCounts") -> "HourCounts":
        return HourCounts(self.taken + other.taken, self.stopped + other.stopped, self.silent + other.silent)


def count_hours(reader: Reader, asked: Asked) -> HourCounts:
    """Everybody's hours, in the zone of the question, which has both ends of its range."""
    question = replace(asked.question, breakdown=())
    by_hour = partial(by_hour_of_week, window_seconds=asked.definition.window_seconds)
    hourly = replace(asked, question=question, labels=None, binned=by_hour)
    bins, steps = by_hour(question).bins, len(asked.definition.steps)
    nobody = HourCounts(
        taken=np.zeros((HOURS_OF_WEEK, steps), np.int64),
        stopped=np.zeros((HOURS_OF_WEEK, steps, OUTCOMES), np.int64),
        silent=np.zeros(steps, np.int64),
    )
    return sum(reader.of_chains(hourly, lambda chains: _counted(chains, bins)), start=nobody)


def _counted(chains: Chains, bins: Bins) -> HourCounts:
    steps, furthest = chains.times_ms.shape[1], chains.reached - 1
    shape = (HOURS_OF_WEEK, steps, OUTCOMES)
    place = np.ravel_multi_index((chains.bin, furthest, chains.outcome), shape)
    taken = np.zeros((HOURS_OF_WEEK, steps), np.int64)
    for step in range(steps):
        moments = chains.times_ms[:, step]
        moments = moments[moments != NEVER]
        hours = bins.bin_of[np.searchsorted(bins.edges_ms, moments, side="right") - 1]
        taken[:, step] = np.bincount(hours, minlength=HOURS_OF_WEEK)
    return HourCounts(
        taken=taken,
        stopped=np.bincount(place, minlength=math.prod(shape)).reshape(shape),
        silent=np.bincount(furthest[(chains.outcome == LEFT) & is_silent(chains)], minlength=steps),
    )


def worst_hours(
    stages: Sequence[str], reached: Ints, dropped: Ints, still_open: Ints
) -> tuple[int, tuple[WorstHour, ...]]:
    """How many hours could be compared, and those that lose more than all others, beyond chance.

    The arrays are [hour, stage]. Each is compared with the other hours of the same stage, so that it does not
    matter which stages an hour sees most of.
    """
    tested = [
        _compared(hour, stage, label, reached[:, stage], dropped[:, stage])
        for stage, label in enumerate(stages)
        for hour in np.flatnonzero(reached[:, stage] - still_open[:, stage] >= FEWEST_ENTRIES).tolist()
    ]
    tested = [one for one in tested if one.rest.of >= FEWEST_ENTRIES]
    corrected = benjamini_hochberg([one.p_value for one in tested])
    worst = [
        replace(one, p_value=p_value)
        for one, p_value in zip(tested, corrected, strict=True)
        if p_value is not None and p_value < SIGNIFICANCE and one.difference > 0
    ]
    worst.sort(key=lambda one: (-one.difference, one.hour, one.stage))
    return len(tested), tuple(worst[:MOST_WORST_HOURS])


def _compared(hour: int, stage: int, label: str, reached: Ints, dropped: Ints) -> WorstHour:
    here = Rate.of_counts(int(dropped[hour]), int(reached[hour]))
    rest = Rate.of_counts(int(dropped.sum()) - here.count, int(reached.sum()) - here.of)
    found = difference(rest, here)
    return WorstHour(
        hour=hour,
        label=hour_label(hour),
        stage=stage,
        stage_label=label,
        rate=here,
        rest=rest,
        difference=found.difference or 0.0,
        low=found.low,
        high=found.high,
        p_value=1.0 if found.p_value is None else found.p_value,
    )
