"""Batches of events: what can be stored is, once, and the rest is named by its place."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from analytics.errors import InvalidEvent
from analytics.recording import MOST_EVENTS, Recorded, Rejected, record_batch


def event(**changes: Any) -> dict[str, Any]:
    body = {"session_id": "a", "name": "A", "occurred_at": "2024-01-10T12:00:00Z"} | changes
    return {name: value for name, value in body.items() if value is not None}


def send(engine: Engine, *events: object) -> Recorded:
    with engine.begin() as connection:
        return record_batch(connection, events)


def test_an_event_is_stored_with_all_its_fields(engine: Engine) -> None:
    given = str(uuid4())
    sent = event(id=given, client_id="c", user_id="u", properties={"plan": "pro", "seats": 3, "tags": ["x"]})
    assert send(engine, sent) == Recorded(1, 0, ())
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM onward.event")).one()
    assert (str(row.id), row.session_id, row.name, row.client_id, row.user_id) == (given, "a", "A", "c", "u")
    assert row.occurred_at.isoformat() == "2024-01-10T12:00:00+00:00"
    assert row.properties == {"plan": "pro", "seats": 3, "tags": ["x"]}


def test_an_id_is_stored_once_as_first_sent_in_one_batch_or_two(engine: Engine) -> None:
    given = str(uuid4())
    first = send(engine, event(id=given, name="first"), event(id=given, name="second"), event())
    assert first == Recorded(2, 1, ())
    assert send(engine, event(id=given, name="third")) == Recorded(0, 1, ())
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM onward.event ORDER BY name")).scalars().all()
    assert names == ["A", "first"]


def test_what_cannot_be_stored_is_named_and_the_rest_is_stored(engine: Engine) -> None:
    found = send(
        engine,
        event(),
        "text",
        event(session_id=None),
        event(name=3),
        event(occurred_at="10 January"),
        event(occurred_at="2024-01-10T12:00:00"),
        event(id="1"),
        event(properties=[1]),
        event(sesion="a"),
        event(session_id="b\0"),
        event(properties={"deep": ["\ud800"]}),
    )
    assert (found.accepted, found.duplicates) == (1, 0)
    assert [(one.index, one.field) for one in found.rejected] == [
        (1, "event"), (2, "session_id"), (3, "name"), (4, "occurred_at"), (5, "occurred_at"), (6, "id"),
        (7, "properties"), (8, "sesion"), (9, "session_id"), (10, "property 'deep'"),
    ]  # fmt: skip
    assert found.rejected[7] == Rejected(
        8, "sesion", "is not known; did you mean 'session_id'?; allowed: "
        "id, session_id, name, occurred_at, client_id, user_id, properties",
    )  # fmt: skip


def test_nothing_is_stored_of_a_batch_that_is_too_large(engine: Engine) -> None:
    with pytest.raises(InvalidEvent, match="at most 1000 are allowed at once"):
        send(engine, *[event()] * (MOST_EVENTS + 1))


def test_an_empty_batch_is_fine(engine: Engine) -> None:
    assert send(engine) == Recorded(0, 0, ())
