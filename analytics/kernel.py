"""The pass over the events of a partition, in machine code: one visit per event, no Python objects.

`steps_of[i]` has bit k set when event i can serve step k; names, filters and dimensions were resolved on
dictionary codes before. Events of a session lie together, by time. `tests/reference.py` says the same
slowly. A chain is (entry, time of every step taken); per step the chain with the latest entry is kept,
since it has the most window left, and the first to get furthest is the one that counts.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analytics.sketch import BUCKETS, LOG_GAMMA

Ints = NDArray[np.int64]
Bits = NDArray[np.uint32]
Codes = NDArray[np.int32]

CONVERTED, BLOCKED, OPEN, LEFT = range(4)
OUTCOMES = 4
#: Slot of the time from entry to last step; slot k > 0 holds the time from step k-1 to step k.
WHOLE = 0
NEVER = np.iinfo(np.int64).min
ALWAYS = np.iinfo(np.int64).max

#: Positions in the `rules` array.
STEPS, WINDOW_MS, SINCE_MS, UNTIL_MS, CUT_MS, NOW_MS, LEAST_REACHED = range(7)
RULES = 7


@njit(cache=True, nogil=True)
def tally_sessions(
    starts: Ints,
    at_ms: Ints,
    steps_of: Bits,
    group_of: Codes,
    blocked_ms: Ints,
    day_starts_ms: Ints,
    rules: Ints,
    reached: Ints,
    outcomes: Ints,
    gap_count: Ints,
    gap_sum_ms: Ints,
    gap_histogram: Ints,
    daily: Ints,
) -> None:
    """Add every session of the partition to the output arrays. Group -1 leaves a session out."""
    steps = rules[STEPS]
    entry = np.empty(steps, np.int64)
    times = np.empty((steps, steps), np.int64)
    chain = np.empty(steps, np.int64)
    for session in range(len(starts) - 1):
        group = group_of[session]
        if group < 0:
            continue
        got = ordered_chain(at_ms, steps_of, starts[session], starts[session + 1], rules, entry, times, chain)
        if got < rules[LEAST_REACHED]:
            continue
        blocked = blocked_ms[session] if len(blocked_ms) > 0 else NEVER
        outcomes[group, got - 1, outcome_of(got, chain, blocked, rules)] += 1
        for step in range(got):
            reached[group, step] += 1
        for step in range(1, got):
            add_gap(group, step, chain[step] - chain[step - 1], gap_count, gap_sum_ms, gap_histogram)
        if got == steps:
            add_gap(group, WHOLE, chain[got - 1] - chain[0], gap_count, gap_sum_ms, gap_histogram)
        if len(day_starts_ms) > 0:
            day = np.searchsorted(day_starts_ms, chain[0], side="right") - 1
            for step in range(got):
                daily[day, step] += 1


@njit(cache=True, nogil=True)
def chains_of_sessions(
    starts: Ints, at_ms: Ints, steps_of: Bits, rules: Ints, got: Ints, chains: Ints
) -> None:
    """Write each session's steps reached and step times: what the tally counted, for drill-down."""
    steps = rules[STEPS]
    entry = np.empty(steps, np.int64)
    times = np.empty((steps, steps), np.int64)
    for session in range(len(starts) - 1):
        got[session] = ordered_chain(
            at_ms, steps_of, starts[session], starts[session + 1], rules, entry, times, chains[session]
        )


@njit(cache=True, nogil=True)
def outcome_of(got: int, chain: Ints, blocked_ms: int, rules: Ints) -> int:
    if got == rules[STEPS]:
        return CONVERTED
    if blocked_ms != NEVER and blocked_ms >= chain[got - 1]:
        return BLOCKED
    if rules[NOW_MS] - chain[0] <= rules[WINDOW_MS]:
        return OPEN
    return LEFT


@njit(cache=True, nogil=True)
def add_gap(
    group: int, slot: int, gap_ms: int, gap_count: Ints, gap_sum_ms: Ints, gap_histogram: Ints
) -> None:
    if gap_ms <= 0:
        return
    gap_count[group, slot] += 1
    gap_sum_ms[group, slot] += gap_ms
    bucket = int(np.ceil(np.log(gap_ms) / LOG_GAMMA))
    gap_histogram[group, slot, min(bucket, BUCKETS - 1)] += 1


@njit(cache=True, nogil=True)
def ordered_chain(
    at_ms: Ints, steps_of: Bits, first: int, last: int, rules: Ints, entry: Ints, times: Ints, chain: Ints
) -> int:
    """Steps reached by the session's best chain; their times are in `chain`."""
    entry[:] = NEVER
    furthest = 0
    at = first
    while at < last and at_ms[at] < rules[CUT_MS]:
        now = at_ms[at]
        end = at + 1
        serving = 1 if steps_of[at] else 0
        while end < last and at_ms[end] == now:
            serving += 1 if steps_of[end] else 0
            end += 1
        if serving == 1:
            wanted = steps_of[at]
            for event in range(at + 1, end):
                wanted |= steps_of[event]
            furthest = advance(wanted, now, rules, entry, times, chain, furthest)
        elif serving > 1:
            furthest = advance_tied(steps_of[at:end], now, rules, entry, times, chain, furthest)
        at = end
    return furthest


@njit(cache=True, nogil=True)
def advance(wanted: int, now: int, rules: Ints, entry: Ints, times: Ints, chain: Ints, furthest: int) -> int:
    """Let one event serve one step of each chain: from the last step down, so that none gets it twice."""
    for step in range(min(furthest, rules[STEPS] - 1), -1, -1):
        if not (wanted >> step) & 1:
            continue
        opened = source_entry(step - 1, now, rules, entry)
        if opened != NEVER and opened > entry[step]:
            furthest = extend(step - 1, step, opened, now, entry, times, chain, furthest)
    return furthest


@njit(cache=True, nogil=True)
def advance_tied(
    wanted: Bits, now: int, rules: Ints, entry: Ints, times: Ints, chain: Ints, furthest: int
) -> int:
    """Events of one instant in whichever order takes each chain furthest, each serving one step."""
    steps = rules[STEPS]
    run = np.zeros(steps, np.int64)
    for source in range(-1, min(furthest, steps - 1)):
        if source_entry(source, now, rules, entry) != NEVER:
            run[source + 1] = longest_run(wanted, source + 1, steps)
    for step in range(steps - 1, -1, -1):
        best = -2
        opened = entry[step]
        for source in range(step - 1, -2, -1):
            candidate = source_entry(source, now, rules, entry)
            if run[source + 1] >= step - source and candidate > opened:
                best, opened = source, candidate
        if best > -2:
            furthest = extend(best, step, opened, now, entry, times, chain, furthest)
    return furthest


@njit(cache=True, nogil=True)
def source_entry(source: int, now: int, rules: Ints, entry: Ints) -> int:
    """Entry of the chain that has taken step `source` and may go on now; source -1 opens a new chain."""
    if source < 0:
        return now if rules[SINCE_MS] <= now < rules[UNTIL_MS] else NEVER
    if entry[source] == NEVER or now - entry[source] > rules[WINDOW_MS]:
        return NEVER
    opened: int = entry[source]
    return opened


@njit(cache=True, nogil=True)
def extend(
    source: int, step: int, opened: int, now: int, entry: Ints, times: Ints, chain: Ints, furthest: int
) -> int:
    """Keep, as the chain of `step`, that of `source` with all steps between taken now."""
    entry[step] = opened
    for taken in range(step + 1):
        times[step, taken] = times[source, taken] if taken <= source else now
    if step < furthest:
        return furthest
    for taken in range(step + 1):
        chain[taken] = times[step, taken]
    return step + 1


@njit(cache=True, nogil=True)
def longest_run(wanted: Bits, first: int, steps: int) -> int:
    """How many steps from `first` on can each have an event of their own (augmenting paths)."""
    serves = np.full(len(wanted), -1, np.int64)
    served_by = np.full(steps, -1, np.int64)
    found_by = np.empty(len(wanted), np.int64)
    queue = np.empty(steps, np.int64)
    for step in range(first, steps):
        if not assign(wanted, step, serves, served_by, found_by, queue):
            return step - first
    return steps - first


@njit(cache=True, nogil=True)
def assign(wanted: Bits, step: int, serves: Ints, served_by: Ints, found_by: Ints, queue: Ints) -> bool:
    found_by[:] = -1
    queue[0] = step
    waiting = 1
    at = 0
    while at < waiting:
        asking = queue[at]
        at += 1
        for event in range(len(wanted)):
            if found_by[event] >= 0 or not (wanted[event] >> asking) & 1:
                continue
            found_by[event] = asking
            if serves[event] < 0:
                hand_over(event, serves, served_by, found_by)
                return True
            queue[waiting] = serves[event]
            waiting += 1
    return False


@njit(cache=True, nogil=True)
def hand_over(event: int, serves: Ints, served_by: Ints, found_by: Ints) -> None:
    while event >= 0:
        step = found_by[event]
        before = served_by[step]
        serves[event] = step
        served_by[step] = event
        event = before
