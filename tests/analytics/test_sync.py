"""Sync on the real PostgreSQL: each event in the files exactly once, whatever happens in between."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from analytics import catalogue, columns, pending, record
from analytics.counting import to_ms
from analytics.day_files import Replacement
from analytics.errors import StoreUnavailable
from analytics.store import EventStore
from analytics.sync import sync
from tests.analytics.worlds import START, at, table

Happened = Callable[..., Any]
Line = tuple[str, str, str]


def stored(engine: Engine, store: EventStore) -> list[Line]:
    """(day of file, session, event name) of every row that counts, in order."""
    return [
        (file.day.isoformat(), row["session_id"], row["name"])
        for file in catalogue.read(engine).files
        for row in store.read(file.path, ["session_id", "name"]).to_pylist()
    ]


def test_events_go_to_the_day_their_session_starts(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 23:00")
    happened("s1", "B", "2024-01-11 01:00")
    happened("s2", "A", "2024-01-11 02:00")
    sync(engine, store)
    assert stored(engine, store) == [
        ("2024-01-10", "s1", "A"), ("2024-01-10", "s1", "B"), ("2024-01-11", "s2", "A"),
    ]  # fmt: skip


def test_a_second_run_takes_in_only_what_is_new(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    happened("s2", "A", "2024-01-12 12:00")
    sync(engine, store)
    untouched = catalogue.read(engine).files[1]
    happened("s1", "B", "2024-01-12 12:00")
    report = sync(engine, store)
    assert (report.events, report.files) == (1, 1)
    assert stored(engine, store) == [
        ("2024-01-10", "s1", "A"), ("2024-01-10", "s1", "B"), ("2024-01-12", "s2", "A"),
    ]  # fmt: skip
    assert catalogue.read(engine).files[1] == untouched


def test_nothing_new_leaves_the_version_alone(engine: Engine, store: EventStore, happened: Happened) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    version = sync(engine, store).version
    assert sync(engine, store).version == version


def test_a_transaction_held_open_is_taken_in_once_it_commits(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    with engine.connect() as slow:
        record(slow, session_id="slow", name="A", occurred_at=dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC))
        happened("quick", "A", "2024-01-10 12:00")
        sync(engine, store)
        slow.commit()
    sync(engine, store)
    assert sorted(stored(engine, store)) == [("2024-01-10", "quick", "A"), ("2024-01-10", "slow", "A")]


def test_an_event_that_commits_while_a_sync_reads_is_left_to_the_next(
    engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    happened("moves", "B", "2024-01-10 12:00")
    sync(engine, store)
    happened("s1", "B", "2024-01-10 13:00")
    happened("moves", "A", "2024-01-09 12:00")
    read = pending.by_place

    def read_late(*arguments: Any) -> Any:
        happened("s1", "C", "2024-01-10 14:00")
        happened("moves", "C", "2024-01-10 14:00")
        return read(*arguments)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(pending, "by_place", read_late)
        sync(engine, store)
    assert [name for _, _, name in stored(engine, store)] == ["A", "B", "A", "B"]
    sync(engine, store)
    assert stored(engine, store) == [
        ("2024-01-09", "moves", "A"), ("2024-01-09", "moves", "B"), ("2024-01-09", "moves", "C"),
        ("2024-01-10", "s1", "A"), ("2024-01-10", "s1", "B"), ("2024-01-10", "s1", "C"),
    ]  # fmt: skip


def test_an_earlier_event_moves_the_whole_session(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "B", "2024-01-12 12:00")
    happened("s1", "C", "2024-01-12 13:00")
    happened("s2", "B", "2024-01-12 12:00")
    happened("s3", "B", "2024-01-13 12:00")
    sync(engine, store)
    happened("s1", "A", "2024-01-10 12:00", plan="pro")
    happened("s2", "C", "2024-01-12 14:00")
    happened("s3", "A", "2024-01-10 11:00")
    report = sync(engine, store)
    assert report.moved == 2
    assert stored(engine, store) == [
        ("2024-01-10", "s1", "A"), ("2024-01-10", "s1", "B"), ("2024-01-10", "s1", "C"),
        ("2024-01-10", "s3", "A"), ("2024-01-10", "s3", "B"),
        ("2024-01-12", "s2", "B"), ("2024-01-12", "s2", "C"),
    ]  # fmt: skip


def test_a_crash_before_the_swap_changes_nothing_and_the_next_run_cleans_up(
    engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    sync(engine, store)
    before = catalogue.read(engine)
    happened("s1", "B", "2024-01-10 13:00")

    with monkeypatch.context() as broken:
        broken.setattr(Replacement, "swap", _power_cut)
        with pytest.raises(PowerCut):
            sync(engine, store)
    assert catalogue.read(engine).files == before.files
    assert len(set(store.paths())) == 2

    sync(engine, store)
    assert stored(engine, store) == [("2024-01-10", "s1", "A"), ("2024-01-10", "s1", "B")]
    assert len(set(store.paths())) == 2  # the live file, and the one that readers may still hold


def test_a_superseded_file_is_deleted_when_no_reader_needs_it(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    sync(engine, store)
    happened("s1", "B", "2024-01-10 13:00")
    sync(engine, store)
    assert len(set(store.paths())) == 2
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE onward.event_partition SET superseded_at = superseded_at - interval '1 day'")
        )
    happened("s1", "C", "2024-01-10 14:00")
    sync(engine, store)
    live = {file.path for file in catalogue.read(engine).files}
    assert len(set(store.paths()) - live) == 1  # superseded a moment ago


def test_other_peoples_files_in_the_folder_stay(engine: Engine, happened: Happened, tmp_path: Path) -> None:
    theirs = [
        tmp_path / name
        for name in (
            "sales.parquet",
            "day=2024-01-10/sales.parquet",
            "deep/day=2024-01-10/" + "a" * 32 + ".parquet",
        )
    ]
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs")
    ours = tmp_path / "day=2024-01-10" / ("0" * 32 + ".parquet")
    ours.write_text("left behind by a crash")
    happened("s1", "A", "2024-01-10 12:00")
    sync(engine, EventStore.at(str(tmp_path)), rebuild=True)
    assert [path.read_text() for path in theirs] == ["theirs"] * 3
    assert not ours.exists()


def test_who_does_not_wait_leaves_a_running_sync_alone(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    with engine.connect() as running:
        catalogue.lock(running)
        assert sync(engine, store, wait=False) is None
        catalogue.unlock(running)
    report = sync(engine, store, wait=False)
    assert report is not None
    assert report.events == 1


def test_rebuild_gives_what_the_increments_gave(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    for step, name in enumerate("ABC"):
        for number in range(6):
            happened(
                f"s{number}", name, f"2024-01-{12 - (step * number) % 3:02} 12:00", number=number, step=name
            )
        sync(engine, store)
    tables = contents(engine, store)
    sync(engine, store, rebuild=True)
    assert contents(engine, store) == tables
    assert sum(len(rows) for rows in tables.values()) == 18


def test_a_full_file_sends_further_sessions_of_its_day_to_another(
    engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ROWS_PER_FILE", 2)
    for number in range(4):
        happened(f"s{number}", "A", "2024-01-10 12:00")
    sync(engine, store)
    happened("s0", "B", "2024-01-10 13:00")
    happened("s9", "A", "2024-01-10 14:00")
    sync(engine, store)
    files = [(file.part, file.rows) for file in catalogue.read(engine).files]
    assert files == [(0, 3), (1, 2), (2, 1)]
    assert len(stored(engine, store)) == 6


def test_property_values_keep_their_text_and_empty_ones_are_missing(
    engine: Engine, store: EventStore, happened: Happened
) -> None:
    happened("s1", "A", "2024-01-10 12:00", count=7, paid=True, note="", none=None, plan="pro 'x' %")
    sync(engine, store)
    (file,) = catalogue.read(engine).files
    row = store.read(file.path).to_pylist()[0]
    assert {key: row.get(key) for key in ("p.count", "p.paid", "p.plan", "p.note", "p.none")} == {
        "p.count": "7", "p.paid": "true", "p.plan": "pro 'x' %", "p.note": None, "p.none": None,
    }  # fmt: skip


def test_rows_lie_by_session_time_and_number(engine: Engine, store: EventStore, happened: Happened) -> None:
    happened("b", "2", "2024-01-10 13:00")
    happened("a", "1", "2024-01-10 14:00")
    happened("b", "1", "2024-01-10 12:00")
    sync(engine, store)
    (file,) = catalogue.read(engine).files
    table = store.read(file.path)
    assert table.select(["session", "session_id", "name"]).to_pylist() == [
        {"session": 0, "session_id": "a", "name": "1"},
        {"session": 1, "session_id": "b", "name": "1"},
        {"session": 1, "session_id": "b", "name": "2"},
    ]
    assert file.sessions == 2


def test_a_damaged_file_says_what_to_do(engine: Engine, store: EventStore, happened: Happened) -> None:
    happened("s1", "A", "2024-01-10 12:00")
    sync(engine, store)
    (file,) = catalogue.read(engine).files
    store._filesystem.open_output_stream(store._full(file.path)).close()
    with pytest.raises(StoreUnavailable, match="sync --rebuild"):
        store.partition(file.path)


class PowerCut(Exception):
    pass


def _power_cut(*_: Any) -> None:
    raise PowerCut


def contents(engine: Engine, store: EventStore) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file in catalogue.read(engine).files:
        rows = store.read(file.path).to_pylist()
        found.setdefault(file.day.isoformat(), []).extend(
            {key: value for key, value in row.items() if value is not None} for row in rows
        )
    return found


def test_the_profile_tells_session_dimensions_from_event_properties() -> None:
    profile = columns.profile(
        table(
            [at(0, "a", "A", plan="pro", page="1"), at(1, "a", "B", page="2"), at(0, "b", "A", plan="free")]
        )
    )
    assert profile["names"] == {"A": 2, "B": 1}
    assert profile["newest_ms"] == {"A": to_ms(START), "B": to_ms(START) + 1_000}
    assert profile["dimensions"]["plan"] == {
        "sessions": 2, "varying": 0, "values": 2, "top": {"pro": 1, "free": 1},
    }  # fmt: skip
    assert profile["dimensions"]["page"]["varying"] == 1
