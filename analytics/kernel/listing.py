"""Writes down the chain of every session: what the tally counted, one by one."""

from analytics.kernel.arrays import (
    CONVERTED,
    NEVER,
    Bins,
    Codes,
    Events,
    Exclusions,
    Flags,
    Ints,
    Rules,
    Sessions,
)
from analytics.kernel.best import best_chain, new_work, outcome_of, row_of
from analytics.kernel.compiled import compiled
from analytics.kernel.tallying import edge_of


@compiled
def list_sessions(
    events: Events,
    exclusions: Exclusions,
    sessions: Sessions,
    bins: Bins,
    rules: Rules,
    furthest: Ints,
    outcomes: Ints,
    rows: Codes,
    bin_of: Codes,
    chains: Ints,
) -> None:
    """Per session its steps up to the furthest (0: not counted), outcome, row, bin, and step times."""
    work = new_work(events.starts, rules.steps)
    edge = 0
    for session in range(len(events.starts) - 1):
        row = row_of(session, sessions)
        if row < 0:
            continue
        got = best_chain(events, exclusions, session, rules, work)
        if got <= rules.deciding_step or work.chain[rules.deciding_step] == NEVER:
            continue
        bin_of[session] = -1
        if len(bins.edges_ms):
            edge = edge_of(work.chain[got - 1 if bins.at_furthest else 0], bins, edge)
            bin_of[session] = bins.bin_of[edge]
        if bins.are_rows:
            row = bin_of[session]
            if row < 0:
                continue
        blocked_ms = sessions.blocked_ms[session] if len(sessions.blocked_ms) else NEVER
        furthest[session] = got
        outcomes[session] = outcome_of(got, blocked_ms, rules, work)
        rows[session] = row
        chains[session, :got] = work.chain[:got]


@compiled
def count_between(
    starts: Codes,
    at_ms: Ints,
    name: Codes,
    wanted: Flags,
    furthest: Ints,
    outcomes: Ints,
    chains: Ints,
    rules: Rules,
    counts: Ints,
) -> None:
    """Add to counts[name, outcome] the sessions with an event of that name strictly between entry and end.

    The end is the last step of those who converted, and the end of the window of those who did not. A session
    counts once for a name; `wanted` says which sessions count.
    """
    seen_by = counts[:, 0].copy()
    seen_by[:] = -1
    for session in range(len(starts) - 1):
        if furthest[session] == 0 or not wanted[session]:
            continue
        entry = chains[session, 0]
        end = entry + rules.window_ms
        if outcomes[session] == CONVERTED:
            end = chains[session, rules.steps - 1]
        for at in range(starts[session], starts[session + 1]):
            if at_ms[at] >= end:
                break
            if at_ms[at] > entry and seen_by[name[at]] != session:
                seen_by[name[at]] = session
                counts[name[at], outcomes[session]] += 1
