"""From chains to counts: where each session belongs, and what all of them add up to.

Where time matters an index is unsigned: a signed one is asked each time whether it counts from the end.
"""

import numpy as np
from numpy import uintp

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
    # Taking an array out of its group counts references, which the loop below has no time for.
    code, row_of_code, blocked_ms = sessions.code, sessions.row_of_code, sessions.blocked_ms
    edges_ms, bin_of_edge, at_furthest, are_rows = bins.edges_ms, bins.bin_of, bins.at_furthest, bins.are_rows
    reached, outcomes, by_bin, waiting = counts.reached, counts.outcomes, counts.by_bin, counts.waiting
    gap_sum_ms, gap_histogram = counts.gap_sum_ms, counts.gap_histogram
    edge = 0
    for session in range(chains.shape[1]):
        if chains[rules.deciding_step, session] == NEVER:
            continue
        entry_ms = chains[0, session]
        edge = edge_of(entry_ms, edges_ms, edge)
        row = bin_of_edge[edge] if are_rows else row_in(session, code, row_of_code)
        got, furthest_ms = 1, entry_ms
        while got < rules.steps:
            now = chains[uintp(got), uintp(session)]
            if now == NEVER:
                break
            add_gap(row, got, now - furthest_ms, gap_sum_ms, gap_histogram)
            furthest_ms = now
            got += 1
        if rules.optional:
            got = add_past_skipped(row, session, got, chains, counts)
            furthest_ms = chains[got - 1, session]
        if got == rules.steps:
            outcome = CONVERTED
            add_gap(row, WHOLE, furthest_ms - entry_ms, gap_sum_ms, gap_histogram)
        else:
            outcome = outcome_short(session, entry_ms, furthest_ms, blocked_ms, rules)
            if rules.now_ms - entry_ms <= rules.window_ms:
                waiting[row, bucket_of(max(rules.now_ms - entry_ms, 1))] += 1
        if at_furthest:
            edge = edge_of(furthest_ms, edges_ms, edge)
        outcomes[uintp(row), uintp(got - 1), uintp(outcome)] += 1
        by_bin[uintp(bin_of_edge[edge]), uintp(got - 1), uintp(outcome)] += 1
    if rules.optional == 0:
        for row in range(len(reached)):
            got_there = 0
            for step in range(rules.steps - 1, -1, -1):
                got_there += np.sum(outcomes[row, step])
                reached[row, step] = got_there


@compiled
def add_past_skipped(row: int, session: int, got: int, chains: Ints, counts: Counts) -> int:
    """Go on past optional steps not taken, and count all that were; the steps up to the furthest."""
    furthest = got
    for step in range(got, len(chains)):
        now, before = chains[step, session], chains[step - 1, session]
        if now != NEVER:
            furthest = step + 1
            if before != NEVER:
                add_gap(row, step, now - before, counts.gap_sum_ms, counts.gap_histogram)
    for step in range(furthest):
        counts.reached[row, step] += chains[step, session] != NEVER
    return furthest


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
def add_gap(row: int, slot: int, gap_ms: int, gap_sum_ms: Ints, gap_histogram: Ints) -> None:
    if gap_ms > 0:
        gap_sum_ms[uintp(row), uintp(slot)] += gap_ms
        gap_histogram[uintp(row), uintp(slot), uintp(bucket_of(gap_ms))] += 1


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
