"""One event: what may be stored, and how a program records it in its own transaction."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from analytics.errors import InvalidEvent
from analytics.tables import event

MAX_ID_CHARACTERS = 512
MAX_NAME_CHARACTERS = 256
MAX_PROPERTIES = 500
#: Outside these years a time is a broken clock or a mistaken unit, and would open a day file of its own.
FIRST_YEAR, LAST_YEAR = 1990, 2100


def record(
    connection: Connection,
    *,
    session_id: str,
    name: str,
    occurred_at: datetime,
    event_id: UUID | None = None,
    client_id: str | None = None,
    user_id: str | None = None,
    properties: Mapping[str, Any] | None = None,
) -> UUID:
    """Store one event in the caller's transaction, and return its id.

    The event exists when the caller commits, and not when the caller rolls back. The same `event_id`
    twice stores it once, as first sent; without one, every call is a new event. `properties` must be JSON.
    Raises InvalidEvent naming the field, before anything is sent to the database.
    """
    row = checked_event(
        session_id=session_id,
        name=name,
        occurred_at=occurred_at,
        event_id=event_id or uuid4(),
        client_id=client_id,
        user_id=user_id,
        properties=properties,
    )
    connection.execute(insert(event).values(row).on_conflict_do_nothing())
    stored: UUID = row["id"]
    return stored


def checked_event(
    *,
    session_id: str,
    name: str,
    occurred_at: datetime,
    event_id: UUID,
    client_id: str | None,
    user_id: str | None,
    properties: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The row of the table. Raises InvalidEvent naming the field that cannot be stored."""
    if occurred_at.tzinfo is None:
        raise InvalidEvent("occurred_at", "has no time zone")
    checked_time(occurred_at)
    return {
        "id": event_id,
        "session_id": checked_text("session_id", session_id, MAX_ID_CHARACTERS),
        "name": checked_text("name", name, MAX_NAME_CHARACTERS),
        "occurred_at": occurred_at,
        "client_id": client_id and checked_text("client_id", client_id, MAX_ID_CHARACTERS),
        "user_id": user_id and checked_text("user_id", user_id, MAX_ID_CHARACTERS),
        "properties": checked_properties(properties) or None,
    }


def checked_text(field: str, text: str, most: int) -> str:
    """`text`, if PostgreSQL can store it and it says something. Raises InvalidEvent otherwise."""
    if not text or text.isspace():
        raise InvalidEvent(field, "is missing")
    if len(text) > most:
        raise InvalidEvent(field, f"has {len(text)} characters; at most {most} are allowed")
    return storable(field, text)


def storable(field: str, text: str) -> str:
    if "\0" in text:
        raise InvalidEvent(field, "contains a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidEvent(field, "contains half of a surrogate pair, which is not a character")
    return text


def checked_time(moment: datetime) -> datetime:
    """`moment` in UTC; a naive one is taken as UTC. Raises InvalidEvent for an absurd year."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidEvent(
            "occurred_at", f"lies in the year {moment.year}; {FIRST_YEAR} to {LAST_YEAR} are allowed"
        )
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def checked_properties(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    """The properties, if JSON and PostgreSQL can say them, nested values too. Raises InvalidEvent."""
    if not properties:
        return {}
    if len(properties) > MAX_PROPERTIES:
        raise InvalidEvent("properties", f"are {len(properties)}; at most {MAX_PROPERTIES} are allowed")
    for key, value in properties.items():
        if not isinstance(key, str) or not key:
            raise InvalidEvent("properties", f"have the name {key!r}; it must be text")
        storable("properties", key)
        _check_json(key, value)
    return dict(properties)


def _check_json(key: str, value: object) -> None:
    if isinstance(value, str):
        storable(f"property {key!r}", value)
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise InvalidEvent(f"property {key!r}", f"is {value}, which JSON cannot say")
    elif isinstance(value, Mapping):
        for inner_key, inner in value.items():
            storable(f"property {key!r}", str(inner_key))
            _check_json(key, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_json(key, inner)
    elif not isinstance(value, str | int | float | bool | None):
        raise InvalidEvent(f"property {key!r}", f"is a {type(value).__name__}, which JSON cannot say")
