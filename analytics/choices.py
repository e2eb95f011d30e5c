"""What the filters of a page can offer: dimensions and their values.

Dimensions come from the profiles of the live files, so no file is opened for them. What takes a reader is
remembered by it until the store changes.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine

from analytics import catalogue
from analytics.belonging import Clients
from analytics.columns import PROFILED_VALUES
from analytics.funnels import Dimension, FunnelDefinition
from analytics.queries import Reader

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


def dimensions(
    reader: Reader, definition: FunnelDefinition, clients: Clients = None
) -> list[DimensionChoice]:
    """The dimensions worth breaking down by: those of the definition first, then others by name.

    Left out: what changes within sessions (it describes events), and what is nearly unique per session. Those
    who see some clients alone are offered what sessions of these have.
    """
    found = reader.remembered("dimensions", lambda: _found_dimensions(reader.engine))
    offered = _offered(found, definition)
    if clients is None:
        return offered
    found_theirs = (values(reader, definition.dimension(one.property), clients) for one in offered)
    theirs = map(_of, offered, found_theirs)
    return [choice for choice in theirs if choice.values]


def values(reader: Reader, dimension: Dimension, clients: Clients = None) -> list[ValueChoice]:
    """The values of a dimension with their sessions, the most frequent first; at most MAX_VALUES."""
    key = ("values", dimension, None if clients is None else frozenset(clients))
    return reader.remembered(key, lambda: _ranked(reader.sessions_by_value(dimension, clients)))


def _of(choice: DimensionChoice, found: Sequence[ValueChoice]) -> DimensionChoice:
    """The dimension with these values alone."""
    named = [one.sessions for one in found if one.value]
    return replace(choice, values=len(named), values_exact=len(found) < MAX_VALUES, sessions=sum(named))


def _ranked(found: Counter[str]) -> list[ValueChoice]:
    ranked = [ValueChoice(value, count) for value, count in found.items() if count]
    ranked.sort(key=lambda choice: (-choice.sessions, choice.value))
    return ranked[:MAX_VALUES]


def _offered(found: Mapping[str, "_Found"], definition: FunnelDefinition) -> list[DimensionChoice]:
    declared = [dimension.property for dimension in definition.dimensions]
    others = sorted(name for name in found if name not in declared and _groups(found[name]))
    return [_choice(definition.dimension(name), found[name]) for name in declared + others if name in found]


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


def _found_dimensions(engine: Engine) -> dict[str, _Found]:
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
