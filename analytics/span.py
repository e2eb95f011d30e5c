"""Over which days a funnel has anything to show: several flows share one store, each with days of its own."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Engine, func, or_, select, true

from analytics.funnels import FunnelDefinition
from analytics.tables import event_partition


@dataclass(frozen=True, slots=True)
class FunnelSpan:
    first: dt.date  #: on which a session with a first step began
    newest: dt.date  #: of the newest first step
    last: dt.date  #: of the last event of any such session
    rows: int  #: events in the files that hold them: rises when something new has come


def most_recent(engine: Engine, definitions: Sequence[FunnelDefinition]) -> FunnelDefinition | None:
    """The funnel that was entered last; None when none of them ever was."""
    newest = [(found.newest, one) for one in definitions if (found := span(engine, one))]
    return max(newest, key=lambda found: found[0], default=(None, None))[1]


def span(engine: Engine, definition: FunnelDefinition) -> FunnelSpan | None:
    """The UTC days of the sessions that hold a first step; None where there are none."""
    newest_ms = event_partition.c.profile["newest_ms"]
    names = definition.steps[0].events
    query = select(
        func.min(event_partition.c.day),
        # A step without names is served by any event.
        func.max(_latest([newest_ms[name] for name in names]) if names else event_partition.c.last_ms),
        func.max(event_partition.c.last_ms),
        func.sum(event_partition.c.rows),
    ).where(
        event_partition.c.superseded_at.is_(None), or_(*map(newest_ms.has_key, names)) if names else true()
    )
    with engine.connect() as connection:
        first, entered_ms, last_ms, rows = connection.execute(query).one()
    return None if first is None else FunnelSpan(first, _day(entered_ms), _day(last_ms), int(rows))


def _latest(times: Sequence[ColumnElement[Any]]) -> ColumnElement[int]:
    return func.greatest(*(time.astext.cast(BigInteger) for time in times))


def _day(ms: int) -> dt.date:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).date()
