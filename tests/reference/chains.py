"""Which chain of a session counts.

A chain says when each step was taken: {step: milliseconds}, steps rising. It belongs to its entry, the moment
of its first step; each further step is taken at its earliest event after the previous one. Events of one
moment may be taken in any order, so each of them is tried.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analytics.funnels import FunnelDefinition
from tests.reference.events import Event, is_excluded

Chain = dict[int, int]
Moment = int
NEVER = float("inf")


@dataclass(frozen=True)
class Rules:
    definition: FunnelDefinition
    may_open: Callable[[Event], bool]  #: whether the event can be an entry
    serves: Callable[[Event, int], bool]  #: whether it can be the step

    @property
    def window_ms(self) -> int:
        return self.definition.window_seconds * 1000

    @property
    def last_step(self) -> int:
        return len(self.definition.steps) - 1


def best_chain(events: Sequence[Event], rules: Rules) -> Chain | None:
    """Of all events that exist for this session. None: the session did not enter, or was dropped."""
    if rules.definition.order == "unordered":
        return min(_unordered_chains(events, rules), key=_worth, default=None)
    clean, spoiled = [], []
    for chain in _chain_of_each_entry(events, rules):
        spoiled_at = _spoiled_at(chain, events, rules)
        if spoiled_at is None:
            clean.append(chain)
        else:
            spoiled.append(_shown(chain, spoiled_at))
    best = min(clean, key=_worth, default=None)
    furthest_clean = max(best) if best else -1
    furthest_spoiled = max((max(chain) for chain in spoiled), default=-1)
    return None if furthest_spoiled > furthest_clean else best


def _worth(chain: Chain) -> tuple[object, ...]:
    """Smallest is best: the furthest step, soonest there, the latest entry.

    Chains that differ in optional steps alone: the most steps, then the later ones, each at its earliest.
    """
    furthest = max(chain)
    later_steps = sorted(-step for step in chain)
    return (-furthest, chain[furthest], -chain[0], -len(chain), later_steps, list(chain.values()))


def _chain_of_each_entry(events: Sequence[Event], rules: Rules) -> Iterator[Chain]:
    openers = [event for event in events if rules.may_open(event) and rules.serves(event, 0)]
    for moment in sorted({event.at_ms for event in openers}):
        at_once = [event for event in openers if event.at_ms == moment]
        ways = [way for event in at_once for way in _continued([(0, event)], events, rules)]
        yield min(({step: event.at_ms for step, event in way} for way in ways), key=_worth)


Way = list[tuple[int, Event]]


def _continued(way: Way, events: Sequence[Event], rules: Rules) -> Iterator[Way]:
    """The way itself and all that go on from it."""
    yield way
    for step in _following_steps(way[-1][0], rules):
        for event in _next_events(way, step, events, rules):
            yield from _continued([*way, (step, event)], events, rules)


def _following_steps(step: int, rules: Rules) -> Iterator[int]:
    """The next step, and beyond it as long as those between are optional."""
    for following in range(step + 1, rules.last_step + 1):
        yield following
        if not rules.definition.steps[following].optional:
            return


def _next_events(way: Way, step: int, events: Sequence[Event], rules: Rules) -> list[Event]:
    """Events that can serve the step next; one event serves one step."""
    used = [event for _, event in way]
    entry_ms, last_ms = used[0].at_ms, used[-1].at_ms
    end_ms = entry_ms + rules.window_ms
    free = [event for event in events if event not in used and last_ms <= event.at_ms <= end_ms]
    serving = [event for event in free if rules.serves(event, step)]
    if rules.definition.order == "strict":
        return [event for event in serving if _is_unbroken([*used, event], events)]
    earliest_ms = min((event.at_ms for event in serving), default=None)
    return [event for event in serving if event.at_ms == earliest_ms]


def _is_unbroken(used: Sequence[Event], events: Sequence[Event]) -> bool:
    """Strict: every event between the first and the last moment is taken, in any order within a moment."""
    first_ms, last_ms = used[0].at_ms, used[-1].at_ms
    return all(event in used for event in events if first_ms < event.at_ms < last_ms)


def _spoiled_at(chain: Chain, events: Sequence[Event], rules: Rules) -> Moment | None:
    """The first moment at which an exclusion spoils the chain."""
    return min(
        (
            event.at_ms
            for exclusion in rules.definition.exclusions
            for event in events
            if is_excluded(event, exclusion)
            and event.at_ms not in chain.values()
            and _lies_between(event.at_ms, chain, exclusion.from_step, exclusion.to_step, rules)
        ),
        default=None,
    )


def _lies_between(moment: Moment, chain: Chain, from_step: int, to_step: int, rules: Rules) -> bool:
    """Strictly between the two steps; with the second not reached, until the window closes.

    For an optional step that was skipped stands the nearest one taken: before `from_step`, after `to_step`.
    """
    if max(chain) < from_step:
        return False
    begins_ms = max(at_ms for step, at_ms in chain.items() if step <= from_step)
    ends_ms = min((at_ms for step, at_ms in chain.items() if step >= to_step), default=None)
    if ends_ms is None:
        return begins_ms < moment <= chain[0] + rules.window_ms
    return begins_ms < moment < ends_ms


def _shown(chain: Chain, spoiled_at: Moment) -> Chain:
    """The steps before the exclusion and at most one past it."""
    before = sum(1 for moment in chain.values() if moment < spoiled_at)
    return dict(list(chain.items())[: before + 1])


def _unordered_chains(events: Sequence[Event], rules: Rules) -> Iterator[Chain]:
    """From each entry: when one, two, three distinct steps were done. "Step" k is the k-th of them.

    An exclusion inside the window undoes all but the entry of a chain that has not taken every step by then.
    """
    steps = range(rules.last_step + 1)
    served = {event: [step for step in steps if rules.serves(event, step)] for event in events}
    for opener in events:
        if not (rules.may_open(opener) and served[opener]):
            continue
        end_ms = opener.at_ms + rules.window_ms
        reset_ms = _reset_at(opener, events, served, rules)
        chain: Chain = {}
        ways_done: set[frozenset[int]] = {frozenset()}
        for event in sorted(events, key=lambda event: event.at_ms):
            if opener.at_ms <= event.at_ms <= end_ms:
                ways_done |= {done | {step} for done in ways_done for step in served[event]}
                for number in range(len(chain), max(len(done) for done in ways_done)):
                    chain[number] = event.at_ms
        if reset_ms <= end_ms and chain.get(rules.last_step, NEVER) > reset_ms:
            chain = {0: opener.at_ms}
        yield chain


def _reset_at(
    opener: Event, events: Sequence[Event], served: dict[Event, list[int]], rules: Rules
) -> Moment | float:
    """When the next exclusion undoes what the opener began; ignored at the moment of any step."""
    step_moments = {event.at_ms for event in events if served[event]}
    return min(
        (
            event.at_ms
            for exclusion in rules.definition.exclusions
            for event in events
            if is_excluded(event, exclusion)
            and event.at_ms > opener.at_ms
            and event.at_ms not in step_moments
        ),
        default=NEVER,
    )
