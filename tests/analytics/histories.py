"""Small random worlds: few names, values and moments, so that ties, duplicates and edges come up often.

Seconds run from 0 to 9 around a midnight. The range begins within the first and ends within the last of
them, and windows are about as long, so that each bound is met exactly, and missed by one, in many worlds.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import strategies as st

from analytics.conditions import OPERATORS, Condition
from analytics.funnels import Exclusion, FunnelDefinition, Step, step_is_always
from analytics.question import ATTRIBUTIONS, Filter, Question
from tests.analytics.worlds import Event

ORDERS = ("ordered", "strict", "unordered")
MIDNIGHT = dt.datetime(2024, 3, 31, tzinfo=dt.UTC)
SESSIONS = ("ann", "ben", "cat")
NAMES = "ABC"
EXCLUDED = "X"
PROPERTIES = ("plan", "size")
VALUES = ("", "a", "Ab", "9", "10")
LAST_SECOND = 9


@dataclass(frozen=True)
class Asked:
    """A question of a world, ready for `asked_of_engine` and `asked_of_twin`."""

    definition: FunnelDefinition
    question: Question
    events: tuple[Event, ...]  #: in the order of the store
    now: dt.datetime
    blocked: dict[str, int]


def moment(second: float) -> dt.datetime:
    return MIDNIGHT + dt.timedelta(seconds=second - 4)


def _ms(second: int) -> int:
    return int(moment(second).timestamp()) * 1000


properties = st.fixed_dictionaries({name: st.sampled_from(VALUES) for name in PROPERTIES})


def events(most: int, sessions: int, tied: bool) -> st.SearchStrategy[tuple[Event, ...]]:
    one = st.builds(
        Event,
        st.sampled_from(SESSIONS[:sessions]),
        st.sampled_from(NAMES + EXCLUDED),
        st.integers(0, LAST_SECOND).map(moment),
        properties,
    )
    told_apart = None if tied else lambda event: (event.session, event.at)
    return st.lists(one, max_size=most, unique_by=told_apart).map(
        lambda found: tuple(sorted(found, key=lambda event: (event.session, event.at)))
    )


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(sorted(OPERATORS)))
    takes, numeric = OPERATORS[operator].takes, OPERATORS[operator].numeric
    value = st.sampled_from(("9", "9.5", "10") if numeric else (*VALUES, "b"))
    fewest, most = (1, 3) if takes is None else (takes, takes)
    values = draw(st.lists(value, min_size=fewest, max_size=most))
    return Condition(draw(st.sampled_from(PROPERTIES)), operator, tuple(values))


some_conditions = st.just(()) | st.tuples(conditions())
#: "" stands for any event.
step_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True) | st.just([])


@st.composite
def steps(draw: st.DrawFn, optional: bool, filtered: bool) -> tuple[Step, ...]:
    drawn = [
        Step(
            tuple(draw(step_names)),
            label=f"step {number}",
            where=draw(some_conditions) if filtered else (),
            optional=optional and number > 0 and draw(st.booleans()),
        )
        for number in range(draw(st.integers(2, 4)))
    ]
    # From the last to the first: whether a step may be optional depends on whether the next one is.
    for number, (step, following) in reversed([*enumerate(pairwise(drawn))]):
        if not drawn[number + 1].optional and step_is_always(step, following):
            drawn[number] = replace(step, optional=False)
    return tuple(drawn)


@st.composite
def steps_apart(draw: st.DrawFn) -> tuple[Step, ...]:
    """Steps without an event name in common, as most funnels have them."""
    names = draw(st.permutations(NAMES))
    shares = st.sampled_from([[names[:1], names[1:2]], [names[:2], names[2:]], [[name] for name in names]])
    return tuple(Step(tuple(share), f"step {number}") for number, share in enumerate(draw(shares)))


@st.composite
def exclusions(draw: st.DrawFn, order: str, among: Sequence[Step], filtered: bool) -> Exclusion:
    whole, last_step = order == "unordered", len(among) - 1
    from_step = 0 if whole else draw(st.integers(0, last_step - 1))
    to_step = last_step if whole else draw(st.integers(from_step + 1, last_step))
    is_free = all("C" not in step.events for step in among[from_step : to_step + 1])
    name = "C" if is_free and draw(st.integers(0, 2)) == 2 else EXCLUDED
    return Exclusion((name,), from_step, to_step, draw(some_conditions) if filtered else ())


@st.composite
def definitions(
    draw: st.DrawFn,
    order: str,
    *,
    excluding: bool = False,
    optional: bool = False,
    filtered: bool = False,
    apart: bool = False,
) -> FunnelDefinition:
    of = draw(steps_apart() if apart else steps(optional and order != "unordered", filtered))
    one = exclusions(order, of, filtered)
    excluded = draw(st.lists(one, min_size=1, max_size=2)) if excluding else []
    return FunnelDefinition("f", of, "", draw(st.integers(1, 8)), order, tuple(excluded))


some_values = st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple)
some_filters = st.just(()) | st.tuples(st.builds(Filter, st.sampled_from(PROPERTIES), some_values))


@st.composite
def questions(
    draw: st.DrawFn, definition: FunnelDefinition, *, broken_down: bool = False, filtered: bool = False
) -> Question:
    last_named = 0 if definition.order == "unordered" else definition.last_step
    attributions = [name for name in ATTRIBUTIONS if not name.startswith("step_")]
    attributions += [f"step_{step}" for step in range(last_named + 1)]
    return Question(
        since=moment(draw(st.integers(0, 2))),
        until=moment(draw(st.integers(4, LAST_SECOND + 1))),
        zone=draw(st.sampled_from(["UTC", "America/New_York", "Europe/Berlin"])),
        completions=draw(st.sampled_from(["within_window", "within_range"])),
        where=draw(some_filters) if filtered else (),
        event_where=draw(some_conditions) if filtered else (),
        breakdown=draw(st.sampled_from([PROPERTIES[:1], PROPERTIES])) if broken_down else (),
        attribution=draw(st.sampled_from(attributions)) if broken_down else "session",
        most_groups=draw(st.integers(1, 4)),
    )


@st.composite
def asked(
    draw: st.DrawFn,
    order: str,
    *,
    excluding: bool = False,
    optional: bool = False,
    filtered: bool = False,
    apart: bool = False,
    broken_down: bool = False,
    tied: bool = True,
    most_events: int = 9,
    sessions: int = 2,
) -> Asked:
    definition = draw(
        definitions(order, excluding=excluding, optional=optional, filtered=filtered, apart=apart)
    )
    return Asked(
        definition,
        draw(questions(definition, broken_down=broken_down, filtered=filtered)),
        draw(events(most_events, sessions, tied)),
        now=moment(draw(st.integers(0, 2 * LAST_SECOND))),
        blocked=draw(
            st.dictionaries(st.sampled_from(SESSIONS), st.integers(0, LAST_SECOND).map(_ms), max_size=2)
        ),
    )
