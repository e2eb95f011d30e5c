"""The best chain of a strict funnel: its steps are consecutive events of the session.

As in `ordered.py` a slot holds the best chain that has taken its step last, but here every event of the
session must serve a chain or it breaks. Of the events of one instant, in whatever order, a chain may leave
out some before its entry or after its last step.
"""

from analytics.kernel.arrays import NEVER, Bits, Events, Rules, Work
from analytics.kernel.compiled import compiled
from analytics.kernel.matching import all_bits, is_better, size, steps_needed, steps_taken
from analytics.kernel.ordered import may_go_on, put, record


@compiled
def strict_chain(
    events: Events, first: int, last: int, since_ms: int, until_ms: int, rules: Rules, work: Work
) -> int:
    """Steps up to the furthest taken by the best chain that enters in the range; its times are in `chain`."""
    work.entry[:] = NEVER
    work.chain[:] = NEVER
    furthest = 0
    at = first
    while at < last and events.at_ms[at] < rules.cut_ms:
        now = events.at_ms[at]
        end = at + 1
        while end < last and events.at_ms[end] == now:
            end += 1
        opens = since_ms <= now < until_ms
        furthest = consume(events.steps_of[at:end], now, opens, rules, work, furthest)
        at = end
    return furthest


@compiled
def consume(wanted: Bits, now: int, opens: bool, rules: Rules, work: Work, furthest: int) -> int:
    """Take every chain through the events of one instant."""
    offered = all_bits(wanted)
    for step in range(rules.steps - 1, -1, -1):
        # A chain that takes fewer steps than there are events ends here; it counts, but does not go on.
        going = ending = -2
        going_added = ending_added = 0
        for source in range(step - 1, -2, -1):
            if steps_needed(source, step, rules.optional) & ~offered:
                break
            if not may_go_on(source, now, opens, rules, work):
                continue
            added = steps_taken(wanted, source, step, rules.optional, work)
            if added == 0:
                continue
            if is_better_source(source, added, ending, ending_added, now, work):
                ending, ending_added = source, added
            goes_on = source < 0 or size(added) == len(wanted)
            if goes_on and is_better_source(source, added, going, going_added, now, work):
                going, going_added = source, added
        if ending > -2 and step >= furthest:
            offer(ending, step, ending_added, now, work)
            furthest = record(step, work, furthest)
        if going > -2:
            offer(going, step, going_added, now, work)
        else:
            work.entry[step] = NEVER
    return furthest


@compiled
def is_better_source(source: int, added: int, than: int, than_added: int, now: int, work: Work) -> bool:
    if than == -2:
        return True
    entry = work.entry[source] if source >= 0 else now
    than_entry = work.entry[than] if than >= 0 else now
    taken = added | (work.taken[source] if source >= 0 else 0)
    than_taken = than_added | (work.taken[than] if than >= 0 else 0)
    return is_better(entry, taken, than_entry, than_taken)


@compiled
def offer(source: int, step: int, added: int, now: int, work: Work) -> None:
    entry = work.entry[source] if source >= 0 else now
    taken = added | (work.taken[source] if source >= 0 else 0)
    put(source, step, entry, taken, added, now, work)
