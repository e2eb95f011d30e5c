"""Events of one instant may be taken in any order, each for one step: which set of steps can they serve?

A bipartite matching, grown step by step along augmenting paths; `serves[e]` is the step that event e serves.
"""

import numpy as np

from analytics.kernel.arrays import Bits, Work
from analytics.kernel.compiled import compiled


@compiled
def steps_taken(wanted: Bits, source: int, target: int, optional: int, work: Work) -> int:
    """The set of steps after `source` up to `target` that the events take at once; 0 if they cannot.

    It holds `target` and all required steps between, and of the optional ones as many as can be, later ones
    first.
    """
    work.serves[: len(wanted)] = -1
    work.served_by[:] = -1
    taken = 0
    for step in range(source + 1, target + 1):
        if step != target and (optional >> step) & 1:
            continue
        if not assign(wanted, step, work):
            return 0
        taken |= 1 << step
    for step in range(target - 1, source, -1):
        if (optional >> step) & 1 and assign(wanted, step, work):
            taken |= 1 << step
    return taken


@compiled
def steps_needed(source: int, target: int, optional: int) -> int:
    """The set of steps that a chain must take to get from `source` to `target`."""
    return ((1 << target) - (1 << (source + 1))) & ~optional | (1 << target)


@compiled
def all_bits(wanted: Bits) -> int:
    offered = 0
    for event in range(len(wanted)):
        offered |= int(wanted[event])
    return offered


@compiled
def assign(wanted: Bits, step: int, work: Work) -> bool:
    """Find an event for one more step, moving those assigned before if need be."""
    serves, found_by, queue = work.serves, work.found_by, work.queue
    found_by[: len(wanted)] = -1
    queue[0] = step
    waiting = 1
    at = 0
    while at < waiting:
        asking = queue[at]
        at += 1
        for event in range(len(wanted)):
            if found_by[event] >= 0 or not (np.int64(wanted[event]) >> asking) & 1:
                continue
            found_by[event] = asking
            if serves[event] < 0:
                hand_over(event, work)
                return True
            queue[waiting] = serves[event]
            waiting += 1
    return False


@compiled
def hand_over(event: int, work: Work) -> None:
    while event >= 0:
        step = work.found_by[event]
        before = work.served_by[step]
        work.serves[event] = step
        work.served_by[step] = event
        event = before


@compiled
def is_better(entry: int, taken: int, than_entry: int, than_taken: int) -> bool:
    """Of two chains at one step: the later entry, then more steps, then the later steps."""
    if entry != than_entry:
        return entry > than_entry
    count, than_count = size(taken), size(than_taken)
    return count > than_count or (count == than_count and taken > than_taken)


@compiled
def size(taken: int) -> int:
    count = 0
    while taken:
        taken &= taken - 1
        count += 1
    return count
