"""Counts one partition: resolves steps and rows on its codes, then lets the kernel pass over it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics import grouping, timing
from analytics.belonging import Clients, of_clients
from analytics.chain_search import write_chains
from analytics.funnels import FunnelDefinition
from analytics.grouping import Rows, Runs
from analytics.kernel import arrays
from analytics.kernel.arrays import Events, Sessions
from analytics.kernel.tallying import NO_ROW, add_sessions, place_sessions
from analytics.partition import Coded, Partition
from analytics.question import Question
from analytics.serving import events_of, existing
from analytics.tally import Tally
from analytics.timing import Timing

_ORDERS = {"ordered": arrays.ORDERED, "strict": arrays.STRICT, "unordered": arrays.UNORDERED}
_NO_CODES = np.empty(0, np.int32)
_NO_FLAGS = np.empty(0, np.bool_)
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
    found = _found(partition, count, scratch)
    add_sessions(found.sessions, count.when.bins, count.rules, found.chains, result.counts)


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
    """Which sessions the tally counted: the same chains, before they are added up."""
    found = _found(partition, count)
    placed = found.placed(count)
    counted = np.flatnonzero(placed.row != NO_ROW)
    session_of = found.runs.session_of
    return Chains(
        partition,
        counted if session_of is None else session_of[counted],
        placed.row[counted],
        placed.bin[counted],
        placed.reached[counted],
        placed.outcome[counted],
        found.chains[:, counted].T,
    )


def entered_by_value(partition: Partition, count: Count) -> Counter[str]:
    """How many of the sessions that the tally counts have each value: what the rows are ranked by."""
    found = _found(partition, count)
    counted = grouping.counted_by_value(found.runs, found.placed(count).row != NO_ROW)
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


def to_ms(moment: dt.datetime | None) -> int:
    """Milliseconds, rounded up, so that an end a microsecond after an event still includes it."""
    if moment is None:
        raise ValueError("the range must have both ends here")
    return -((dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - moment) // dt.timedelta(milliseconds=1))


class Scratch:
    """Room for the chains of one partition after the other, taken once."""

    def __init__(self) -> None:
        self._room = np.empty(0, np.int64)

    def chains(self, steps: int, runs: int) -> NDArray[np.int64]:
        """[step, run], not empty."""
        if len(self._room) < steps * runs:
            self._room = np.empty(steps * runs * 5 // 4, np.int64)
        return self._room[: steps * runs].reshape(steps, runs)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The best chain of every run, and what decides where it belongs."""

    runs: Runs
    sessions: Sessions
    chains: NDArray[np.int64]  #: [step, run]

    def placed(self, count: Count) -> "_Placed":
        runs = self.chains.shape[1]
        places = _Placed(
            np.empty(runs, np.int64),
            np.empty(runs, np.int32),
            np.empty(runs, np.int32),
            np.empty(runs, np.int32),
        )
        place_sessions(self.sessions, count.when.bins, count.rules, self.chains, *places)
        return places


class _Placed(NamedTuple):
    """Per run; the kernel says what the arrays mean."""

    reached: NDArray[np.int64]
    row: NDArray[np.int32]
    bin: NDArray[np.int32]
    outcome: NDArray[np.int32]


def _found(partition: Partition, count: Count, scratch: Scratch | None = None) -> _Found:
    theirs = None if count.clients is None else of_clients(partition, count.clients)
    partition = existing(partition, count.question.event_where)
    runs = _runs(partition, count)
    passing = _passing(partition, runs, count, theirs)
    total = partition.sessions if runs.session_of is None else len(runs.session_of)
    chains = (scratch or Scratch()).chains(count.rules.steps, total)
    write_chains(partition, runs, count.definition, passing, count.rules, chains)
    return _Found(runs, _sessions(partition, runs, count), chains)


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


def _runs(partition: Partition, count: Count) -> Runs:
    question = count.question
    if count.rows is None:
        return Runs(None)
    if count.labels is not None:
        return Runs(_labelled(partition, count.labels))
    dimensions = [count.definition.dimension(name) for name in question.breakdown]
    if question.attribution == "session":
        return Runs(grouping.of_sessions(partition, dimensions))
    coded = grouping.of_events(partition, dimensions)
    events = events_of(partition, count.definition)
    if question.attribution in {"first_touch", "last_touch"}:
        last = question.attribution == "last_touch"
        return Runs(grouping.touched(partition, coded, _may_touch(events, count), last=last), events=events)
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
