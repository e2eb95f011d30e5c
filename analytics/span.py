"""Over which days a funnel has anything to show: several flows share one store, each with days of its own."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, or_, select, true

from analytics.funnels import FunnelDefinition
from analytics.tables import event_partition


@dataclass(frozen=True, slots=True)
class FunnelSpan:
    first: dt.date  #: on which a session with a first step began
    newest: dt.date  #: on which the newest such session began
    last: dt.date  #: of the last event of any such session
    rows: int  #: events in the files that hold them: rises when something new has come


def most_recent(engine: Engine, definitions: Sequence[FunnelDefinition]) -> FunnelDefinition | None:
    """The funnel that was entered last; None when none of them ever was."""
    newest = [(found.newest, one) for one in definitions if (found := span(engine, one))]
    return max(newest, key=lambda found: found[0], default=(None, None))[1]


def span(engine: Engine, definition: FunnelDefinition) -> FunnelSpan | None:
    """The UTC days of the sessions that hold a first step; None where there are none."""
    names = event_partition.c.profile["names"]
    # A step without names is served by any event, so it begins in every file.
    begins = or_(*map(names.has_key, definition.steps[0].events)) if definition.steps[0].events else true()
    query = select(
        func.min(event_partition.c.day),
        func.max(event_partition.c.day),
        func.max(event_partition.c.last_ms),
        func.sum(event_partition.c.rows),
    ).where(event_partition.c.superseded_at.is_(None), begins)
    with engine.connect() as connection:
        first, newest, last_ms, rows = connection.execute(query).one()
    if first is None:
        return None
    return FunnelSpan(first, newest, dt.datetime.fromtimestamp(last_ms / 1000, dt.UTC).date(), int(rows))
