"""Who is in which row with which chain, and how each session ended. All numbers are counts over that list."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.funnels import FunnelDefinition
from analytics.question import Question
from tests.reference.chains import Chain, Rules, best_chain
from tests.reference.events import Event, passes, serves

Outcome = Literal["converted", "blocked", "open", "left"]
Session = Sequence[Event]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
JOIN = "::"
OTHER = "Other"


@dataclass(frozen=True)
class World:
    """All that an answer depends on."""

    events: Sequence[Event]
    definition: FunnelDefinition
    question: Question
    now_ms: int
    blocked: Mapping[str, int]  #: session -> when its task failed, milliseconds


@dataclass(frozen=True)
class Counted:
    """A session in a row: in step_N and all_events breakdowns it may be in several."""

    session: str
    row: str  #: "" without a breakdown
    chain: Chain
    outcome: Outcome

    @property
    def furthest(self) -> int:
        return max(self.chain)


def counted(world: World) -> list[Counted]:
    """Every session that counts, in every row it counts in."""
    found = [
        Counted(session, value, chain, _outcome(session, chain, world))
        for session, events in _sessions(world).items()
        for value, chain in _values_and_chains(events, world)
    ]
    folded = _folded(found, world.question)
    return [replace(one, row=OTHER) if one.row in folded else one for one in found]


def reached(sessions: Sequence[Counted], step: int) -> int:
    return sum(1 for one in sessions if step in one.chain)


def ended(sessions: Sequence[Counted], furthest: int, outcome: Outcome) -> int:
    return sum(1 for one in sessions if one.furthest == furthest and one.outcome == outcome)


def gaps_ms(sessions: Sequence[Counted], before: int, after: int) -> list[int]:
    """From one step to another over sessions that took both; those of no length are left out."""
    both = [one.chain for one in sessions if before in one.chain and after in one.chain]
    return [chain[after] - chain[before] for chain in both if chain[after] > chain[before]]


def entered_on(one: Counted, zone: str) -> dt.date:
    return (EPOCH + dt.timedelta(milliseconds=one.chain[0])).astimezone(ZoneInfo(zone)).date()


def _outcome(session: str, chain: Chain, world: World) -> Outcome:
    furthest = max(chain)
    if furthest == len(world.definition.steps) - 1:
        return "converted"
    if session in world.blocked and world.blocked[session] >= chain[furthest]:
        return "blocked"
    return "open" if world.now_ms - chain[0] <= world.definition.window_seconds * 1000 else "left"


def _sessions(world: World) -> dict[str, list[Event]]:
    """The events of each session that passes the filters, without those that fail the filters on events."""
    sessions: dict[str, list[Event]] = {}
    for event in sorted(world.events, key=lambda event: event.at_ms):
        if passes(event, world.question.event_where):
            sessions.setdefault(event.session, []).append(event)
    filters = world.question.where
    return {
        session: events
        for session, events in sessions.items()
        if all(_first_value(events, wanted.dimension) in wanted.values for wanted in filters)
    }


def _folded(found: Sequence[Counted], question: Question) -> set[str]:
    """The values beyond the limit, the most entered first, equals by name; the missing one is one of them."""
    entered = Counter(one.row for one in found)
    ranked = sorted(entered, key=lambda value: (-entered[value], value))
    return set(ranked[question.most_groups :])


def _values_and_chains(events: Session, world: World) -> Iterator[tuple[str, Chain]]:
    """The values of the breakdown that one session counts under, with the chain that counts for each."""
    existing = [event for event in events if _exists(event, world.question)]
    for value, rules, countable in _runs(events, existing, world):
        chain = best_chain(countable, rules)
        if chain and _deciding_step(world) in chain:
            yield value, chain


def _runs(events: Session, existing: Session, world: World) -> Iterator[tuple[str, Rules, Session]]:
    """Per value of the breakdown: which events count, and as what."""
    question, plain = world.question, _plain_rules(world)
    values = sorted({_value(event, question) for event in existing})
    if not question.breakdown:
        yield "", plain, existing
    elif question.attribution == "session":
        yield JOIN.join(_first_value(events, name) for name in question.breakdown), plain, existing
    elif question.attribution == "first_touch":
        yield _first_touch(existing, world), plain, existing
    elif question.attribution == "last_touch":
        yield _first_touch(existing[::-1], world), plain, existing
    elif question.attribution == "all_events":
        for value in values:
            yield value, plain, [event for event in existing if _value(event, question) == value]
    else:
        for value in values:
            yield value, _rules_of_value(value, plain, world), existing


def _exists(event: Event, question: Question) -> bool:
    """Completions within the range: what comes after its end is not there."""
    return question.completions == "within_window" or _is_before_end(event, question)


def _is_in_range(event: Event, question: Question) -> bool:
    return _is_after_start(event, question) and _is_before_end(event, question)


def _is_after_start(event: Event, question: Question) -> bool:
    return question.since is None or _moment(event) >= question.since


def _is_before_end(event: Event, question: Question) -> bool:
    return question.until is None or _moment(event) < question.until


def _moment(event: Event) -> dt.datetime:
    return EPOCH + dt.timedelta(milliseconds=event.at_ms)


def _plain_rules(world: World) -> Rules:
    steps = world.definition.steps
    return Rules(
        definition=world.definition,
        may_open=lambda event: _is_in_range(event, world.question),
        serves=lambda event, step: serves(event, steps[step]),
    )


def _rules_of_value(value: str, plain: Rules, world: World) -> Rules:
    """step_N: only events with the value can serve step N; in an unordered funnel, only they can open."""

    def has_value(event: Event) -> bool:
        return _value(event, world.question) == value

    if world.definition.order == "unordered":
        return replace(plain, may_open=lambda event: plain.may_open(event) and has_value(event))
    deciding = _deciding_step(world)
    return replace(
        plain, serves=lambda event, step: plain.serves(event, step) and (step != deciding or has_value(event))
    )


def _deciding_step(world: World) -> int:
    """The step that a session must have taken to be in a row at all."""
    attribution = world.question.attribution
    by_step = world.question.breakdown and attribution.startswith("step_")
    return int(attribution.removeprefix("step_")) if by_step else 0


def _first_touch(events: Session, world: World) -> str:
    """The value on the first event of the range that could be a step (strict: any event) and has one."""
    for event in events:
        could_be_step = any(serves(event, step) for step in world.definition.steps)
        touches = could_be_step or world.definition.order == "strict"
        has_value = any(event.value(name) for name in world.question.breakdown)
        if touches and has_value and _is_after_start(event, world.question):
            return _value(event, world.question)
    return _missing(world.question)


def _value(event: Event, question: Question) -> str:
    return JOIN.join(event.value(name) for name in question.breakdown)


def _missing(question: Question) -> str:
    return JOIN.join("" for _ in question.breakdown)


def _first_value(events: Session, name: str) -> str:
    return next((event.value(name) for event in events if event.value(name)), "")
