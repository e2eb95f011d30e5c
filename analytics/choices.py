"""What the filters of a page can offer: days, event names, dimensions and their values.

Names and dimensions come from the profiles of the live files, so no file is opened for them.
"""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from analytics import catalogue
from analytics.columns import PROFILED_VALUES
from analytics.funnels import Dimension, FunnelDefinition
from analytics.queries import Reader, day_of

MAX_NAMES = 1000
MAX_VALUES = 200
#: A property belongs to the session when it changes within at most this share of the sessions.
_MOST_VARYING = 0.02
#: With more values per session than this, a property tells sessions apart instead of grouping them.
_MOST_VALUES_PER_SESSION = 0.1


@dataclass(frozen=True, slots=True)
class DimensionChoice:
    property: str
    label: str
    values: int  #: distinct ones; at least so many when `values_exact` is False
    values_exact: bool
    sessions: int  #: that have a value


@dataclass(frozen=True, slots=True)
class ValueChoice:
    value: str  #: "" is missing
    sessions: int


@dataclass(frozen=True, slots=True)
class Span:
    first: dt.date
    last: dt.date


def days(reader: Reader, zone: str = "UTC") -> Span | None:
    """The days of the first and the last event; None without events."""
    files = reader.catalogue().files
    if not files:
        return None
    first, last = min(file.first_ms for file in files), max(file.last_ms for file in files)
    return Span(day_of(first, zone), day_of(last, zone))


def event_names(engine: Engine) -> list[tuple[str, int]]:
    """Event names with how often each occurs, the most frequent first; at most MAX_NAMES."""
    counts: Counter[str] = Counter()
    for profile in catalogue.profiles(engine):
        counts.update(profile["names"])
    return counts.most_common(MAX_NAMES)


def dimensions(engine: Engine, definition: FunnelDefinition) -> list[DimensionChoice]:
    """The dimensions worth breaking down by: those of the definition first, then others by name.

    Left out: what changes within sessions (it describes events), and what is nearly unique per session.
    """
    profiles = _profiles_by_dimension(engine)
    declared = {dimension.property for dimension in definition.dimensions}
    others = sorted(name for name, found in profiles.items() if name not in declared and _groups(found))
    return [
        _choice(definition.dimension(name), profiles[name])
        for name in [dimension.property for dimension in definition.dimensions] + others
        if name in profiles
    ]


def values(reader: Reader, dimension: Dimension, most: int = MAX_VALUES) -> list[ValueChoice]:
    """The values of a dimension with their sessions, the most frequent first; at most MAX_VALUES."""
    found = reader.sessions_by_value(reader.catalogue().files, dimension)
    ranked = [ValueChoice(value, count) for value, count in found.items() if count]
    ranked.sort(key=lambda choice: (-choice.sessions, choice.value))
    return ranked[: min(most, MAX_VALUES)]


@dataclass(slots=True)
class _Found:
    sessions: int = 0
    varying: int = 0
    most_values: int = 0
    listed: Counter[str] | None = None

    def add(self, profile: dict[str, Any]) -> None:
        self.sessions += profile["sessions"]
        self.varying += profile["varying"]
        self.most_values = max(self.most_values, profile["values"])
        self.listed = (self.listed or Counter()) + Counter(profile["top"])

    @property
    def values(self) -> int:
        return max(self.most_values, len(self.listed or ()))


def _profiles_by_dimension(engine: Engine) -> dict[str, _Found]:
    found: dict[str, _Found] = defaultdict(_Found)
    for profile in catalogue.profiles(engine):
        for name, dimension in profile["dimensions"].items():
            found[name].add(dimension)
    return found


def _groups(found: _Found) -> bool:
    return (
        found.values > 1
        and found.varying <= _MOST_VARYING * found.sessions
        and found.values <= max(2, _MOST_VALUES_PER_SESSION * found.sessions)
    )


def _choice(dimension: Dimension, found: _Found) -> DimensionChoice:
    if dimension.bands:
        return DimensionChoice(
            dimension.property, dimension.label, len(dimension.bands) + 1, True, found.sessions
        )
    exact = found.most_values <= PROFILED_VALUES
    return DimensionChoice(dimension.property, dimension.label, found.values, exact, found.sessions)
