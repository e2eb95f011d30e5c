"""Counts one partition: resolves steps and rows on its codes, then lets the kernel pass over it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics import grouping, timing
from analytics.belonging import Clients, of_clients
from analytics.conditions import Condition
from analytics.funnels import Exclusion, FunnelDefinition, Step
from analytics.grouping import Rows, Runs
from analytics.kernel import arrays
from analytics.kernel.arrays import Events, Exclusions, Sessions
from analytics.kernel.best import find_chains
from analytics.kernel.tallying import NO_ROW, add_sessions, place_sessions
from analytics.kernel.touches import bits_of, keep_bits
from analytics.partition import Coded, Partition
from analytics.question import Question
from analytics.tally import Tally
from analytics.timing import Timing

_ORDERS = {"ordered": arrays.ORDERED, "strict": arrays.STRICT, "unordered": arrays.UNORDERED}
_NO_CODES = np.empty(0, np.int32)
_NO_FLAGS = np.empty(0, np.bool_)
_NO_BITS = np.empty(0, np.uint32)
_NO_TIMES = np.empty(0, np.int64)
_NO_VALUES = Coded(_NO_CODES, ())
_ROW_OF_ALL = np.zeros(1, np.int32)
_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Count:
    """A question made ready to be asked of any partition: the range has both ends, the rows are known.

    Raises InvalidQuery when the question does not fit the funnel.
    """

    definition: FunnelDefinition
    question: Question
    now: dt.datetime
    rows: Rows | None = None  #: None: everybody in one row, whatever the breakdown
    blocked: Mapping[str, int] = field(default_factory=dict)  #: session id -> when its task failed, UTC ms
    labels: Mapping[str, str] | None = None  #: session id -> value, to break down by instead of a property
    timing: Timing | None = None  #: None: by the day of entry
    clients: Clients = None  #: only their sessions; the partition is as they see it

    def __post_init__(self) -> None:
        self.question.check_fits(self.definition)

    @cached_property
    def when(self) -> Timing:
        return self.timing or timing.by_entry_day(self.question)

    @cached_property
    def rules(self) -> arrays.Rules:
        """The scalars of the kernel."""
        question, definition = self.question, self.definition
        until_ms = to_ms(question.until)
        return arrays.Rules(
            steps=len(definition.steps),
            order=_ORDERS[definition.order],
            optional=sum(1 << at for at, step in enumerate(definition.steps) if step.optional),
            window_ms=definition.window_seconds * 1000,
            since_ms=to_ms(question.since),
            until_ms=until_ms,
            cut_ms=until_ms if question.completions == "within_range" else arrays.ALWAYS,
            now_ms=to_ms(self.now),
            deciding_step=self._step_of_attribution if self.is_by_run else 0,
        )

    @cached_property
    def exclusions(self) -> Exclusions:
        return Exclusions(
            np.array([one.from_step for one in self.definition.exclusions], np.int64),
            np.array([one.to_step for one in self.definition.exclusions], np.int64),
        )

    @property
    def is_by_run(self) -> bool:
        """Whether a session is in a row for each of its values, rather than in one."""
        attribution = self.question.attribution
        return self.rows is not None and (attribution == "all_events" or attribution.startswith("step_"))

    @property
    def _step_of_attribution(self) -> int:
        attribution = self.question.attribution
        is_step = attribution.startswith("step_") and self.definition.order != "unordered"
        return int(attribution.removeprefix("step_")) if is_step else 0

    def empty(self) -> Tally:
        rows = len(self.rows.labels) if self.rows else self.when.size if self.when.bins.are_rows else 1
        return Tally.empty(rows, len(self.definition.steps), self.when.size)


def tally(partition: Partition, count: Count) -> Tally:
    """What this partition alone says. Tallies of several partitions add up."""
    result = count.empty()
    add_to(result, partition, count)
    return result


def add_to(result: Tally, partition: Partition, count: Count, scratch: "Scratch | None" = None) -> None:
    """Add the partition to `result`, in place. A caller with many partitions keeps one scratch for them."""
    _, found = _found(partition, count, scratch)
    add_sessions(
        count.rules, found.furthest, found.chains, found.rows, found.bins, found.outcomes, result.counts
    )


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Every counted session with its best chain; in step_N and all_events breakdowns once per row."""

    partition: Partition
    number: NDArray[np.int64]  #: of the session in the partition
    row: NDArray[np.int32]
    bin: NDArray[np.int32]  #: of `Count.when`
    reached: NDArray[np.int64]  #: steps up to the furthest, at least 1
    outcome: NDArray[np.int32]
    times_ms: NDArray[np.int64]  #: [session, step]; kernel NEVER where it did not take the step

    def session_ids(self) -> pa.Array:
        return self.partition.session_ids().take(pa.array(self.number))


def chains(partition: Partition, count: Count) -> Chains:
    """Which sessions the tally counted: the same arrays, before they are added up."""
    runs, found = _found(partition, count)
    counted = np.flatnonzero(found.rows != NO_ROW)
    return Chains(
        partition,
        counted if runs.session_of is None else runs.session_of[counted],
        found.rows[counted],
        found.bins[counted],
        found.furthest[counted],
        found.outcomes[counted],
        found.chains[counted],
    )


def entered_by_value(partition: Partition, count: Count) -> Counter[str]:
    """How many of the sessions that the tally counts have each value: what the rows are ranked by."""
    runs, found = _found(partition, count)
    counted = grouping.counted_by_value(runs, found.rows != NO_ROW)
    missing = grouping.missing_value(count.question.breakdown)
    if grouping.MISSING in counted and missing != grouping.MISSING:
        counted[missing] = counted.pop(grouping.MISSING)
    return counted


def values_of(partition: Partition, count: Count) -> Sequence[str]:
    """The values that the partition's dictionaries know of the breakdown; some may be of no session."""
    if count.labels is not None:
        return sorted(set(count.labels.values()))
    dimensions = [count.definition.dimension(name) for name in count.question.breakdown]
    of = grouping.of_sessions if count.question.attribution == "session" else grouping.of_events
    return of(existing(partition, count.question.event_where), dimensions).values


def steps_of_events(partition: Partition, steps: Sequence[Step | Exclusion]) -> NDArray[np.uint32]:
    """Per event the steps, or exclusions, it can serve: bit k for number k."""
    by_name = np.zeros(len(partition.name.values) + 1, np.uint32)
    for at, step in enumerate(steps):
        for code, name in enumerate(partition.name.values):
            if not step.events or name in step.events:
                by_name[code] |= np.uint32(1 << at)
    serving: NDArray[np.uint32] = bits_of(partition.name.codes, by_name)
    for at, step in enumerate(steps):
        for condition in step.where:
            column = partition.column(condition.property)
            kept = np.where(_holds(column, condition), np.uint32(0xFFFFFFFF), ~np.uint32(1 << at))
            keep_bits(column.codes, kept.astype(np.uint32), serving)
    return serving


def to_ms(moment: dt.datetime | None) -> int:
    """Milliseconds, rounded up, so that an end a microsecond after an event still includes it."""
    if moment is None:
        raise ValueError("the range must have both ends here")
    return -((dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - moment) // dt.timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Per run; the kernel says what the arrays mean."""

    furthest: NDArray[np.int64]
    chains: NDArray[np.int64]
    rows: NDArray[np.int32]
    bins: NDArray[np.int32]
    outcomes: NDArray[np.int32]

    @classmethod
    def empty(cls, runs: int, steps: int) -> Self:
        return cls(
            furthest=np.empty(runs, np.int64),
            chains=np.empty((runs, steps), np.int64),
            rows=np.empty(runs, np.int32),
            bins=np.empty(runs, np.int32),
            outcomes=np.empty(runs, np.int32),
        )


class Scratch:
    """Room for what is found in one partition after the other, taken once."""

    def __init__(self) -> None:
        self._room = _Found.empty(0, 0)

    def of(self, runs: int, steps: int) -> _Found:
        if len(self._room.furthest) < runs or self._room.chains.shape[1] != steps:
            self._room = _Found.empty(runs + runs // 4, steps)
        return _Found(*(getattr(self._room, name)[:runs] for name in _Found.__slots__))


def _found(partition: Partition, count: Count, scratch: Scratch | None = None) -> tuple[Runs, _Found]:
    """The chain of every run, and where it belongs."""
    rules = count.rules
    theirs = None if count.clients is None else of_clients(partition, count.clients)
    partition = existing(partition, count.question.event_where)
    runs = _runs(partition, _events(partition, count.definition), count)
    total = len(runs.events.starts) - 1
    found = scratch.of(total, rules.steps) if scratch else _Found.empty(total, rules.steps)
    passing = _passing(partition, runs, count, theirs)
    find_chains(runs.events, count.exclusions, passing, rules, found.furthest, found.chains)
    place_sessions(
        _sessions(partition, runs, count), count.when.bins, rules,
        found.furthest, found.chains, found.rows, found.bins, found.outcomes,
    )  # fmt: skip
    return runs, found


def _events(partition: Partition, definition: FunnelDefinition) -> Events:
    excluded_by = steps_of_events(partition, definition.exclusions) if definition.exclusions else _NO_BITS
    steps_of = steps_of_events(partition, definition.steps)
    return Events(partition.starts, partition.at_ms, steps_of, excluded_by, _NO_FLAGS)


def _passing(
    partition: Partition, runs: Runs, count: Count, theirs: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Which runs pass the filters on sessions and are among `theirs`; empty when all are."""
    definition = count.definition
    filters = [(definition.dimension(wanted.dimension), wanted) for wanted in count.question.where]
    passing = grouping.selected(partition, filters)
    if theirs is not None:
        passing = theirs if passing is None else passing & theirs
    return _NO_FLAGS if passing is None else _per_run(passing, runs)


def _sessions(partition: Partition, runs: Runs, count: Count) -> Sessions:
    coded = runs.value or _NO_VALUES
    return Sessions(
        code=coded.codes,
        row_of_code=count.rows.of_codes(coded.values) if count.rows else _ROW_OF_ALL,
        blocked_ms=_per_run(_blocked_ms(partition, count.blocked), runs) if count.blocked else _NO_TIMES,
    )


def _runs(partition: Partition, events: Events, count: Count) -> Runs:
    question = count.question
    if count.rows is None:
        return Runs(events, None)
    if count.labels is not None:
        return Runs(events, _labelled(partition, count.labels))
    dimensions = [count.definition.dimension(name) for name in question.breakdown]
    if question.attribution == "session":
        return Runs(events, grouping.of_sessions(partition, dimensions))
    coded = grouping.of_events(partition, dimensions)
    if question.attribution in {"first_touch", "last_touch"}:
        last = question.attribution == "last_touch"
        return Runs(events, grouping.touched(partition, coded, _may_touch(events, count), last=last))
    if question.attribution == "all_events":
        every = np.ones(len(events.at_ms), np.bool_)
        return grouping.run_per_value(events, coded, every, grouping.without)
    if count.definition.order == "unordered":
        return grouping.run_per_value(events, coded, events.steps_of > 0, grouping.cannot_open)
    step = int(question.attribution.removeprefix("step_"))
    serves = (events.steps_of >> np.uint32(step)) & np.uint32(1) == 1
    return grouping.run_per_value(events, coded, serves, grouping.cannot_serve(step))


def _may_touch(events: Events, count: Count) -> NDArray[np.bool_]:
    """Which events may give a first or last touch."""
    rules = count.rules
    eligible = (events.at_ms >= rules.since_ms) & (events.at_ms < rules.cut_ms)
    return eligible if rules.order == arrays.STRICT else eligible & (events.steps_of > 0)


def existing(partition: Partition, conditions: Sequence[Condition]) -> Partition:
    """Without the events that fail a filter on all events."""
    if not conditions:
        return partition
    passing = np.ones(len(partition.at_ms), np.bool_)
    for condition in conditions:
        column = partition.column(condition.property)
        passing &= _holds(column, condition)[column.codes]
    return partition.only(passing)


def _holds(column: Coded, condition: Condition) -> NDArray[np.bool_]:
    """Per code whether its value passes; the last entry is for a missing one."""
    return np.array([*map(condition.holds, column.values), condition.holds("")], np.bool_)


def _labelled(partition: Partition, labels: Mapping[str, str]) -> Coded:
    values = tuple(sorted(set(labels.values())))
    code = {value: at for at, value in enumerate(values)}
    codes = np.full(partition.sessions, -1, np.int32)
    for number, session_id in partition.numbers_of(labels.keys()).items():
        codes[number] = code[labels[session_id]]
    return Coded(codes, values)


def _blocked_ms(partition: Partition, blocked: Mapping[str, int]) -> NDArray[np.int64]:
    failed_ms = np.full(partition.sessions, arrays.NEVER, np.int64)
    for number, session_id in partition.numbers_of(blocked.keys()).items():
        failed_ms[number] = blocked[session_id]
    return failed_ms


def _per_run(per_session: NDArray[_Kind], runs: Runs) -> NDArray[_Kind]:
    return per_session if runs.session_of is None else per_session[runs.session_of]
