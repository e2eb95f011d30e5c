"""Who listens: only workers whose heartbeat is recent and which did not say goodbye."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert

from dlq.broker.listeners import SILENT_SECONDS, Listeners, listeners
from dlq.tables import dead_letter_worker
from dlq.times import to_ms

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def beat(
    engine: Engine, *, at: datetime = NOW, ago: float = 1, stopped: bool = False, **changed: Any
) -> None:
    at_ms = to_ms(at - timedelta(seconds=ago))
    row = {
        "boot": uuid4(),
        "name": "one@here",
        "pid": 7,
        "started_at_ms": at_ms - 60_000,
        "beat_at_ms": at_ms,
        "stopped_at_ms": at_ms if stopped else None,
        "release": "",
        "queues": ["mail"],
        "tasks": ["mail.send"],
        "settings": {},
    } | changed
    with engine.begin() as connection:
        connection.execute(insert(dead_letter_worker).values(row))


def listening(engine: Engine) -> Listeners:
    with engine.connect() as connection:
        return listeners(connection, NOW)


def test_queues_and_tasks_of_all_reporting_workers_are_put_together(engine: Engine) -> None:
    beat(engine)
    beat(engine, name="two@here", queues=["mail", "bills"], tasks=["bills.print"])
    assert listening(engine) == Listeners(
        2, frozenset({"mail", "bills"}), frozenset({"mail.send", "bills.print"})
    )


def test_without_a_report_nobody_is_counted(engine: Engine) -> None:
    assert listening(engine) == Listeners(0, frozenset(), frozenset())


@pytest.mark.parametrize(("ago", "counted"), [(SILENT_SECONDS - 1, 1), (SILENT_SECONDS, 0)])
def test_a_worker_counts_until_it_has_been_silent_for_too_long(
    engine: Engine, ago: float, counted: int
) -> None:
    beat(engine, ago=ago)
    assert listening(engine).workers == counted


def test_a_worker_that_stopped_a_moment_ago_does_not_listen(engine: Engine) -> None:
    beat(engine, stopped=True)
    assert listening(engine).workers == 0
