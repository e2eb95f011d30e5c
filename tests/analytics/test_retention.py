"""Whole sessions go when their last event is too old, and no others."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from analytics import catalogue
from analytics.removal import Removed
from analytics.retention import retain
from analytics.store import EventStore
from analytics.sync import sync
from tests.analytics.test_sync import stored

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
NOW = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)


def left(engine: Engine) -> list[tuple[str, str]]:
    """(session, event) in the table, in order."""
    query = text("SELECT session_id, name FROM onward.event ORDER BY session_id, occurred_at")
    with engine.connect() as connection:
        return [(session, name) for session, name in connection.execute(query)]


@pytest.fixture
def sessions(engine: Engine, store: EventStore, happened: Happened) -> None:
    """All begin on the same day; their last events are 30, 10 and 10 days old."""
    happened("over", "A", "2024-01-01 11:00")
    happened("over", "B", "2024-01-01 11:30")
    happened("going on", "A", "2024-01-01 11:00")
    happened("going on", "B", "2024-01-21 11:00")
    happened("later", "A", "2024-01-21 11:00")
    sync(engine, store, now=NOW)


@pytest.mark.usefixtures("sessions")
def test_sessions_go_whole_by_their_last_event(engine: Engine, store: EventStore) -> None:
    version = catalogue.state(engine).version
    assert retain(engine, store, days=30, now=NOW) == Removed(sessions=1, events=2, waiting=0, files=1)
    assert left(engine) == [("going on", "A"), ("going on", "B"), ("later", "A")]
    assert [(session, name) for _, session, name in stored(engine, store)] == left(engine)
    assert catalogue.state(engine).version > version
    assert retain(engine, store, days=30, now=NOW) == Removed()


@pytest.mark.usefixtures("sessions")
def test_a_file_without_sessions_is_gone(engine: Engine, store: EventStore) -> None:
    assert retain(engine, store, days=5, now=NOW).files == 2
    assert (left(engine), stored(engine, store)) == ([], [])
    sync(engine, store, rebuild=True, now=NOW)
    assert stored(engine, store) == []


@pytest.mark.usefixtures("sessions")
def test_zero_days_keep_everything(engine: Engine, store: EventStore) -> None:
    assert retain(engine, store, days=0, now=NOW) == Removed()
    assert len(left(engine)) == 5


@pytest.mark.usefixtures("sessions")
def test_an_event_that_no_sync_has_seen_keeps_its_session(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("over", "C", "2024-01-30 11:00")
    assert retain(engine, store, days=30, now=NOW) == Removed()
    sync(engine, store, now=NOW)
    assert len(stored(engine, store)) == 6


def test_the_last_moment_of_the_period_still_counts(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("just in time", "A", "2024-01-01 12:00")
    happened("just too late", "A", "2024-01-01 11:59:59.999")
    sync(engine, store, now=NOW)
    retain(engine, store, days=30, now=NOW)
    assert left(engine) == [("just in time", "A")]
