"""Which events of a partition may serve which steps, resolved on its dictionary codes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.conditions import Condition
from analytics.funnels import Exclusion, FunnelDefinition, Step
from analytics.kernel.arrays import Events
from analytics.kernel.touches import bits_of, keep_bits, serving
from analytics.partition import Coded, Partition

_NO_FLAGS = np.empty(0, np.bool_)
_NO_BITS = np.empty(0, np.uint32)


def events_of(partition: Partition, definition: FunnelDefinition) -> Events:
    """All events, as the kernel takes them."""
    excluded_by = _bits(partition, definition.exclusions) if definition.exclusions else _NO_BITS
    return Events(
        partition.starts, partition.at_ms, _bits(partition, definition.steps), excluded_by, _NO_FLAGS
    )


def events_of_some(partition: Partition, definition: FunnelDefinition, numbers: NDArray[np.int64]) -> Events:
    """Of these sessions alone the events that serve a step. The steps are event names, without conditions."""
    bits_of_code = _bits_of_names(partition.name, definition.steps)
    found = serving(partition.starts, partition.at_ms, partition.name.codes, bits_of_code, numbers)
    return Events(*found, _NO_BITS, _NO_FLAGS)


def existing(partition: Partition, conditions: Sequence[Condition]) -> Partition:
    """Without the events that fail a filter on all events."""
    if not conditions:
        return partition
    passing = np.ones(len(partition.at_ms), np.bool_)
    for condition in conditions:
        column = partition.column(condition.property)
        passing &= _holds(column, condition)[column.codes]
    return partition.only(passing)


def _bits(partition: Partition, steps: Sequence[Step | Exclusion]) -> NDArray[np.uint32]:
    """Per event the steps, or exclusions, it can serve: bit k for number k."""
    serving: NDArray[np.uint32] = bits_of(partition.name.codes, _bits_of_names(partition.name, steps))
    for at, step in enumerate(steps):
        for condition in step.where:
            column = partition.column(condition.property)
            kept = np.where(_holds(column, condition), np.uint32(0xFFFFFFFF), ~np.uint32(1 << at))
            keep_bits(column.codes, kept.astype(np.uint32), serving)
    return serving


def _bits_of_names(name: Coded, steps: Sequence[Step | Exclusion]) -> NDArray[np.uint32]:
    """Per code of an event name; the last entry is for a missing one."""
    bits = np.zeros(len(name.values) + 1, np.uint32)
    for at, step in enumerate(steps):
        for code, value in enumerate(name.values):
            if not step.events or value in step.events:
                bits[code] |= np.uint32(1 << at)
    return bits


def _holds(column: Coded, condition: Condition) -> NDArray[np.bool_]:
    """Per code whether its value passes; the last entry is for a missing one."""
    return np.array([*map(condition.holds, column.values), condition.holds("")], np.bool_)
