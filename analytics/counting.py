"""Counts one partition: resolves steps and rows on its codes, then lets the kernel pass over it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics import grouping, kernel
from analytics.funnels import FunnelDefinition, Step
from analytics.grouping import Rows, Runs
from analytics.partition import Partition
from analytics.question import Question, day_start
from analytics.tally import Tally


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """A question made ready to be asked of any partition: the range has both ends, the rows are known."""

    definition: FunnelDefinition
    question: Question
    now: dt.datetime
    rows: Rows | None = None  #: None: no breakdown
    blocked: Mapping[str, int] | None = None  #: session id -> when its task failed, UTC ms

    def empty(self) -> Tally:
        groups = len(self.rows.labels) if self.rows else 1
        return Tally.empty(groups, len(self.definition.steps), len(self.question.days()))


def tally(partition: Partition, count: Count) -> Tally:
    """What this partition alone says. Tallies of several partitions add up."""
    result = count.empty()
    add_to(result, partition, count)
    return result


def add_to(result: Tally, partition: Partition, count: Count) -> None:
    """Add the partition to `result`, in place."""
    runs = _runs(partition, count)
    kernel.tally_sessions(
        runs.starts,
        runs.at_ms,
        runs.steps_of,
        runs.group_of,
        _blocked_ms(partition, runs, count.blocked),
        _day_starts_ms(count.question),
        rules(count),
        result.reached,
        result.outcomes,
        result.gap_count,
        result.gap_sum_ms,
        result.gap_histogram,
        result.daily,
    )


def entrants_by_value(partition: Partition, count: Count, breakdown: str) -> Counter[str]:
    """How many of the sessions that the tally counts have each value: what the rows are ranked by."""
    steps_of, passing = steps_of_events(partition, count.definition.steps), _passing(partition, count)
    opens = (steps_of & np.uint32(1) == 1) & (partition.at_ms >= to_ms(count.question.since))
    return grouping.entrants_by_value(
        partition,
        steps_of,
        opens & (partition.at_ms < to_ms(count.question.until)),
        passing,
        count.definition.dimension(breakdown),
        count.question.attribution,
        _eligible(partition, steps_of, count.question),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Every counted session with its best chain; in step_N and all_events breakdowns once per row."""

    session_ids: list[str]
    group_of: NDArray[np.int32]
    reached: NDArray[np.int64]  #: steps, at least 1
    times_ms: NDArray[np.int64]  #: [session, step]; meaningful up to `reached`


def chains(partition: Partition, count: Count) -> Chains:
    """Which sessions the tally counted: by the same rules, in the same machine code."""
    runs, scalars = _runs(partition, count), rules(count)
    total = len(runs.starts) - 1
    reached = np.zeros(total, np.int64)
    times_ms = np.zeros((total, len(count.definition.steps)), np.int64)
    kernel.chains_of_sessions(runs.starts, runs.at_ms, runs.steps_of, scalars, reached, times_ms)
    counted = np.flatnonzero((runs.group_of >= 0) & (reached >= scalars[kernel.LEAST_REACHED]))
    numbers = counted if runs.session_of is None else runs.session_of[counted]
    ids = partition.session_ids()
    return Chains(
        [ids[number] for number in numbers], runs.group_of[counted], reached[counted], times_ms[counted]
    )


def steps_of_events(partition: Partition, steps: tuple[Step, ...]) -> NDArray[np.uint32]:
    """Per event the steps it can serve, bit k for step k."""
    bits = np.zeros(len(partition.name.values) + 1, np.uint32)
    for at, step in enumerate(steps):
        for code, name in enumerate(partition.name.values):
            if name in step.events:
                bits[code] |= np.uint32(1 << at)
    serving = bits[partition.name.codes]
    for at, step in enumerate(steps):
        for condition in step.where:
            column = partition.column(condition.property)
            holds = np.array([value == condition.value for value in column.values] + [condition.value == ""])
            serving &= np.where(holds[column.codes], np.uint32(0xFFFFFFFF), ~np.uint32(1 << at))
    return serving


def rules(count: Count) -> NDArray[np.int64]:
    """The scalars of the kernel, in its order."""
    question = count.question
    values = np.zeros(kernel.RULES, np.int64)
    values[kernel.STEPS] = len(count.definition.steps)
    values[kernel.WINDOW_MS] = count.definition.window_seconds * 1000
    values[kernel.SINCE_MS] = to_ms(question.since)
    values[kernel.UNTIL_MS] = to_ms(question.until)
    values[kernel.CUT_MS] = (
        values[kernel.UNTIL_MS] if question.completions == "within_range" else kernel.ALWAYS
    )
    values[kernel.NOW_MS] = to_ms(count.now)
    values[kernel.LEAST_REACHED] = 1
    if count.rows and question.attribution.startswith("step_"):
        values[kernel.LEAST_REACHED] = 1 + int(question.attribution.removeprefix("step_"))
    return values


def to_ms(moment: dt.datetime | None) -> int:
    """Milliseconds, rounded up, so that an end a microsecond after an event still includes it."""
    if moment is None:
        raise ValueError("the range must have both ends here")
    return -((dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - moment) // dt.timedelta(milliseconds=1))


def _runs(partition: Partition, count: Count) -> Runs:
    definition, question = count.definition, count.question
    steps_of, passing = steps_of_events(partition, definition.steps), _passing(partition, count)
    if count.rows is None or question.breakdown is None:
        return grouping.single_group(partition, steps_of, passing)
    return grouping.grouped(
        partition,
        steps_of,
        passing,
        definition.dimension(question.breakdown),
        count.rows,
        question.attribution,
        _eligible(partition, steps_of, question),
    )


def _passing(partition: Partition, count: Count) -> NDArray[np.bool_]:
    definition = count.definition
    filters = [(definition.dimension(wanted.dimension), wanted) for wanted in count.question.where]
    return grouping.selected(partition, filters)


def _eligible(partition: Partition, steps_of: NDArray[np.uint32], question: Question) -> NDArray[np.bool_]:
    """Which events may give a first or last touch."""
    eligible = (steps_of > 0) & (partition.at_ms >= to_ms(question.since))
    if question.completions == "within_range":
        eligible &= partition.at_ms < to_ms(question.until)
    return eligible


def _day_starts_ms(question: Question) -> NDArray[np.int64]:
    return np.array([to_ms(day_start(day, question.zone)) for day in question.days()], np.int64)


def _blocked_ms(partition: Partition, runs: Runs, blocked: Mapping[str, int] | None) -> NDArray[np.int64]:
    if not blocked:
        return np.empty(0, np.int64)
    failed_ms = np.full(partition.sessions, kernel.NEVER, np.int64)
    for number, session_id in partition.numbers_of(blocked.keys()).items():
        failed_ms[number] = blocked[session_id]
    return failed_ms if runs.session_of is None else failed_ms[runs.session_of]
