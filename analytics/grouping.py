"""Which sessions belong to which row of a breakdown, resolved on the codes of a partition.

A session is in one row (session, first_touch, last_touch) or in one per value (all_events, step_N). The
second kind makes a run of the session per row, each with the events that may count in it, so the kernel
need not know of breakdowns.
"""

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.conditions import number
from analytics.funnels import Dimension
from analytics.kernel.arrays import Events
from analytics.kernel.touches import first_codes, gathered, last_codes
from analytics.partition import Coded, Partition
from analytics.question import JOIN, Filter

MISSING = ""
OTHER = "Other"
#: Takes from a run's events, of which some have another value, what those may not do.
Restrict = Callable[[Events, NDArray[np.bool_]], Events]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a breakdown. Values beyond the limit share the last row, which says how many they are."""

    values: tuple[str, ...]
    folded: int = 0  #: values in the row "Other"; 0 when there is none
    missing: str = MISSING  #: what the breakdown calls a missing value, which is one like any other

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.values, OTHER) if self.folded else self.values

    @classmethod
    def of(
        cls,
        entered_by_value: Counter[str],
        limit: int,
        missing: str = MISSING,
        *,
        keeps_missing: bool = False,
    ) -> "Rows":
        """The most frequent values, ties by name; the missing one when nobody entered.

        With `keeps_missing` it has a row in any case, beside those of the limit.
        """
        values = sorted(entered_by_value, key=lambda value: (-entered_by_value[value], value)) or [missing]
        if keeps_missing:
            values, limit = [missing, *(value for value in values if value != missing)], limit + 1
        return cls(tuple(values[:limit]), folded=max(0, len(values) - limit), missing=missing)

    def of_values(self, values: Sequence[str]) -> NDArray[np.int32]:
        """The row of each value; -1 for one that is in none."""
        row = {value: at for at, value in enumerate(self.values)}
        other = len(self.values) if self.folded else -1
        return np.array([row.get(value, other) for value in values], np.int32)

    def of_codes(self, values: Sequence[str]) -> NDArray[np.int32]:
        """The row of each value; one more at the end, for the code -1 of a missing one."""
        return self.of_values((*values, self.missing))


#: One row for everybody who has a row at all.
EVERY_VALUE = Rows((), folded=1)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Sessions as the kernel takes them, each with the value it counts under."""

    value: Coded | None  #: of each run; None without a breakdown
    session_of: NDArray[np.int64] | None = None  #: None: run i is session i
    events: Events | None = None  #: what may count in each run; None: all events of its session


def missing_value(breakdown: Sequence[str]) -> str:
    return JOIN.join(MISSING for _ in breakdown)


def banded(coded: Coded, dimension: Dimension) -> Coded:
    """The column with numbers replaced by the bands they fall into."""
    if not dimension.bands:
        return coded
    code_of_value = np.array([_band(value, dimension.bands) for value in coded.values] + [-1], np.int32)
    return Coded(code_of_value[coded.codes], band_labels(dimension.bands))


def _band(value: str, bands: tuple[float, ...]) -> int:
    found = number(value)
    return -1 if found is None else bisect.bisect_right(bands, found)


def band_labels(bands: tuple[float, ...]) -> tuple[str, ...]:
    edges = [f"{edge:,.10g}" for edge in bands]
    between = (f"{low} to under {high}" for low, high in pairwise(edges))
    return (f"under {edges[0]}", *between, f"{edges[-1]} and more")


def of_sessions(partition: Partition, dimensions: Sequence[Dimension]) -> Coded:
    """The value of every session: of each dimension its first non-empty one."""
    return _joined([banded(partition.first_of_session(one.property), one) for one in dimensions])


def of_events(partition: Partition, dimensions: Sequence[Dimension]) -> Coded:
    """The value on every event."""
    return _joined([banded(partition.column(one.property), one) for one in dimensions])


def _joined(columns: Sequence[Coded]) -> Coded:
    """Several columns as one; missing only where all of them are."""
    if len(columns) == 1:
        return columns[0]
    pairs = np.zeros(len(columns[0].codes), np.int64)
    for column in columns:
        pairs = pairs * (len(column.values) + 1) + column.codes + 1
    found, codes = np.unique(pairs, return_inverse=True)
    values: list[str] = []
    for pair in found.tolist():
        parts, rest = [], pair
        for column in reversed(columns):
            rest, code = divmod(rest, len(column.values) + 1)
            parts.append(column.values[code - 1] if code else MISSING)
        values.append(JOIN.join(reversed(parts)))
    if len(found) and found[0] == 0:
        return Coded((codes - 1).astype(np.int32), tuple(values[1:]))
    return Coded(codes.astype(np.int32), tuple(values))


def selected(partition: Partition, filters: Iterable[tuple[Dimension, Filter]]) -> NDArray[np.bool_] | None:
    """Which sessions pass all filters; None when there is none to pass."""
    passing: NDArray[np.bool_] | None = None
    for dimension, wanted in filters:
        coded = banded(partition.first_of_session(dimension.property), dimension)
        allowed = [value in wanted.values for value in coded.values] + [MISSING in wanted.values]
        holds = np.array(allowed, np.bool_)[coded.codes]
        passing = holds if passing is None else passing & holds
    return passing


def touched(partition: Partition, coded: Coded, eligible: NDArray[np.bool_], *, last: bool) -> Coded:
    """Every session's first or last value on an eligible event."""
    touch = last_codes if last else first_codes
    return Coded(touch(partition.starts, coded.codes, eligible), coded.values)


def run_per_value(events: Events, coded: Coded, decides: NDArray[np.bool_], restrict: Restrict) -> Runs:
    """A run for each session and value found on a deciding event.

    Every run holds all events of its session; `restrict` takes from those with another value what they may
    not do there.
    """
    lengths = np.diff(events.starts)
    session = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    width = len(coded.values) + 1
    deciding = np.flatnonzero(decides)
    pairs = np.unique(session[deciding] * width + coded.codes[deciding] + 1)
    session_of, code = pairs // width, (pairs % width - 1).astype(np.int32)
    starts, source = gathered(events.starts, session_of)
    elsewhere = coded.codes[source] != np.repeat(code, lengths[session_of])
    runs = _picked(events, source)._replace(starts=starts)
    return Runs(Coded(code, coded.values), session_of, restrict(runs, elsewhere))


def _picked(events: Events, which: NDArray[np.int64] | NDArray[np.bool_]) -> Events:
    return events._replace(
        at_ms=events.at_ms[which],
        steps_of=events.steps_of[which],
        excluded_by=events.excluded_by[which] if len(events.excluded_by) else events.excluded_by,
    )


def without(events: Events, elsewhere: NDArray[np.bool_]) -> Events:
    """Only the events with the value of the run."""
    kept = np.concatenate([[0], np.cumsum(~elsewhere)])
    return _picked(events, ~elsewhere)._replace(starts=kept[events.starts].astype(np.int32))


def cannot_serve(step: int) -> Restrict:
    """Events with another value cannot serve `step`."""
    mask = ~np.uint32(1 << step)

    def restrict(events: Events, elsewhere: NDArray[np.bool_]) -> Events:
        return events._replace(steps_of=np.where(elsewhere, events.steps_of & mask, events.steps_of))

    return restrict


def cannot_open(events: Events, elsewhere: NDArray[np.bool_]) -> Events:
    """Events with another value cannot be the entry."""
    return events._replace(opens=~elsewhere)


def counted_by_value(runs: Runs, counted: NDArray[np.bool_]) -> Counter[str]:
    """How many of the counted runs have each value; values of none are not there."""
    if runs.value is None:
        return Counter()
    counts = np.bincount(runs.value.codes[counted] + 1, minlength=len(runs.value.values) + 1).tolist()
    values = (MISSING, *runs.value.values)
    return Counter({value: count for value, count in zip(values, counts, strict=True) if count})
