"""Many events at once, as a client sends them: what can be stored is, and the rest is named by its place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Connection, Text, bindparam, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE

from analytics.errors import InvalidEvent, listed, nearest
from analytics.events import checked_event

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


def record_batch(connection: Connection, events: Sequence[object]) -> Recorded:
    """Store the events in the caller's transaction. Sending one twice under one id stores it once.

    Each is an object of FIELDS; `id` may be missing, and then every sending is a new event. Raises
    InvalidEvent when there are more than MOST_EVENTS.
    """
    if len(events) > MOST_EVENTS:
        raise InvalidEvent("events", f"are {len(events)}; at most {MOST_EVENTS} are allowed at once")
    rows: dict[UUID, dict[str, Any]] = {}
    rejected: list[Rejected] = []
    for index, sent in enumerate(events):
        try:
            row = _row(sent)
        except InvalidEvent as error:
            rejected.append(Rejected(index, error.field, error.problem))
        else:
            rows.setdefault(row["id"], row)
    accepted = _stored(connection, list(rows.values()))
    return Recorded(accepted, len(events) - len(rejected) - accepted, tuple(rejected))


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
