"""Adds the sessions of a partition to the counts of a question."""

import numpy as np

from analytics.kernel.arrays import (
    CONVERTED,
    NEVER,
    WHOLE,
    Bins,
    Counts,
    Events,
    Exclusions,
    Floats,
    Rules,
    Sessions,
    Work,
)
from analytics.kernel.best import best_chain, new_work, outcome_of, row_of
from analytics.kernel.compiled import compiled
from analytics.sketch import BUCKETS, FIRST_PREFIX, FRACTION_BITS, LARGEST_MS, PREFIX_BUCKETS


@compiled
def tally_sessions(
    events: Events, exclusions: Exclusions, sessions: Sessions, bins: Bins, rules: Rules, counts: Counts
) -> None:
    work = new_work(events.starts, rules.steps)
    bits = np.empty(1, np.float64)
    edge = 0
    for session in range(len(events.starts) - 1):
        row = row_of(session, sessions)
        if row < 0:
            continue
        got = best_chain(events, exclusions, session, rules, work)
        if got <= rules.deciding_step or work.chain[rules.deciding_step] == NEVER:
            continue
        blocked_ms = sessions.blocked_ms[session] if len(sessions.blocked_ms) else NEVER
        outcome = outcome_of(got, blocked_ms, rules, work)
        if len(bins.edges_ms):
            edge = edge_of(work.chain[got - 1 if bins.at_furthest else 0], bins, edge)
            bin_ = bins.bin_of[edge]
            if bin_ >= 0:
                counts.by_bin[bin_, got - 1, outcome] += 1
            if bins.are_rows:
                row = bin_
                if row < 0:
                    continue
        counts.outcomes[row, got - 1, outcome] += 1
        add_chain(row, got, rules, work, counts, bits)
        if outcome != CONVERTED:
            waited_ms = rules.now_ms - work.chain[0]
            if waited_ms <= rules.window_ms:
                counts.waiting[row, bucket_of(max(waited_ms, 1), bits)] += 1


@compiled
def add_chain(row: int, got: int, rules: Rules, work: Work, counts: Counts, bits: Floats) -> None:
    """Add the steps taken and the times between them."""
    chain = work.chain
    if rules.optional == 0:
        counts.reached[row, 0] += 1
        for step in range(1, got):
            counts.reached[row, step] += 1
            add_gap(row, step, chain[step] - chain[step - 1], counts, bits)
    else:
        for step in range(got):
            if chain[step] != NEVER:
                counts.reached[row, step] += 1
                if step and chain[step - 1] != NEVER:
                    add_gap(row, step, chain[step] - chain[step - 1], counts, bits)
    if got == rules.steps:
        add_gap(row, WHOLE, chain[got - 1] - chain[0], counts, bits)


@compiled
def add_gap(row: int, slot: int, gap_ms: int, counts: Counts, bits: Floats) -> None:
    if gap_ms <= 0:
        return
    counts.gap_count[row, slot] += 1
    counts.gap_sum_ms[row, slot] += gap_ms
    counts.gap_histogram[row, slot, bucket_of(gap_ms, bits)] += 1


@compiled
def bucket_of(ms: int, bits: Floats) -> int:
    """The bucket of sketch.py. The float's own exponent and first fraction bits find it, give or take one."""
    bits[0] = ms
    bucket = int(PREFIX_BUCKETS[(bits.view(np.int64)[0] >> FRACTION_BITS) - FIRST_PREFIX])
    while bucket < BUCKETS - 1 and ms > LARGEST_MS[bucket]:
        bucket += 1
    return bucket


@compiled
def edge_of(moment_ms: int, bins: Bins, hint: int) -> int:
    """The last edge at or before the moment; mostly that of the session before."""
    edges = bins.edges_ms
    if edges[hint] <= moment_ms and (hint + 1 == len(edges) or moment_ms < edges[hint + 1]):
        return hint
    return max(0, int(np.searchsorted(edges, moment_ms, side="right")) - 1)
