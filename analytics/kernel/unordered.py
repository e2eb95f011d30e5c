"""The best chain of an unordered funnel: the most distinct steps within one window, whichever opens it.

From every event that may open, events are matched to steps as time goes on; the k-th time of the chain is the
moment when k distinct steps were done. An exclusion event undoes the steps made before it, up to the entry.
"""

from analytics.kernel.arrays import NEVER, Events, Ints, Rules, Work
from analytics.kernel.compiled import compiled
from analytics.kernel.matching import size


@compiled
def unordered_chain(events: Events, first: int, last: int, rules: Rules, work: Work) -> int:
    """Distinct steps done by the best chain that enters in the range; the times are in `chain`."""
    best = 0
    tried = NEVER
    at = first
    while at < last and events.at_ms[at] < rules.until_ms:
        now = events.at_ms[at]
        if best == rules.steps and now > work.kept[best - 1]:
            break
        may_open = events.steps_of[at] != 0 and (len(events.opens) == 0 or events.opens[at])
        if may_open and now >= rules.since_ms and now != tried:
            got = chain_from(events, first, at, last, rules, work)
            # Of two that got as far, the sooner; of two as soon, the later entry, which is this one.
            if got > best or (got == best and work.chain[got - 1] <= work.kept[got - 1]):
                best = got
                work.kept[:got] = work.chain[:got]
            tried = now
        at += 1
    work.chain[:best] = work.kept[:best]
    return best


@compiled
def chain_from(events: Events, first: int, opening: int, last: int, rules: Rules, work: Work) -> int:
    """Distinct steps done with events from `opening` on, the entry, which alone an exclusion leaves."""
    entry = events.at_ms[opening]
    done = serve(int(events.steps_of[opening]), 0, work)
    work.chain[0] = entry
    got = 1
    at = opening
    while at > first and events.at_ms[at - 1] == entry and len(events.opens):
        at -= 1
    while at < last and got < rules.steps:
        now = events.at_ms[at]
        if now >= rules.cut_ms or now - entry > rules.window_ms:
            break
        if is_excluded(events, at, entry, last):
            return 1
        serving = int(events.steps_of[at])
        if at != opening and serving:
            after = serve(serving, done, work)
            if after != done:
                work.chain[got] = now
                done, got = after, got + 1
        at += 1
    return got


@compiled
def is_excluded(events: Events, at: int, entry: int, last: int) -> bool:
    """Whether progress is undone here: by an exclusion event after the entry, alone at its instant or with
    others that serve no step."""
    if len(events.excluded_by) == 0 or not events.excluded_by[at] or events.at_ms[at] == entry:
        return False
    now = events.at_ms[at]
    other = at
    while events.at_ms[other - 1] == now:
        other -= 1
    while other < last and events.at_ms[other] == now:
        if events.steps_of[other]:
            return False
        other += 1
    return True


@compiled
def serve(wanted: int, done: int, work: Work) -> int:
    """The set of steps done once one more event serves; those before may have to serve another step.

    `served_by[step]` holds what the event that serves the step could serve.
    """
    held, came_from, queue = work.served_by, work.found_by, work.queue
    seen, asked, waiting = 0, 0, 0
    offered, source = wanted, -1
    while True:
        fresh = offered & ~seen
        while fresh:
            step = size((fresh & -fresh) - 1)
            fresh &= fresh - 1
            seen |= 1 << step
            came_from[step] = source
            if not (done >> step) & 1:
                pass_on(wanted, step, held, came_from)
                return done | (1 << step)
            queue[waiting] = step
            waiting += 1
        if asked == waiting:
            return done
        source = queue[asked]
        asked += 1
        offered = held[source]


@compiled
def pass_on(wanted: int, step: int, held: Ints, came_from: Ints) -> None:
    while came_from[step] >= 0:
        held[step] = held[came_from[step]]
        step = came_from[step]
    held[step] = wanted
