"""What a funnel is: named steps in an order, a window, exclusions, and the dimensions to break it down by.

`definition_json.py` reads and writes definitions, `definitions.py` stores them, `queries.py` counts them,
`views.py` shapes the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

from analytics.conditions import Condition, check_text
from analytics.errors import InvalidFunnel, listed, nearest

MAX_STEPS = 32
MAX_EVENTS_PER_STEP = 50
MAX_CONDITIONS = 20
MAX_EXCLUSIONS = 16
MAX_WINDOW_SECONDS = 36_525 * 86400
MAX_BANDS = 50
DEFAULT_WINDOW_SECONDS = 14 * 86400
ORDERS = ("ordered", "strict", "unordered")


@dataclass(frozen=True, slots=True)
class Step:
    events: tuple[str, ...]  #: any one of these names is this step; empty: any event at all
    label: str  #: what people read
    where: tuple[Condition, ...] = ()  #: all must hold
    optional: bool = False  #: may be skipped; not the first


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An event that must not happen strictly between two steps, numbered from 0."""

    events: tuple[str, ...]
    from_step: int
    to_step: int
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Dimension:
    """A property of the session to filter or break down by: its first non-empty value in the session.

    With `bands`, a number is shown as the band it falls into: (5000, 10000) makes "under 5,000",
    "5,000 to under 10,000" and "10,000 and more". What is no number then counts as missing.
    """

    property: str
    label: str
    bands: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FunnelDefinition:
    """Checked on construction: raises InvalidFunnel naming the field, what is wrong and what is allowed."""

    name: str  #: the key it is saved under, and what `--name` takes
    steps: tuple[Step, ...]
    title: str = ""
    window_seconds: int = DEFAULT_WINDOW_SECONDS  #: from entry to the last step, inclusive
    order: str = "ordered"  #: one of ORDERS
    exclusions: tuple[Exclusion, ...] = ()
    dimensions: tuple[Dimension, ...] = ()  #: offered first, with their labels and bands

    def __post_init__(self) -> None:
        check_text("name", self.name)
        if not 0 < self.window_seconds <= MAX_WINDOW_SECONDS:
            raise InvalidFunnel(
                "window_seconds",
                f"{self.window_seconds} is not between 1 and {MAX_WINDOW_SECONDS}, which is a hundred years",
            )
        if self.order not in ORDERS:
            raise InvalidFunnel(
                "order",
                f"{self.order!r} is not known{nearest(self.order, ORDERS)}; {listed('allowed', ORDERS)}",
            )
        _check_steps(self.steps, self.order)
        _check_exclusions(self)
        for at, dimension in enumerate(self.dimensions):
            _check_dimension(f"dimensions[{at}]", dimension)

    @property
    def last_step(self) -> int:
        return len(self.steps) - 1

    @property
    def has_optional_steps(self) -> bool:
        return any(step.optional for step in self.steps)

    def within(self, window_seconds: int | None) -> Self:
        """The same with another window; None keeps its own. Raises InvalidFunnel."""
        return self if window_seconds is None else replace(self, window_seconds=window_seconds)

    def dimension(self, name: str) -> Dimension:
        """The declared dimension of this property, or a plain one."""
        declared = {dimension.property: dimension for dimension in self.dimensions}
        return declared.get(name) or Dimension(name, name)

    @classmethod
    def parse(
        cls,
        steps: str,
        *,
        name: str = "funnel",
        window_seconds: int = DEFAULT_WINDOW_SECONDS,
        order: str = "ordered",
    ) -> Self:
        """From the command line's short form: `A,B|C,D?,*` is A, B or C, perhaps D, any event."""
        return cls(
            name=name,
            steps=tuple(_parsed_step(text.strip()) for text in steps.split(",")),
            window_seconds=window_seconds,
            order=order,
        )


def events_label(events: Sequence[str]) -> str:
    return " or ".join(events) or "any event"


def _parsed_step(text: str) -> Step:
    if text.rstrip("?") == "*":
        return Step((), events_label(()), optional=text.endswith("?"))
    events = tuple(name.strip() for name in text.removesuffix("?").split("|"))
    return Step(events, events_label(events), optional=text.endswith("?"))


def _check_steps(steps: Sequence[Step], order: str) -> None:
    if not 2 <= len(steps) <= MAX_STEPS:
        raise InvalidFunnel("steps", f"there are {len(steps)}; a funnel has 2 to {MAX_STEPS} steps")
    for at, step in enumerate(steps):
        _check_events(f"steps[{at}]", step.events, step.where)
        if step.optional and at == 0:
            raise InvalidFunnel("steps[0].optional", "the first step opens the funnel and cannot be optional")
        if step.optional and order == "unordered":
            raise InvalidFunnel(
                f"steps[{at}].optional", "an unordered funnel counts the steps done, so none can be optional"
            )
    for at, (step, following) in enumerate(pairwise(steps)):
        if step.optional and not following.optional and step_is_always(step, following):
            raise InvalidFunnel(
                f"steps[{at}].optional",
                "its events are all events of the required step after it, which takes them first",
            )


def step_is_always(step: Step, other: Step) -> bool:
    """Whether every event that can be the one step can be the other, going by names and equal filters."""
    is_named = set(step.events) <= set(other.events) and bool(step.events) == bool(other.events)
    return is_named and set(other.where) <= set(step.where)


def _check_exclusions(definition: FunnelDefinition) -> None:
    last = definition.last_step
    if len(definition.exclusions) > MAX_EXCLUSIONS:
        raise InvalidFunnel(
            "exclusions", f"there are {len(definition.exclusions)}; at most {MAX_EXCLUSIONS} are allowed"
        )
    for at, exclusion in enumerate(definition.exclusions):
        field = f"exclusions[{at}]"
        if not exclusion.events:
            raise InvalidFunnel(f"{field}.events", "names no event")
        _check_events(field, exclusion.events, exclusion.where)
        if not 0 <= exclusion.from_step < last:
            allowed = _numbered(definition.steps, 0, last)
            raise InvalidFunnel(f"{field}.from", f"is not a step before the last; {allowed}")
        if not exclusion.from_step < exclusion.to_step <= last:
            allowed = _numbered(definition.steps, exclusion.from_step + 1, last + 1)
            raise InvalidFunnel(f"{field}.to", f"is not a step after the one that it begins with; {allowed}")
        if definition.order == "unordered" and (exclusion.from_step, exclusion.to_step) != (0, last):
            raise InvalidFunnel(
                f"{field}.from", "an unordered funnel can only exclude from its first step to its last"
            )
        _check_is_no_step(field, exclusion, definition.steps)


def _numbered(steps: Sequence[Step], first: int, end: int) -> str:
    """Steps by label, with the number that a definition written as JSON knows them by."""
    return listed("allowed", [f"{steps[at].label} ({at})" for at in range(first, end)])


def _check_is_no_step(field: str, exclusion: Exclusion, steps: Sequence[Step]) -> None:
    for at in range(exclusion.from_step, exclusion.to_step + 1):
        shared = set(exclusion.events) & set(steps[at].events)
        if shared and set(steps[at].where) <= set(exclusion.where):
            raise InvalidFunnel(
                f"{field}.events",
                f"{min(shared)!r} is the step {steps[at].label!r} itself; a step cannot be excluded "
                "between itself and another",
            )


def _check_events(field: str, events: Sequence[str], where: Sequence[Condition]) -> None:
    if len(events) > MAX_EVENTS_PER_STEP:
        raise InvalidFunnel(
            f"{field}.events", f"there are {len(events)}; at most {MAX_EVENTS_PER_STEP} are allowed"
        )
    for event in events:
        check_text(f"{field}.events", event)
    if len(where) > MAX_CONDITIONS:
        raise InvalidFunnel(
            f"{field}.where", f"there are {len(where)} filters; at most {MAX_CONDITIONS} are allowed"
        )


def _check_dimension(field: str, dimension: Dimension) -> None:
    check_text(f"{field}.property", dimension.property)
    if len(dimension.bands) > MAX_BANDS:
        raise InvalidFunnel(
            f"{field}.bands", f"there are {len(dimension.bands)}; at most {MAX_BANDS} are allowed"
        )
    if list(dimension.bands) != sorted(set(dimension.bands)):
        raise InvalidFunnel(f"{field}.bands", "must be rising numbers, each once")
