"""One session's own history: its events as PostgreSQL has them now, with the steps that the funnel counted.

The chain comes from the event files: an event of the last seconds may be in the history and in no chain yet.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, RowMapping, select

from analytics.belonging import CLIENT, Clients
from analytics.columns import IDENTITY_COLUMNS
from analytics.conditions import Condition
from analytics.errors import UnknownSession
from analytics.queries import Asked, Reader
from analytics.sessions import SessionChain, SessionRow, chain_of
from analytics.tables import event

MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class PropertyValue:
    name: str
    value: str  #: as text; what is no text as JSON


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    occurred_at: dt.datetime
    name: str
    step: str | None  #: label of the step that it counts as; None: of none
    properties: tuple[PropertyValue, ...]


@dataclass(frozen=True, slots=True)
class SessionHistory:
    session_id: str
    client_id: str | None
    user_id: str | None
    counted: SessionRow | None  #: None when the funnel, asked so, does not count it
    events: tuple[HistoryEvent, ...]  #: oldest first, at most MOST_EVENTS
    is_whole: bool  #: whether these are all


def session_history(reader: Reader, asked: Asked, session_id: str) -> SessionHistory:
    """Raises UnknownSession, and what Reader.ask raises."""
    rows = _seen(_events_of(reader.engine, session_id, MOST_EVENTS + 1), asked.clients)
    if not rows:
        raise UnknownSession(session_id)
    shown = rows[:MOST_EVENTS]
    chain = chain_of(reader, asked, session_id)
    steps = _steps_of(shown, chain, asked) if chain else {}
    return SessionHistory(
        session_id=session_id,
        client_id=_first(shown, "client_id"),
        user_id=_first(shown, "user_id"),
        counted=chain.row if chain else None,
        events=tuple(_event(row, steps.get(at)) for at, row in enumerate(shown)),
        is_whole=len(rows) == len(shown),
    )


def _seen(rows: Sequence[RowMapping], clients: Clients) -> Sequence[RowMapping]:
    """What those who see these clients alone see of a session, as in `belonging`."""
    if clients is None:
        return rows
    owner = _first(rows, CLIENT)
    return [row for row in rows if owner in clients and (not row[CLIENT] or row[CLIENT] in clients)]


def _events_of(engine: Engine, session_id: str, most: int) -> Sequence[RowMapping]:
    """The first events of the session, by time."""
    query = (
        select(event.c.occurred_at, event.c.name, event.c.client_id, event.c.user_id, event.c.properties)
        .where(event.c.session_id == session_id)
        .order_by(event.c.occurred_at, event.c.id)
        .limit(most)
    )
    with engine.connect() as connection:
        return connection.execute(query).mappings().all()


def _steps_of(rows: Sequence[RowMapping], chain: SessionChain, asked: Asked) -> dict[int, str]:
    """Which event serves which step: place in `rows` -> label. Of equal events the first."""
    served: dict[int, str] = {}
    remaining = list(range(len(asked.definition.steps)))
    for number, taken_at in enumerate(chain.taken_at):
        # The times of an unordered chain are those of its first, second, ... step, whichever that was.
        may_be = remaining if asked.definition.order == "unordered" else [number]
        found = _serving(rows, taken_at, [step for step in may_be if step in remaining], served, asked)
        if found:
            at, step = found
            served[at] = asked.definition.steps[step].label
            remaining.remove(step)
    return served


def _serving(
    rows: Sequence[RowMapping],
    taken_at: dt.datetime | None,
    steps: Sequence[int],
    served: Collection[int],
    asked: Asked,
) -> tuple[int, int] | None:
    for at, row in enumerate(rows):
        if at not in served and _whole_ms(row["occurred_at"]) == taken_at:
            for step in steps:
                if _serves(row, step, asked):
                    return at, step
    return None


def _serves(row: RowMapping, number: int, asked: Asked) -> bool:
    step = asked.definition.steps[number]
    if step.events and row["name"] not in step.events:
        return False
    return all(_holds(one, row) for one in (*step.where, *asked.question.event_where))


def _holds(condition: Condition, row: RowMapping) -> bool:
    if condition.property in IDENTITY_COLUMNS:
        return condition.holds(row[condition.property] or "")
    properties: Mapping[str, Any] = row["properties"] or {}
    return condition.holds(_text(properties.get(condition.property)))


def _event(row: RowMapping, step: str | None) -> HistoryEvent:
    properties: Mapping[str, Any] = row["properties"] or {}
    values = tuple(PropertyValue(name, _text(value)) for name, value in sorted(properties.items()))
    return HistoryEvent(row["occurred_at"].astimezone(dt.UTC), row["name"], step, values)


def _text(value: object) -> str:
    """As PostgreSQL's `->>` writes it, which is what conditions compare."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _first(rows: Sequence[RowMapping], column: str) -> str | None:
    return next((row[column] for row in rows if row[column]), None)


def _whole_ms(moment: dt.datetime) -> dt.datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
