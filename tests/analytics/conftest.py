"""A store of this test's own, and events written through the front door."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from analytics import record
from analytics.store import EventStore

Record = Callable[..., UUID]


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    return EventStore.at(str(tmp_path / "events"))


@pytest.fixture
def happened(engine: Engine) -> Record:
    """Record an event in a transaction of its own: `happened("s1", "A", "2024-01-10 12:00")`."""

    def happened(session: str, name: str, moment: str, **properties: Any) -> UUID:
        occurred_at = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
        with engine.begin() as connection:
            return record(
                connection, session_id=session, name=name, occurred_at=occurred_at, properties=properties
            )

    return happened
