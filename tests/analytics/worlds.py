"""Small worlds: a few events by hand, as the kernel and the store see them."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from analytics.columns import FRESH, PROPERTY_PREFIX, sealed
from analytics.counting import Count
from analytics.funnels import FunnelDefinition
from analytics.partition import Partition
from analytics.question import Question

START = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC)
#: Every window of a small world has closed.
LATER = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Event:
    session: str
    name: str
    at: dt.datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


def at(seconds: float, session: str, name: str, **properties: Any) -> Event:
    """An event `seconds` after noon of 10 January 2024."""
    return Event(session, name, START + dt.timedelta(seconds=seconds), properties)


def partition(events: Iterable[Event]) -> Partition:
    return Partition.of_table(table(events))


def table(events: Iterable[Event]) -> pa.Table:
    events = list(events)
    names = sorted({name for event in events for name in event.properties})
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    columns: dict[str, Any] = {
        "session_id": [event.session for event in events],
        "at_ms": [(event.at - epoch) // dt.timedelta(milliseconds=1) for event in events],
        "id": [number.to_bytes(16, "big") for number in range(len(events))],
        "name": [event.name for event in events],
        "client_id": [None] * len(events),
        "user_id": [None] * len(events),
    }
    arrays = {name: pa.array(columns[name], FRESH.field(name).type) for name in FRESH.names}
    for name in names:
        values = [text_of(event.properties.get(name)) for event in events]
        arrays[PROPERTY_PREFIX + name] = pa.array(values, pa.string())
    return sealed(pa.table(arrays))


def text_of(value: Any) -> str | None:
    """A property as PostgreSQL's ->> gives it; empty is missing."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)


def count(
    steps: str, window: int = 14 * 86400, now: dt.datetime = LATER, blocked: Mapping[str, int] | None = None
) -> Count:
    """The steps in the short form of the command line, asked of ten days around START."""
    day = dt.timedelta(days=5)
    definition = FunnelDefinition.parse(steps, window_seconds=window)
    return Count(definition, Question(since=START - day, until=START + day), now, None, blocked or {})
