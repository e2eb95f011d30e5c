"""From chains to counts: where each session belongs, and what all of them add up to."""

import numpy as np

from analytics.kernel.arrays import (
    BLOCKED,
    CONVERTED,
    LEFT,
    NEVER,
    OPEN,
    WHOLE,
    Bins,
    Codes,
    Counts,
    Ints,
    Rules,
    Sessions,
)
from analytics.kernel.compiled import compiled, inlined
from analytics.sketch import FIRST_PREFIX, FRACTION_BITS, LARGEST_MS, PREFIX_BUCKETS

NO_ROW = -1


@compiled
def place_sessions(
    sessions: Sessions,
    bins: Bins,
    rules: Rules,
    furthest: Ints,
    chains: Ints,
    row_of: Codes,
    bin_of: Codes,
    outcome_of: Codes,
) -> None:
    """Write each session's row, bin and outcome; NO_ROW for one that counts in none."""
    code, row_of_code, blocked_ms = sessions.code, sessions.row_of_code, sessions.blocked_ms
    edges_ms, bin_of_edge = bins.edges_ms, bins.bin_of
    edge = 0
    for session in range(len(furthest)):
        got = furthest[session]
        row_of[session] = NO_ROW
        if chains[session, rules.deciding_step] == NEVER:
            continue
        entry_ms, furthest_ms = chains[session, 0], chains[session, got - 1]
        edge = edge_of(furthest_ms if bins.at_furthest else entry_ms, edges_ms, edge)
        bin_of[session] = bin_of_edge[edge]
        if bins.are_rows:
            row_of[session] = bin_of_edge[edge]
        else:
            row_of[session] = row_of_code[code[session]] if len(code) else 0
        if got == rules.steps:
            outcome = CONVERTED
        elif len(blocked_ms) and blocked_ms[session] >= furthest_ms:
            outcome = BLOCKED
        elif rules.now_ms - entry_ms <= rules.window_ms:
            outcome = OPEN
        else:
            outcome = LEFT
        outcome_of[session] = outcome


@compiled
def add_sessions(
    rules: Rules,
    furthest: Ints,
    chains: Ints,
    row_of: Codes,
    bin_of: Codes,
    outcome_of: Codes,
    counts: Counts,
) -> None:
    """Add the placed sessions to the counts."""
    reached, outcomes, by_bin, waiting = counts.reached, counts.outcomes, counts.by_bin, counts.waiting
    gap_sum_ms, gap_histogram = counts.gap_sum_ms, counts.gap_histogram
    for session in range(len(furthest)):
        row = row_of[session]
        if row == NO_ROW:
            continue
        got, outcome = furthest[session], outcome_of[session]
        outcomes[row, got - 1, outcome] += 1
        by_bin[bin_of[session], got - 1, outcome] += 1
        before = NEVER
        for step in range(got):
            now = chains[session, step]
            if now != NEVER:
                if rules.optional:
                    reached[row, step] += 1
                if before != NEVER:
                    add_gap(row, step, now - before, gap_sum_ms, gap_histogram)
            before = now
        entry_ms = chains[session, 0]
        if outcome == CONVERTED:
            whole_ms = chains[session, got - 1] - entry_ms
            add_gap(row, WHOLE, whole_ms, gap_sum_ms, gap_histogram)
        elif rules.now_ms - entry_ms <= rules.window_ms:
            waiting[row, bucket_of(max(rules.now_ms - entry_ms, 1))] += 1
    if rules.optional == 0:
        for row in range(len(reached)):
            sessions = 0
            for step in range(rules.steps - 1, -1, -1):
                sessions += np.sum(outcomes[row, step])
                reached[row, step] = sessions


@inlined
def add_gap(
    row: int,
    slot: int,
    gap_ms: int,
    gap_sum_ms: Ints,
    gap_histogram: Ints,
) -> None:
    if gap_ms > 0:
        gap_sum_ms[row, slot] += gap_ms
        gap_histogram[row, slot, bucket_of(gap_ms)] += 1


@inlined
def bucket_of(ms: int) -> int:
    """The bucket of sketch.py. The float's exponent and first fraction bits find it, or the one before."""
    bits = np.float64(ms).view(np.int64)
    bucket = PREFIX_BUCKETS[(bits >> FRACTION_BITS) - FIRST_PREFIX]
    return int(bucket + (ms > LARGEST_MS[bucket]))


@inlined
def edge_of(moment_ms: int, edges_ms: Ints, hint: int) -> int:
    """The last edge at or before the moment; mostly that of the session before."""
    edge = hint
    if moment_ms < edges_ms[hint] or (hint + 1 < len(edges_ms) and moment_ms >= edges_ms[hint + 1]):
        edge = max(0, int(np.searchsorted(edges_ms, moment_ms, side="right")) - 1)
    return edge
