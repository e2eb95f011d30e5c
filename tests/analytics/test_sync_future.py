"""Events from the future are kept apart and counted, and taken in once when their time comes."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics import catalogue
from analytics.catalogue import Waiting
from analytics.store import EventStore
from analytics.sync import CLOCK_TOLERANCE, sync
from tests.analytics.test_sync import stored

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
NOW = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
NONE = Waiting(0, None)


def test_an_event_from_the_future_waits_and_is_counted(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 11:00")
    happened("s1", "B", "2025-01-10 11:00")
    happened("broken clock", "A", "2025-01-10 11:00")
    report = sync(engine, store, now=NOW)
    assert (report.events, report.sessions, report.future) == (1, 1, 2)
    assert stored(engine, store) == [("2024-01-10", "s1", "A")]
    assert catalogue.read(engine).newest_event == dt.datetime(2024, 1, 10, 11, tzinfo=dt.UTC)
    assert catalogue.waiting(engine) == Waiting(2, dt.datetime(2025, 1, 10, 11, tzinfo=dt.UTC))


def test_a_clock_a_little_ahead_is_believed(engine: Engine, store: EventStore, happened: Happened) -> None:
    happened("s1", "A", str((NOW + CLOCK_TOLERANCE).replace(tzinfo=None)))
    assert sync(engine, store, now=NOW).events == 1


def test_it_is_taken_in_once_when_its_time_comes(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 11:00")
    happened("s1", "B", "2024-01-10 14:00")
    happened("s2", "A", "2024-01-11 14:00")
    sync(engine, store, now=NOW)
    assert sync(engine, store, now=NOW + HOUR).events == 0
    report = sync(engine, store, now=NOW + 2 * HOUR)
    assert (report.events, report.future) == (1, 0)
    assert catalogue.waiting(engine).events == 1
    happened("s2", "B", "2024-01-11 14:01")
    assert sync(engine, store, now=NOW + 30 * HOUR).events == 2
    assert sync(engine, store, now=NOW + 31 * HOUR).events == 0
    assert catalogue.waiting(engine) == NONE
    assert stored(engine, store) == [
        ("2024-01-10", "s1", "A"), ("2024-01-10", "s1", "B"),
        ("2024-01-11", "s2", "A"), ("2024-01-11", "s2", "B"),
    ]  # fmt: skip


def test_a_session_that_moves_leaves_its_early_events_waiting(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "B", "2024-01-10 11:00")
    happened("s1", "C", "2024-01-10 14:00")
    happened("s1", "D", "2024-01-10 18:00")
    sync(engine, store, now=NOW)
    happened("s1", "A", "2024-01-08 11:00")
    sync(engine, store, now=NOW)
    assert stored(engine, store) == [("2024-01-08", "s1", "A"), ("2024-01-08", "s1", "B")]
    happened("s1", "0", "2024-01-07 11:00")
    report = sync(engine, store, now=NOW + 2 * HOUR)
    assert (report.events, report.moved) == (2, 1)
    assert [name for _, _, name in stored(engine, store)] == ["0", "A", "B", "C"]
    sync(engine, store, now=NOW + 6 * HOUR)
    assert [name for _, _, name in stored(engine, store)] == ["0", "A", "B", "C", "D"]


def test_a_clock_that_is_set_back_takes_nothing_out(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "B", "2024-01-10 11:00")
    sync(engine, store, now=NOW)
    happened("s1", "A", "2024-01-09 11:00")
    happened("s2", "A", "2024-01-10 11:00")
    sync(engine, store, now=NOW - 5 * HOUR)
    assert [name for _, _, name in stored(engine, store)] == ["A", "B", "A"]
    assert catalogue.waiting(engine) == NONE


def test_a_rebuild_keeps_the_same_events_apart(engine: Engine, store: EventStore, happened: Happened) -> None:
    happened("s1", "A", "2024-01-10 11:00")
    happened("s1", "B", "2024-01-10 14:00")
    sync(engine, store, now=NOW)
    report = sync(engine, store, rebuild=True, now=NOW)
    assert (report.events, report.future) == (1, 1)
    assert catalogue.waiting(engine).events == 1
    sync(engine, store, now=NOW + 2 * HOUR)
    assert [name for _, _, name in stored(engine, store)] == ["A", "B"]
    sync(engine, store, rebuild=True, now=NOW + 2 * HOUR)
    assert [name for _, _, name in stored(engine, store)] == ["A", "B"]
    assert catalogue.waiting(engine) == NONE
