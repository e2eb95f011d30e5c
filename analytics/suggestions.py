"""What an editor suggests: events, properties and values that have really occurred.

Events come from the profiles of the live files. Properties and values are counted on the chosen events, in
the newest files that hold them. All of it is remembered by the reader until the store changes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, or_, select

from analytics import catalogue
from analytics.partition import Coded, Partition
from analytics.queries import Reader
from analytics.tables import event_partition

MAX_SUGGESTIONS = 200
#: Enough to know what an event looks like; older files are not opened for it.
NEWEST_FILES = 30


@dataclass(frozen=True, slots=True)
class Suggestion:
    text: str
    events: int  #: how many have it


def events(reader: Reader) -> list[Suggestion]:
    """Every event name, the most frequent first; at most MAX_SUGGESTIONS."""
    return _ranked(_names(reader))


def unseen(reader: Reader, names: Sequence[str]) -> list[str]:
    """Those of the names that no event has ever had."""
    known = _names(reader)
    return [name for name in names if name not in known]


def properties(reader: Reader, of: Sequence[str]) -> list[Suggestion]:
    """The properties on events of these names, none means any event, the most frequent first."""
    names = tuple(sorted(of))
    key = ("suggested properties", names)
    return reader.remembered(key, lambda: _ranked(_counted_properties(reader, names)))


def values(reader: Reader, of: Sequence[str], property_name: str) -> list[Suggestion]:
    """The values of a property on events of these names, none means any event, the most frequent first."""
    names = tuple(sorted(of))

    def counted(partition: Partition) -> Counter[str]:
        return _counted_values(partition.column(property_name), _is_of(partition, names))

    key = ("suggested values", names, property_name)
    return reader.remembered(key, lambda: _ranked(_summed(reader, names, counted)))


def _names(reader: Reader) -> Counter[str]:
    return reader.remembered("event names", lambda: _counted_names(reader.engine))


def _counted_names(engine: Engine) -> Counter[str]:
    found: Counter[str] = Counter()
    for profile in catalogue.profiles(engine):
        found.update(profile["names"])
    return found


def _counted_properties(reader: Reader, names: Sequence[str]) -> Counter[str]:
    known = {name for profile in catalogue.profiles(reader.engine) for name in profile["dimensions"]}

    def counted(partition: Partition) -> Counter[str]:
        chosen = _is_of(partition, names)
        return Counter({name: int((partition.column(name).codes[chosen] >= 0).sum()) for name in known})

    return _summed(reader, names, counted)


def _summed(
    reader: Reader, names: Sequence[str], counted: Callable[[Partition], Counter[str]]
) -> Counter[str]:
    return reader.summed(counted, only=_newest_paths(reader.engine, names))


def _newest_paths(engine: Engine, names: Sequence[str]) -> set[str]:
    """The newest files that hold such an event."""
    held = event_partition.c.profile["names"]
    query = (
        select(event_partition.c.path)
        .where(event_partition.c.superseded_at.is_(None), *[or_(*map(held.has_key, names))] if names else [])
        .order_by(event_partition.c.day.desc(), event_partition.c.part.desc())
        .limit(NEWEST_FILES)
    )
    with engine.connect() as connection:
        return set(connection.execute(query).scalars())


def _is_of(partition: Partition, names: Sequence[str]) -> np.ndarray:
    """Per event whether it bears one of the names; with no names all do."""
    wanted = [not names or name in names for name in partition.name.values]
    return np.array([*wanted, False], np.bool_)[partition.name.codes]


def _counted_values(column: Coded, chosen: np.ndarray) -> Counter[str]:
    codes = column.codes[chosen]
    counts = np.bincount(codes[codes >= 0], minlength=len(column.values))
    return Counter({value: int(count) for value, count in zip(column.values, counts, strict=True) if count})


def _ranked(found: Counter[str]) -> list[Suggestion]:
    ranked = sorted((Suggestion(text, count) for text, count in found.items() if count), key=_most_first)
    return ranked[:MAX_SUGGESTIONS]


def _most_first(suggestion: Suggestion) -> tuple[int, str]:
    return -suggestion.events, suggestion.text
