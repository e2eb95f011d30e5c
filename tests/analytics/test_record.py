"""Recording one event in the caller's transaction."""

import datetime as dt
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select

from analytics import record
from analytics.errors import InvalidEvent
from analytics.tables import event

NOON = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC)


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(event)).scalar_one()


def test_an_event_stands_or_falls_with_the_callers_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        record(connection, session_id="s", name="A", occurred_at=NOON)
        connection.rollback()
        assert stored(engine) == 0
        record(connection, session_id="s", name="A", occurred_at=NOON)
        connection.commit()
    assert stored(engine) == 1


def test_the_same_id_twice_is_one_event_and_no_id_is_always_a_new_one(engine: Engine) -> None:
    event_id = uuid4()
    with engine.begin() as connection:
        for chosen in (event_id, event_id, None, None):
            record(connection, session_id="s", name="A", occurred_at=NOON, event_id=chosen)
    assert stored(engine) == 3


def test_properties_keep_their_json_types(engine: Engine) -> None:
    properties = {"n": 1, "x": 1.5, "yes": True, "list": ["a", {"b": None}], "empty": ""}
    with engine.begin() as connection:
        record(connection, session_id="s", name="A", occurred_at=NOON, properties=properties)
        assert connection.execute(select(event.c.properties)).scalar_one() == properties


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"session_id": ""}, "session_id is missing"),
        ({"session_id": "s" * 513}, "session_id has 513 characters"),
        ({"name": " "}, "name is missing"),
        ({"name": "a\0b"}, "name contains a NUL"),
        ({"name": "\ud800"}, "half of a surrogate pair"),
        ({"occurred_at": NOON.replace(tzinfo=None)}, "occurred_at has no time zone"),
        ({"occurred_at": NOON.replace(year=1969)}, "year 1969"),
        ({"properties": {"x": float("nan")}}, "property 'x' is nan"),
        ({"properties": {"x": ["\0"]}}, "property 'x' contains a NUL"),
        ({"properties": {"x": NOON}}, "property 'x' is a datetime"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name_and_harms_no_transaction(
    engine: Engine, changed: dict[str, Any], problem: str
) -> None:
    given: dict[str, Any] = {"session_id": "s", "name": "A", "occurred_at": NOON} | changed
    with engine.begin() as connection:
        with pytest.raises(InvalidEvent, match=problem):
            record(connection, **given)
        record(connection, session_id="s", name="A", occurred_at=NOON)
    assert stored(engine) == 1


def test_importing_analytics_loads_no_numeric_library() -> None:
    code = "import sys, analytics; print(sorted({'numba', 'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
