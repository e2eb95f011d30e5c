"""The best chain of an ordered funnel: other events may lie between its steps.

Most sessions enter once, and their events serve one step each; `simple_chain` follows those straight. For the
others, `ordered_chain` keeps for each step the chain with the latest entry, since that has the most window
left; the first to get furthest is the one that counts.
"""

from analytics.kernel.arrays import NEVER, Bits, Events, Ints, Rules, Work
from analytics.kernel.compiled import compiled, inlined
from analytics.kernel.matching import all_bits, is_better, steps_needed, steps_taken

UNDECIDED = -1


@inlined
def simple_chain(at_ms: Ints, steps_of: Bits, first: int, last: int, rules: Rules, times: Ints) -> int:
    """Steps taken by the session's only chain; UNDECIDED when there may be several to choose from."""
    got, wanted = 0, 0
    instant, offered = NEVER, 0
    for at in range(first, last):
        serving = int(steps_of[at])
        if serving == 0:
            continue
        now = at_ms[at]
        if now != instant:
            # Once all steps are taken, only events of that same instant could still make a better chain.
            if now >= rules.cut_ms or got == rules.steps:
                break
            instant, offered = now, 0
        offered |= serving
        if serving & (serving - 1):
            got = UNDECIDED
            break
        if serving == 1 and rules.since_ms <= now < rules.until_ms:
            if got and now != times[0]:
                got = UNDECIDED
                break
            if got == 0:
                times[0] = now
                got, wanted = 1, 2
        while offered & wanted and now - times[0] <= rules.window_ms:
            times[got] = now
            got, wanted = got + 1, wanted << 1
    return got


@compiled
def ordered_chain(
    events: Events, first: int, last: int, since_ms: int, until_ms: int, rules: Rules, work: Work
) -> int:
    """Steps up to the furthest taken by the best chain that enters in the range; its times are in `chain`."""
    at_ms, steps_of = events.at_ms, events.steps_of
    chain, entry, taken, times = work.chain, work.entry, work.taken, work.times
    for step in range(rules.steps):
        entry[step] = chain[step] = NEVER
    furthest = 0
    at = first
    while at < last and at_ms[at] < rules.cut_ms:
        wanted = int(steps_of[at])
        if wanted == 0:
            at += 1
            continue
        now = at_ms[at]
        opens = since_ms <= now < until_ms
        end, serving = at + 1, 1
        while end < last and at_ms[end] == now:
            serving += steps_of[end] != 0
            end += 1
        if serving == 1:
            furthest = advance(wanted, now, opens, rules, entry, taken, times, chain, furthest)
        else:
            furthest = advance_tied(steps_of[at:end], now, opens, rules, work, furthest)
        at = end
    return furthest


@inlined
def advance(
    wanted: int,
    now: int,
    opens: bool,
    rules: Rules,
    entry: Ints,
    taken: Ints,
    times: Ints,
    chain: Ints,
    furthest: int,
) -> int:
    """Let one event serve one step of each chain: from the last step down, so that none gets it twice."""
    for step in range(rules.steps - 1, -1, -1):
        if not (wanted >> step) & 1:
            continue
        best, best_entry, best_taken = -2, NEVER, 0
        if step == 0:
            if opens:
                best, best_entry = -1, now
        else:
            for source in range(step - 1, -1, -1):
                is_alive = entry[source] != NEVER and now - entry[source] <= rules.window_ms
                if is_alive and is_better(entry[source], taken[source], best_entry, best_taken):
                    best, best_entry, best_taken = source, entry[source], taken[source]
                if not (rules.optional >> source) & 1:
                    break
        best_taken |= 1 << step
        if best > -2 and is_better(best_entry, best_taken, entry[step], taken[step]):
            entry[step], taken[step] = best_entry, best_taken
            for one in range(step):
                times[step, one] = times[best, one]
            times[step, step] = now
            if step >= furthest:
                furthest = step + 1
                for one in range(furthest):
                    chain[one] = times[step, one]
    return furthest


@compiled
def advance_tied(wanted: Bits, now: int, opens: bool, rules: Rules, work: Work, furthest: int) -> int:
    """Events of one instant in whichever order takes each chain furthest, each serving one step."""
    offered = all_bits(wanted)
    for step in range(rules.steps - 1, -1, -1):
        best, best_entry, best_taken, best_added = -2, NEVER, 0, 0
        for source in range(step - 1, -2, -1):
            if steps_needed(source, step, rules.optional) & ~offered:
                break
            if not may_go_on(source, now, opens, rules, work):
                continue
            added = steps_taken(wanted, source, step, rules.optional, work)
            entry = work.entry[source] if source >= 0 else now
            taken = added | (work.taken[source] if source >= 0 else 0)
            if added and is_better(entry, taken, best_entry, best_taken):
                best, best_entry, best_taken, best_added = source, entry, taken, added
        if best > -2 and is_better(best_entry, best_taken, work.entry[step], work.taken[step]):
            put(best, step, best_entry, best_taken, best_added, now, work)
            furthest = record(step, work, furthest)
    return furthest


@compiled
def may_go_on(source: int, now: int, opens: bool, rules: Rules, work: Work) -> bool:
    """Whether the chain that took step `source` last may go on at `now`; source -1 is a new one."""
    if source < 0:
        return opens
    return bool(work.entry[source] != NEVER and now - work.entry[source] <= rules.window_ms)


@compiled
def put(source: int, step: int, entry: int, taken: int, added: int, now: int, work: Work) -> None:
    """Keep, as the chain of `step`, that of `source` with the steps of `added` taken now."""
    work.entry[step], work.taken[step] = entry, taken
    for one in range(step + 1):
        if (added >> one) & 1:
            work.times[step, one] = now
        else:
            work.times[step, one] = work.times[source, one] if source >= 0 else NEVER


@compiled
def record(step: int, work: Work, furthest: int) -> int:
    """Keep the chain of the slot as the best so far when it goes further."""
    if step < furthest:
        return furthest
    for one in range(step + 1):
        work.chain[one] = work.times[step, one]
    return step + 1
