"""One event, and what a definition says of it: which steps it serves, what it excludes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from analytics.conditions import Condition
from analytics.funnels import Exclusion, Step


@dataclass(frozen=True, eq=False)
class Event:
    """Two events are two, also when they look the same. A missing property is not there, or is ""."""

    session: str
    name: str
    at_ms: int
    properties: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        return self.properties.get(name, "")


def serves(event: Event, step: Step) -> bool:
    """A step that names no events is served by any event."""
    return (not step.events or event.name in step.events) and passes(event, step.where)


def is_excluded(event: Event, exclusion: Exclusion) -> bool:
    return event.name in exclusion.events and passes(event, exclusion.where)


def passes(event: Event, conditions: Iterable[Condition]) -> bool:
    return all(holds(condition, event.value(condition.property)) for condition in conditions)


def holds(condition: Condition, value: str) -> bool:
    """Values compare as text; "" is missing, and what denies holds for it."""
    wanted = condition.values
    match condition.operator:
        case "equals" | "in":
            return value in wanted
        case "not_equals" | "not_in":
            return value not in wanted
        case "contains":
            return wanted[0].lower() in value.lower()
        case "not_contains":
            return wanted[0].lower() not in value.lower()
        case "is_set":
            return value != ""
        case "is_not_set":
            return value == ""
    number, limit = _number(value), float(wanted[0])
    match condition.operator:
        case "greater":
            return number > limit
        case "at_least":
            return number >= limit
        case "less":
            return number < limit
        case "at_most":
            return number <= limit
    raise ValueError(condition.operator)


def _number(value: str) -> float:
    """Not a number compares as false with every limit."""
    try:
        return float(value)
    except ValueError:
        return math.nan
