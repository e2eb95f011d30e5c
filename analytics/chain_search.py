"""Finds the chain that counts for every run of a partition, searching only where there is a choice."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.funnels import FunnelDefinition
from analytics.grouping import Runs
from analytics.kernel import once
from analytics.kernel.arrays import Events, Exclusions, Rules
from analytics.kernel.best import find_chains
from analytics.kernel.touches import gathered
from analytics.partition import Partition
from analytics.serving import events_of, events_of_some

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
_ALL = np.empty(0, np.bool_)
_NO_EXCLUSIONS = Exclusions(np.empty(0, np.int64), np.empty(0, np.int64))


def write_chains(
    partition: Partition, runs: Runs, definition: FunnelDefinition, passing: Flags, rules: Rules, chains: Ints
) -> None:
    """Write [step, run] as `find_chains` does. `passing` of length 0: all runs pass the filters."""
    if not _may_be_taken_at_once(definition):
        every = events_of(partition, definition) if runs.events is None else runs.events
        find_chains(every, _exclusions(definition), passing, rules, chains)
        return
    events = runs.events
    if events is None and not _has_kept_moments(partition, definition):
        events = events_of(partition, definition)
    moments = _moments(partition, definition) if events is None else _moments_in(events, rules.steps)
    once.take_entry(moments[0], passing, rules, chains[0])
    for step in range(1, rules.steps):
        once.take_step(moments[step], chains[0], chains[step - 1], rules, chains[step])
    left = once.undecided(chains[-1])
    if len(left):
        some = events_of_some(partition, definition, left) if events is None else _some(events, left)
        found = np.empty((rules.steps, len(left)), np.int64)
        find_chains(some, _NO_EXCLUSIONS, _ALL, rules, found)
        once.put(found, left, chains)


def _may_be_taken_at_once(definition: FunnelDefinition) -> bool:
    return definition.order == "ordered" and not definition.exclusions and not definition.has_optional_steps


def _has_kept_moments(partition: Partition, definition: FunnelDefinition) -> bool:
    """Whether the moments of the steps depend on event names alone, so that the partition keeps them."""
    names = [name for step in definition.steps for name in set(step.events)]
    is_plain = all(step.events and not step.where for step in definition.steps)
    return is_plain and len(names) == len(set(names)) and not partition.is_filtered


def _moments(partition: Partition, definition: FunnelDefinition) -> Sequence[Ints]:
    return partition.moments([step.events for step in definition.steps])


def _moments_in(events: Events, steps: int) -> Sequence[Ints]:
    moments = np.empty((steps, len(events.starts) - 1), np.int64)
    once.moments_of_steps(events.starts, events.at_ms, events.steps_of, moments)
    return list(moments)


def _exclusions(definition: FunnelDefinition) -> Exclusions:
    return Exclusions(
        np.array([one.from_step for one in definition.exclusions], np.int64),
        np.array([one.to_step for one in definition.exclusions], np.int64),
    )


def _some(events: Events, numbers: NDArray[np.int64]) -> Events:
    starts, source = gathered(events.starts, numbers)
    return events._replace(starts=starts, at_ms=events.at_ms[source], steps_of=events.steps_of[source])
