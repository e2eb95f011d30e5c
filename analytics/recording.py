"""Many events at once, as a client sends them: what can be stored is, and the rest is named by its place."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Connection, Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE

from analytics.errors import InvalidEvent, listed, nearest
from analytics.events import checked_event
from analytics.tables import event

MOST_EVENTS = 1000
FIELDS = ("id", "session_id", "name", "occurred_at", "client_id", "user_id", "properties")

_INSERT = text("""
    INSERT INTO onward.event (id, session_id, name, occurred_at, client_id, user_id, properties)
    SELECT id, session_id, name, occurred_at, client_id, user_id, properties::jsonb
    FROM unnest(:id, :session_id, :name, :occurred_at, :client_id, :user_id, :properties)
      AS sent (id, session_id, name, occurred_at, client_id, user_id, properties)
    ON CONFLICT (id) DO NOTHING
""").bindparams(
    bindparam("id", type_=ARRAY(UUID_TYPE)),
    bindparam("occurred_at", type_=ARRAY(TIMESTAMP(timezone=True))),
    *(
        bindparam(name, type_=ARRAY(Text))
        for name in ("session_id", "name", "client_id", "user_id", "properties")
    ),
)


@dataclass(frozen=True, slots=True)
class Rejected:
    index: int  #: in the batch, from 0
    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class Recorded:
    accepted: int
    duplicates: int  #: their id is stored already, or came earlier in the batch
    rejected: tuple[Rejected, ...]


def record_batch(
    connection: Connection, events: Sequence[object], *, clients: Collection[str] | None = None
) -> Recorded:
    """Store the events in the caller's transaction. Sending one twice under one id stores it once.

    Each is an object of FIELDS; `id` may be missing, and then every sending is a new event. With `clients`,
    an event must name one of them, and its session no other, or it is rejected.
    Raises InvalidEvent when there are more than MOST_EVENTS.
    """
    if len(events) > MOST_EVENTS:
        raise InvalidEvent("events", f"are {len(events)}; at most {MOST_EVENTS} are allowed at once")
    rows: dict[int, dict[str, Any]] = {}
    rejected: dict[int, Rejected] = {}
    for index, sent in enumerate(events):
        try:
            rows[index] = _row(sent)
            _check_client(rows[index], clients)
        except InvalidEvent as error:
            rejected[index] = Rejected(index, error.field, error.problem)
    if clients is not None:
        rejected = _foreign(connection, rows, clients) | rejected
    once: dict[UUID, dict[str, Any]] = {}
    for index, row in rows.items():
        if index not in rejected:
            once.setdefault(row["id"], row)
    accepted = _stored(connection, list(once.values()))
    refused = tuple(rejected[index] for index in sorted(rejected))
    return Recorded(accepted, len(events) - len(refused) - accepted, refused)


def _row(sent: object) -> dict[str, Any]:
    if not isinstance(sent, Mapping):
        raise InvalidEvent("event", "is not an object")
    for field in sent:
        if field not in FIELDS:
            raise InvalidEvent(
                str(field), f"is not known{nearest(str(field), FIELDS)}; {listed('allowed', FIELDS)}"
            )
    return checked_event(
        session_id=_text(sent, "session_id"),
        name=_text(sent, "name"),
        occurred_at=_moment(sent.get("occurred_at")),
        event_id=_id(sent.get("id")),
        client_id=_text(sent, "client_id") or None,
        user_id=_text(sent, "user_id") or None,
        properties=_properties(sent.get("properties")),
    )


def _check_client(row: Mapping[str, Any], clients: Collection[str] | None) -> None:
    if clients is not None and row["client_id"] not in clients:
        named = "is missing" if row["client_id"] is None else f"is {row['client_id']!r}"
        raise InvalidEvent("client_id", f"{named}; {listed('yours', sorted(clients))}")


def _foreign(
    connection: Connection, rows: Mapping[int, Mapping[str, Any]], clients: Collection[str]
) -> dict[int, Rejected]:
    """Those in sessions where a client that is none of these is named: they would take them over."""
    sent = {row["session_id"] for row in rows.values()}
    named = select(event.c.session_id).where(
        event.c.session_id.in_(sent), event.c.client_id.is_not(None), event.c.client_id.not_in(clients)
    )
    taken = frozenset(connection.execute(named.distinct()).scalars())
    problem = "is of a session that belongs to another client"
    return {
        index: Rejected(index, "session_id", problem)
        for index, row in rows.items()
        if row["session_id"] in taken
    }


def _stored(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    if not rows:
        return 0
    columns = {name: [row[name] for row in rows] for name in FIELDS}
    columns["properties"] = [
        None if properties is None else json.dumps(properties) for properties in columns["properties"]
    ]
    return connection.execute(_INSERT, columns).rowcount


def _text(sent: Mapping[str, Any], field: str) -> str:
    value = sent.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidEvent(field, f"is {value!r}, but must be text")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise InvalidEvent(
            "occurred_at", "is missing" if value is None else f"is {value!r}, but must be text"
        )
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidEvent("occurred_at", f"is {value!r}; write it as 2024-01-31T12:00:00Z") from None
    return moment


def _id(value: object) -> UUID:
    if value is None:
        return uuid4()
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidEvent("id", f"is {value!r}, but must be a UUID") from None


def _properties(value: object) -> Mapping[str, Any] | None:
    if value is not None and not isinstance(value, Mapping):
        raise InvalidEvent("properties", f"are {value!r}, but must be an object")
    return value
