"""The best chain of an ordered funnel: other events may lie between its steps.

Most sessions enter once and have no two events at one instant; `simple_chain` follows those straight. For the
others, `ordered_chain` keeps for each step the chain with the latest entry, since that has the most window
left; the first to get furthest is the one that counts.
"""

import numpy as np

from analytics.kernel.arrays import NEVER, Bits, Events, Rules, Work
from analytics.kernel.compiled import compiled
from analytics.kernel.matching import is_better, steps_taken

UNDECIDED = -1


@compiled
def simple_chain(events: Events, first: int, last: int, rules: Rules, work: Work) -> int:
    """Steps taken by the session's only chain; UNDECIDED when there may be several to choose from."""
    chain = work.chain
    got = 0
    entry, before, wanted = np.int64(0), NEVER, 0
    for at in range(first, last):
        serving = np.int64(events.steps_of[at])
        if serving == 0:
            continue
        now = events.at_ms[at]
        if now == before or serving & (serving - 1):
            return UNDECIDED
        # Once all steps are taken, only events of that same instant could still make a better chain.
        if now >= rules.cut_ms or got == rules.steps:
            break
        before = now
        if serving == 1:
            if now < rules.since_ms or now >= rules.until_ms:
                continue
            if got:
                return UNDECIDED
            entry = chain[0] = now
            got, wanted = 1, 2
        elif serving == wanted and now - entry <= rules.window_ms:
            chain[got] = now
            got, wanted = got + 1, wanted << 1
    return got


@compiled
def ordered_chain(
    events: Events, first: int, last: int, since_ms: int, until_ms: int, rules: Rules, work: Work
) -> int:
    """Steps up to the furthest taken by the best chain that enters in the range; its times are in `chain`."""
    work.entry[:] = NEVER
    work.chain[:] = NEVER
    furthest = 0
    at = first
    while at < last and events.at_ms[at] < rules.cut_ms:
        if events.steps_of[at] == 0:
            at += 1
            continue
        now = events.at_ms[at]
        end, serving = at + 1, 1
        while end < last and events.at_ms[end] == now:
            serving += events.steps_of[end] != 0
            end += 1
        opens = since_ms <= now < until_ms
        if serving == 1:
            furthest = advance(int(events.steps_of[at]), now, opens, rules, work, furthest)
        else:
            furthest = advance_tied(events.steps_of[at:end], now, opens, rules, work, furthest)
        at = end
    return furthest


@compiled
def advance(wanted: int, now: int, opens: bool, rules: Rules, work: Work, furthest: int) -> int:
    """Let one event serve one step of each chain: from the last step down, so that none gets it twice."""
    for step in range(rules.steps - 1, 0, -1):
        if not (wanted >> step) & 1:
            continue
        best = -1
        for source in range(step - 1, -1, -1):
            if is_alive(source, now, rules, work) and (
                best < 0
                or is_better(work.entry[source], work.taken[source], work.entry[best], work.taken[best])
            ):
                best = source
            if not (rules.optional >> source) & 1:
                break
        if best >= 0:
            furthest = extend(best, step, work.entry[best], 1 << step, now, work, furthest)
    if wanted & 1 and opens:
        furthest = extend(-1, 0, now, 1, now, work, furthest)
    return furthest


@compiled
def advance_tied(wanted: Bits, now: int, opens: bool, rules: Rules, work: Work, furthest: int) -> int:
    """Events of one instant in whichever order takes each chain furthest, each serving one step."""
    for step in range(rules.steps - 1, -1, -1):
        best, best_entry, best_taken, best_added = -2, NEVER, 0, 0
        for source in range(step - 1, -2, -1):
            if source >= 0 and not is_alive(source, now, rules, work):
                continue
            if source < 0 and not opens:
                continue
            added = steps_taken(wanted, source, step, rules.optional, len(wanted), work)
            if added == 0:
                continue
            entry = work.entry[source] if source >= 0 else now
            taken = added | (work.taken[source] if source >= 0 else 0)
            if best == -2 or is_better(entry, taken, best_entry, best_taken):
                best, best_entry, best_taken, best_added = source, entry, taken, added
        if best > -2:
            furthest = extend(best, step, best_entry, best_added, now, work, furthest)
    return furthest


@compiled
def is_alive(slot: int, now: int, rules: Rules, work: Work) -> bool:
    """Whether the chain in the slot may go on at `now`."""
    return bool(work.entry[slot] != NEVER and now - work.entry[slot] <= rules.window_ms)


@compiled
def extend(source: int, step: int, entry: int, added: int, now: int, work: Work, furthest: int) -> int:
    """Offer the slot of `step` the chain of `source` with the steps of `added` taken now."""
    taken = added | (work.taken[source] if source >= 0 else 0)
    if work.entry[step] != NEVER and not is_better(entry, taken, work.entry[step], work.taken[step]):
        return furthest
    put(source, step, entry, taken, added, now, work)
    return record(step, work, furthest)


@compiled
def put(source: int, step: int, entry: int, taken: int, added: int, now: int, work: Work) -> None:
    work.entry[step], work.taken[step] = entry, taken
    for one in range(step + 1):
        if (added >> one) & 1:
            work.times[step, one] = now
        else:
            work.times[step, one] = work.times[source, one] if source >= 0 and one <= source else NEVER


@compiled
def record(step: int, work: Work, furthest: int) -> int:
    """Keep the chain of the slot as the best so far when it goes further."""
    if step < furthest:
        return furthest
    for one in range(step + 1):
        work.chain[one] = work.times[step, one]
    return step + 1
