"""Small histories in any batches: the increments and a rebuild give the same rows of each day."""

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from analytics import catalogue, pending, record
from analytics.errors import ForeignStore
from analytics.store import EventStore
from analytics.sync import sync

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
Rows = list[dict[str, Any]]
START = dt.datetime(2024, 1, 10, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: The clock of the last sync; what occurs later waits.
NOW = START + dt.timedelta(days=6)


def contents(engine: Engine, store: EventStore) -> dict[dt.date, Rows]:
    """The rows of each day, in every column that says something, in the order of the contract.

    Session numbers are of their file, so they are checked and left out.
    """
    days: dict[dt.date, Rows] = {}
    for file in catalogue.read(engine).files:
        rows = store.read(file.path).to_pylist()
        assert rows == sorted(rows, key=lambda row: (row["session_id"], row["at_ms"], row["id"]))
        ids = sorted({row["session_id"] for row in rows})
        assert [row.pop("session") for row in rows] == [ids.index(row["session_id"]) for row in rows]
        assert (file.rows, file.sessions) == (len(rows), len(ids))
        days.setdefault(file.day, []).extend(
            {name: value for name, value in row.items() if value is not None} for row in rows
        )
    return {day: sorted(rows, key=lambda row: row["id"]) for day, rows in days.items()}


def expected(engine: Engine) -> dict[dt.date, Rows]:
    """The same, straight from the event table."""
    query = text("""
        SELECT id, session_id, name, client_id, user_id, properties, occurred_at,
               min(occurred_at) OVER (PARTITION BY session_id) AS started_at
        FROM onward.event WHERE occurred_at <= :now ORDER BY id
    """)
    days: dict[dt.date, Rows] = {}
    with engine.connect() as connection:
        for row in connection.execute(query, {"now": NOW + dt.timedelta(minutes=5)}):
            columns = {"session_id": row.session_id, "name": row.name, "id": row.id.bytes}
            columns["at_ms"] = (row.occurred_at - EPOCH) // dt.timedelta(milliseconds=1)
            columns |= {key: getattr(row, key) for key in ("client_id", "user_id") if getattr(row, key)}
            columns |= {f"p.{key}": value for key, value in (row.properties or {}).items() if value}
            days.setdefault(row.started_at.date(), []).append(columns)
    return days


def write_some(engine: Engine, chance: random.Random) -> None:
    with engine.begin() as connection:
        for _ in range(chance.randrange(4, 12)):
            keys = chance.sample(["plan", "page", "note", f"odd {chance.randrange(9)}"], chance.randrange(4))
            record(
                connection,
                event_id=UUID(int=chance.getrandbits(128)),
                session_id=f"s{chance.randrange(6)}",
                name=chance.choice("AB"),
                # Ties, several days, and some past the clock of every sync.
                occurred_at=START + dt.timedelta(hours=chance.randrange(7 * 24)),
                client_id=chance.choice([None, "web", "app"]),
                user_id=chance.choice([None, "u1", "u2"]),
                properties={key: chance.choice(["", "x", "y"]) for key in keys},
            )


@pytest.mark.parametrize("seed", range(8))
def test_increments_and_rebuild_hold_what_the_table_holds(
    engine: Engine, store: EventStore, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(pending, "ROWS_PER_FILE", chance.choice([3, 500]))
    moved = 0
    for batch in range(8):
        write_some(engine, chance)
        moved += sync(engine, store, now=NOW - dt.timedelta(days=(7 - batch) // 2)).moved
    increments = contents(engine, store)
    assert increments == expected(engine)
    assert moved > 0
    sync(engine, store, rebuild=True, now=NOW)
    assert contents(engine, store) == increments


def test_days_of_one_file_are_laid_out_the_same_by_a_rebuild(engine: Engine, store: EventStore) -> None:
    chance = random.Random(1)
    for _ in range(6):
        write_some(engine, chance)
        sync(engine, store, now=NOW)
    before = layout(engine)
    sync(engine, store, rebuild=True, now=NOW)
    assert layout(engine) == before


def layout(engine: Engine) -> list[tuple[Any, ...]]:
    return [(file.day, file.part, file.rows, file.sessions) for file in catalogue.read(engine).files]


def test_a_session_may_move_again_and_across_parts(
    engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ROWS_PER_FILE", 2)
    for number in range(6):
        happened(f"s{number}", "C", "2024-01-12 12:00")
    sync(engine, store, now=NOW)
    assert [file.part for file in catalogue.read(engine).files] == [0, 1, 2]
    for day in ("2024-01-11", "2024-01-10"):
        for number in (0, 3, 4, 5):
            happened(f"s{number}", "B", f"{day} 12:00")
        assert sync(engine, store, now=NOW).moved == 4
    assert contents(engine, store) == expected(engine)
    assert {(file.day.day, file.sessions) for file in catalogue.read(engine).files} >= {(12, 1)}
    assert {file.day.day for file in catalogue.read(engine).files} == {10, 12}, "the 11th is empty again"


def test_a_rebuild_gives_no_column_to_properties_past_the_most(
    engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "MAX_PROPERTIES", 2)
    happened("s1", "A", "2024-01-10 12:00", first="1")
    sync(engine, store, now=NOW)
    happened("s1", "B", "2024-01-10 13:00", third="3", second="2")
    happened("s2", "B", "2024-01-10 13:00", second="2")
    sync(engine, store, now=NOW)
    increments = contents(engine, store)
    columns = {name for row in increments[dt.date(2024, 1, 10)] for name in row if name.startswith("p.")}
    assert columns == {"p.first", "p.second"}
    sync(engine, store, rebuild=True, now=NOW)
    assert contents(engine, store) == increments


def test_two_installations_do_not_share_a_folder(engine: Engine, happened: Happened, tmp_path: Path) -> None:
    shared = EventStore.at(str(tmp_path))
    happened("s1", "A", "2024-01-10 12:00")
    sync(engine, shared, now=NOW)
    files = set(shared.paths())
    with engine.begin() as other_database:
        other_database.execute(text("UPDATE onward.event_sync SET installation = gen_random_uuid()"))
    for rebuild in (False, True):
        with pytest.raises(ForeignStore, match="ANALYTICS_STORE"):
            sync(engine, shared, rebuild=rebuild, now=NOW)
    assert set(shared.paths()) == files
