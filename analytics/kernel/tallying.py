"""From chains to counts: where each session belongs, and what all of them add up to.

Where time matters an index is unsigned: a signed one is asked each time whether it counts from the end.
"""

import numpy as np
from numpy import uintp

from analytics.kernel.arrays import (
    ALWAYS,
    BLOCKED,
    CONVERTED,
    LEFT,
    NEVER,
    OPEN,
    OUTCOMES,
    Bins,
    Codes,
    Counts,
    Ints,
    Rules,
    Sessions,
)
from analytics.kernel.compiled import compiled, inlined
from analytics.sketch import FIRST_BUCKET, REST_BITS

NO_ROW = -1


@compiled
def place_sessions(
    sessions: Sessions,
    bins: Bins,
    rules: Rules,
    chains: Ints,
    reached: Ints,
    row_of: Codes,
    bin_of: Codes,
    outcome_of: Codes,
) -> None:
    """Write each session's steps up to the furthest, row, bin and outcome; NO_ROW for one that is in none."""
    code, row_of_code, blocked_ms = sessions.code, sessions.row_of_code, sessions.blocked_ms
    edges_ms, bin_of_edge = bins.edges_ms, bins.bin_of
    edge = 0
    for session in range(len(row_of)):
        row_of[session] = NO_ROW
        if chains[rules.deciding_step, session] == NEVER:
            continue
        got = steps_reached(chains, session, rules)
        entry_ms, furthest_ms = chains[0, session], chains[got - 1, session]
        edge = edge_of(entry_ms, edges_ms, edge)
        row_of[session] = bin_of_edge[edge] if bins.are_rows else row_in(session, code, row_of_code)
        if bins.at_furthest:
            edge = edge_of(furthest_ms, edges_ms, edge)
        reached[session] = got
        bin_of[session] = bin_of_edge[edge]
        if got == rules.steps:
            outcome_of[session] = CONVERTED
        else:
            outcome_of[session] = outcome_short(session, entry_ms, furthest_ms, blocked_ms, rules)


@compiled
def add_sessions(sessions: Sessions, bins: Bins, rules: Rules, chains: Ints, counts: Counts) -> None:
    """Add to the counts where place_sessions puts each session, and how long its steps took."""
    if rules.optional or bins.at_furthest or len(sessions.blocked_ms):
        add_placed(sessions, bins, rules, chains, counts)
    else:
        add_straight(sessions, bins, rules, chains, counts)


@compiled
def add_straight(sessions: Sessions, bins: Bins, rules: Rules, chains: Ints, counts: Counts) -> None:
    """Without optional steps, blocked sessions and bins of the furthest step, as in most partitions.

    A warm question takes most of its time here. So arrays are taken out of their groups, which counts
    references, and flattened: where a count lies is added up along a session, and not multiplied each time.
    """
    code, row_of_code = sessions.code, sessions.row_of_code
    edges_ms, bin_of_edge, are_rows = bins.edges_ms, bins.bin_of, bins.are_rows
    outcomes, by_bin, waiting = counts.outcomes.reshape(-1), counts.by_bin.reshape(-1), counts.waiting
    gap_sum_ms, gap_histogram = counts.gap_sum_ms.reshape(-1), counts.gap_histogram.reshape(-1)
    times, buckets = chains.reshape(-1), uintp(counts.gap_histogram.shape[2])
    runs, steps, one = uintp(chains.shape[1]), uintp(rules.steps), uintp(1)
    deciding = uintp(rules.deciding_step) * runs
    edge, begins_ms, ends_ms = 0, ALWAYS, NEVER
    for number in range(chains.shape[1]):
        session = uintp(number)
        if times[deciding + session] == NEVER:
            continue
        entry_ms = times[session]
        if entry_ms < begins_ms or entry_ms >= ends_ms:
            edge = edge_of(entry_ms, edges_ms, edge)
            begins_ms, ends_ms = edges_ms[edge], edges_ms[edge + 1] if edge + 1 < len(edges_ms) else ALWAYS
        signed_row = bin_of_edge[edge] if are_rows else row_in(number, code, row_of_code)
        if signed_row == NO_ROW:
            continue
        row = uintp(signed_row)
        got, furthest_ms = one, entry_ms
        at, slot = session + runs, row * steps + one
        while got < steps:
            now = times[at]
            if now == NEVER:
                break
            add_gap(now - furthest_ms, slot, buckets, gap_sum_ms, gap_histogram)
            furthest_ms = now
            got, at, slot = got + one, at + runs, slot + one
        if got == steps:
            outcome = CONVERTED
            add_gap(furthest_ms - entry_ms, row * steps, buckets, gap_sum_ms, gap_histogram)
        else:
            outcome = LEFT
            if rules.now_ms - entry_ms <= rules.window_ms:
                outcome = OPEN
                waiting[row, bucket_of(max(rules.now_ms - entry_ms, 1))] += 1
        outcomes[(row * steps + got - one) * uintp(OUTCOMES) + uintp(outcome)] += 1
        by_bin[(uintp(bin_of_edge[edge]) * steps + got - one) * uintp(OUTCOMES) + uintp(outcome)] += 1
    for each in range(len(counts.reached)):
        got_there = 0
        for step in range(rules.steps - 1, -1, -1):
            got_there += np.sum(counts.outcomes[each, step])
            counts.reached[each, step] = got_there


@compiled
def add_placed(sessions: Sessions, bins: Bins, rules: Rules, chains: Ints, counts: Counts) -> None:
    """Whatever the question: a gap is between two steps, one after the other, that were both taken."""
    runs, buckets = chains.shape[1], uintp(counts.gap_histogram.shape[2])
    reached, row_of = np.empty(runs, np.int64), np.empty(runs, np.int32)
    bin_of, outcome_of = np.empty(runs, np.int32), np.empty(runs, np.int32)
    place_sessions(sessions, bins, rules, chains, reached, row_of, bin_of, outcome_of)
    gap_sum_ms, gap_histogram = counts.gap_sum_ms.reshape(-1), counts.gap_histogram.reshape(-1)
    for session in range(runs):
        row, got = row_of[session], reached[session]
        if row == NO_ROW:
            continue
        for step in range(got):
            now = chains[step, session]
            counts.reached[row, step] += now != NEVER
            if step and now != NEVER and chains[step - 1, session] != NEVER:
                slot = uintp(row * rules.steps + step)
                add_gap(now - chains[step - 1, session], slot, buckets, gap_sum_ms, gap_histogram)
        waited_ms = rules.now_ms - chains[0, session]
        if got == rules.steps:
            whole_ms = chains[got - 1, session] - chains[0, session]
            add_gap(whole_ms, uintp(row * rules.steps), buckets, gap_sum_ms, gap_histogram)
        elif waited_ms <= rules.window_ms:
            counts.waiting[row, bucket_of(max(waited_ms, 1))] += 1
        counts.outcomes[row, got - 1, outcome_of[session]] += 1
        counts.by_bin[bin_of[session], got - 1, outcome_of[session]] += 1


@inlined
def steps_reached(chains: Ints, session: int, rules: Rules) -> int:
    """Steps up to the furthest."""
    got = rules.steps
    while chains[got - 1, session] == NEVER:
        got -= 1
    return got


@inlined
def row_in(session: int, code: Codes, row_of_code: Codes) -> int:
    return int(row_of_code[code[session]]) if len(code) else 0


@inlined
def outcome_short(session: int, entry_ms: int, furthest_ms: int, blocked_ms: Ints, rules: Rules) -> int:
    """The outcome of a session that did not take the last step."""
    if len(blocked_ms) and blocked_ms[session] >= furthest_ms:
        return BLOCKED
    return OPEN if rules.now_ms - entry_ms <= rules.window_ms else LEFT


@inlined
def add_gap(gap_ms: int, slot: np.uintp, buckets: np.uintp, gap_sum_ms: Ints, gap_histogram: Ints) -> None:
    """Slots are numbered over all rows, WHOLE first in each."""
    if gap_ms > 0:
        gap_sum_ms[slot] += gap_ms
        gap_histogram[slot * buckets + uintp(bucket_of(gap_ms))] += 1


@inlined
def bucket_of(ms: int) -> int:
    """The bucket of sketch.py."""
    return int((np.float64(ms).view(np.int64) >> REST_BITS) - FIRST_BUCKET)


@inlined
def edge_of(moment_ms: int, edges_ms: Ints, hint: int) -> int:
    """The last edge at or before the moment; mostly that of the session before."""
    edge = hint
    if moment_ms < edges_ms[hint] or (hint + 1 < len(edges_ms) and moment_ms >= edges_ms[hint + 1]):
        edge = max(0, int(np.searchsorted(edges_ms, moment_ms, side="right")) - 1)
    return edge
