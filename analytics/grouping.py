"""Which sessions belong to which row of a breakdown, resolved on the codes of a partition.

A session is in one row (session, first_touch, last_touch) or in one per value (all_events, step_N). The
second kind makes a run of the session per row, each with the events that may count in it, so the kernel
need not know of breakdowns.
"""

import bisect
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.columns import first_per_session
from analytics.funnels import Dimension
from analytics.partition import Coded, Partition
from analytics.question import Filter

MISSING = ""
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a breakdown. Values beyond the limit share the last row, which says how many they are."""

    values: tuple[str, ...]
    folded: int = 0  #: values in the row "Other"; 0 when there is none

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.values, OTHER) if self.folded else self.values

    @classmethod
    def of(cls, sessions_by_value: Counter[str], limit: int) -> "Rows":
        """The most frequent values, ties by name; the missing one always has a row of its own."""
        named = [value for value in sessions_by_value if value != MISSING]
        named.sort(key=lambda value: (-sessions_by_value[value], value))
        return cls((MISSING, *named[:limit]), folded=max(0, len(named) - limit))

    def of_codes(self, coded: Coded) -> NDArray[np.int32]:
        """The row of each code; one more at the end, for the code -1 of a missing value."""
        row = {value: at for at, value in enumerate(self.values)}
        other = len(self.values)
        return np.array([*(row.get(value, other) for value in coded.values), row[MISSING]], np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Sessions as the kernel takes them. `session_of` is None when run i is session i."""

    starts: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    steps_of: NDArray[np.uint32]
    group_of: NDArray[np.int32]  #: -1: not counted
    session_of: NDArray[np.int64] | None = None


def banded(coded: Coded, dimension: Dimension) -> Coded:
    """The column with numbers replaced by the bands they fall into."""
    if not dimension.bands:
        return coded
    labels = band_labels(dimension.bands)
    code_of_value = np.array([_band(value, dimension.bands) for value in coded.values] + [-1], np.int32)
    return Coded(code_of_value[coded.codes], labels)


def _band(value: str, bands: tuple[float, ...]) -> int:
    try:
        number = float(value)
    except ValueError:
        return -1
    return -1 if math.isnan(number) else bisect.bisect_right(bands, number)


def band_labels(bands: tuple[float, ...]) -> tuple[str, ...]:
    edges = [f"{edge:,.10g}" for edge in bands]
    between = (f"{low} to under {high}" for low, high in pairwise(edges))
    return (f"under {edges[0]}", *between, f"{edges[-1]} and more")


def sessions_by_value(partition: Partition, dimension: Dimension) -> Counter[str]:
    """How many sessions have each value; values that never come first in a session are there with 0."""
    coded = banded(partition.first_of_session(dimension.property), dimension)
    counts = np.bincount(coded.codes + 1, minlength=len(coded.values) + 1)
    return Counter(dict(zip((MISSING, *coded.values), counts.tolist(), strict=True)))


def entrants_by_value(
    partition: Partition,
    steps_of: NDArray[np.uint32],
    enters: NDArray[np.bool_],
    passing: NDArray[np.bool_],
    dimension: Dimension,
    attribution: str,
    eligible: NDArray[np.bool_],
) -> Counter[str]:
    """How many of the sessions that enter have each value under this attribution; other values are not there.

    `enters` says which events may open a chain, `eligible` which may give a first or last touch.
    """
    entrant = passing.copy()
    entrant &= np.bincount(partition.session[enters], minlength=partition.sessions) > 0
    if attribution == "session":
        coded = banded(partition.first_of_session(dimension.property), dimension)
        return _counted(coded, coded.codes[entrant])
    coded = banded(partition.column(dimension.property), dimension)
    if attribution in {"first_touch", "last_touch"}:
        codes = np.where(eligible, coded.codes, -1).astype(np.int32)
        return _counted(coded, _touch(partition, codes, last=attribution == "last_touch")[entrant])
    decides = enters
    if attribution != "all_events":
        decides = _at_step(steps_of, int(attribution.removeprefix("step_")))
    deciding = decides & entrant[partition.session]
    width = len(coded.values) + 1
    pairs = np.unique(partition.session[deciding].astype(np.int64) * width + coded.codes[deciding] + 1)
    return _counted(coded, pairs % width - 1)


def _counted(coded: Coded, codes: NDArray[np.integer]) -> Counter[str]:
    counts = np.bincount(codes + 1, minlength=len(coded.values) + 1).tolist()
    values = (MISSING, *coded.values)
    return Counter({value: count for value, count in zip(values, counts, strict=True) if count})


def _at_step(steps_of: NDArray[np.uint32], step: int) -> NDArray[np.bool_]:
    serves: NDArray[np.bool_] = (steps_of >> np.uint32(step)) & np.uint32(1) == 1
    return serves


def selected(partition: Partition, filters: Iterable[tuple[Dimension, Filter]]) -> NDArray[np.bool_]:
    """Which sessions pass all filters."""
    passing = np.ones(partition.sessions, np.bool_)
    for dimension, wanted in filters:
        coded = banded(partition.first_of_session(dimension.property), dimension)
        allowed = [value in wanted.values for value in coded.values] + [MISSING in wanted.values]
        passing &= np.array(allowed, np.bool_)[coded.codes]
    return passing


def single_group(partition: Partition, steps_of: NDArray[np.uint32], passing: NDArray[np.bool_]) -> Runs:
    return Runs(partition.starts, partition.at_ms, steps_of, np.where(passing, 0, -1).astype(np.int32))


def grouped(
    partition: Partition,
    steps_of: NDArray[np.uint32],
    passing: NDArray[np.bool_],
    dimension: Dimension,
    rows: Rows,
    attribution: str,
    eligible: NDArray[np.bool_],
) -> Runs:
    """The runs of a breakdown. `eligible` says which events may give a first or last touch."""
    if attribution == "session":
        coded = banded(partition.first_of_session(dimension.property), dimension)
        group = rows.of_codes(coded)[coded.codes]
        return Runs(
            partition.starts, partition.at_ms, steps_of, np.where(passing, group, -1).astype(np.int32)
        )
    coded = banded(partition.column(dimension.property), dimension)
    if attribution in {"first_touch", "last_touch"}:
        codes = np.where(eligible, coded.codes, -1).astype(np.int32)
        touch = _touch(partition, codes, last=attribution == "last_touch")
        group = rows.of_codes(coded)[touch]
        return Runs(
            partition.starts, partition.at_ms, steps_of, np.where(passing, group, -1).astype(np.int32)
        )
    row_of_event = rows.of_codes(coded)[coded.codes]
    if attribution == "all_events":
        return _run_per_value(partition, steps_of, passing, row_of_event, np.ones(len(steps_of), np.bool_))
    step = int(attribution.removeprefix("step_"))
    return _run_per_value(
        partition,
        steps_of,
        passing,
        row_of_event,
        _at_step(steps_of, step),
        masked=np.uint32(1 << step),
    )


def _touch(partition: Partition, codes: NDArray[np.int32], *, last: bool) -> NDArray[np.int32]:
    if not last:
        return first_per_session(partition.session, codes, partition.sessions)
    touch = np.full(partition.sessions, -1, np.int32)
    present = np.flatnonzero(codes >= 0)
    touch[partition.session[present]] = codes[present]
    return touch


def _run_per_value(
    partition: Partition,
    steps_of: NDArray[np.uint32],
    passing: NDArray[np.bool_],
    row_of_event: NDArray[np.int32],
    decides: NDArray[np.bool_],
    masked: np.uint32 | None = None,
) -> Runs:
    """A run per session and row found on a deciding event.

    Without `masked` a run holds only the events of its row. With it, a run holds all events of the session,
    but those of other rows cannot serve the masked step.
    """
    width = int(row_of_event.max(initial=0)) + 1
    deciding = np.flatnonzero(decides & passing[partition.session])
    pairs = np.unique(partition.session[deciding].astype(np.int64) * width + row_of_event[deciding])
    session_of, group_of = pairs // width, (pairs % width).astype(np.int32)
    lengths = np.diff(partition.starts)[session_of]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    source = np.arange(starts[-1]) - np.repeat(starts[:-1] - partition.starts[session_of], lengths)
    elsewhere = row_of_event[source] != np.repeat(group_of, lengths)
    steps = steps_of[source]
    if masked is not None:
        steps = np.where(elsewhere & decides[source], steps & ~masked, steps)
        return Runs(starts, partition.at_ms[source], steps, group_of, session_of)
    kept = np.concatenate([[0], np.cumsum(~elsewhere)])
    return Runs(kept[starts], partition.at_ms[source][~elsewhere], steps[~elsewhere], group_of, session_of)
