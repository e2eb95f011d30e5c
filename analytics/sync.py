"""Brings new events from PostgreSQL into day files, each exactly once.

One run takes the events of all transactions from the watermark up to the oldest one still running, works
out where their sessions lie, writes every file that changes anew, and then, in one transaction, swaps
the list of files and moves the watermark. A crash before that transaction leaves files that nobody lists;
the next run sweeps them. A session lives whole in one file: when an earlier event moves its start to an
earlier day, all its rows move.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any, Literal, overload

import pyarrow as pa
from sqlalchemy import Connection, Engine

from analytics import catalogue, columns, pending
from analytics.catalogue import StoredFile
from analytics.store import EventStore

Place = tuple[dt.date, int]


@dataclass(frozen=True, slots=True)
class SyncReport:
    events: int  #: new events taken in
    sessions: int  #: sessions that they belong to
    files: int  #: files written
    moved: int  #: sessions whose start moved to an earlier day
    version: int  #: of the store, afterwards
    seconds: float


@overload
def sync(
    engine: Engine, store: EventStore, *, rebuild: bool = False, wait: Literal[True] = True
) -> SyncReport: ...


@overload
def sync(engine: Engine, store: EventStore, *, rebuild: bool = False, wait: bool) -> SyncReport | None: ...


def sync(engine: Engine, store: EventStore, *, rebuild: bool = False, wait: bool = True) -> SyncReport | None:
    """Take in what is new; with `rebuild`, write every file again from PostgreSQL alone.

    One sync runs at a time: this one waits its turn, or with `wait=False` does nothing and returns None.
    Readers see the files of before until the last moment, then all of the new ones.
    """
    with engine.connect() as connection:
        if wait:
            catalogue.lock(connection)
        elif not catalogue.try_lock(connection):
            return None
        try:
            return _sync_alone(engine, connection, store, rebuild)
        finally:
            connection.rollback()
            catalogue.unlock(connection)


def _sync_alone(engine: Engine, connection: Connection, store: EventStore, rebuild: bool) -> SyncReport:
    started = time.monotonic()
    span, found = _stage(connection, rebuild)
    written: list[dict[str, Any]] = []
    emptied: list[Place] = []
    live: dict[Place, StoredFile] = {}
    if found or rebuild:
        _sweep(connection, store)
        if not rebuild:
            live = {(file.day, file.part): file for file in catalogue.read(engine).files}
        written, emptied = _write_files(engine, connection, store, span, live)
    with connection.begin():
        _swap(connection, written, emptied, live, rebuild)
        pending.settle(connection, rebuild=rebuild)
        catalogue.advance(connection, span.limit, changed=bool(written or emptied or rebuild))
    return SyncReport(
        events=found.events,
        sessions=found.sessions,
        files=len(written),
        moved=found.moved,
        version=catalogue.state(engine).version,
        seconds=time.monotonic() - started,
    )


def _sweep(connection: Connection, store: EventStore) -> None:
    """Delete files that no list names. We hold the lock, so nobody is writing one."""
    with connection.begin():
        for path in catalogue.forget_superseded(connection):
            store.delete(path)
        listed = catalogue.listed_paths(connection)
    for path in store.paths():
        if path not in listed:
            store.delete(path)


def _stage(connection: Connection, rebuild: bool) -> tuple[pending.Span, pending.Found]:
    with connection.begin():
        since = "0" if rebuild else catalogue.watermark(connection)
        span = pending.Span(since, catalogue.safe_limit(connection))
        return span, pending.stage(connection, span, rebuild=rebuild)


def _write_files(
    engine: Engine,
    connection: Connection,
    store: EventStore,
    span: pending.Span,
    live: dict[Place, StoredFile],
) -> tuple[list[dict[str, Any]], list[Place]]:
    """Write every place that gains or loses rows: the new catalogue rows, and the emptied places."""
    leaving = pending.leaving(connection)
    keys = pending.property_keys(connection, span)
    connection.rollback()
    written: list[dict[str, Any]] = []
    for place, fresh in pending.by_place(engine, span, keys):
        before = _remaining(store, live.get(place), leaving.pop(place, []))
        written.append(_written(store, place, columns.sealed(fresh, before)))
    emptied: list[Place] = []
    for place, gone in leaving.items():
        remaining = _remaining(store, live.get(place), gone)
        if remaining is None or not len(remaining):
            emptied.append(place)
        else:
            written.append(_written(store, place, columns.sealed(columns.FRESH.empty_table(), remaining)))
    return written, emptied


def _remaining(store: EventStore, file: StoredFile | None, gone: list[str]) -> pa.Table | None:
    if file is None:
        return None
    table = store.read(file.path)
    return columns.without_sessions(table, gone) if gone else table


def _written(store: EventStore, place: Place, table: pa.Table) -> dict[str, Any]:
    day, part = place
    times = table["at_ms"].to_numpy()
    return {
        "path": store.write(day, table),
        "day": day,
        "part": part,
        "rows": len(table),
        "sessions": table["session"][-1].as_py() + 1,
        "first_ms": int(times.min()),
        "last_ms": int(times.max()),
        "profile": columns.profile(table),
    }


def _swap(
    connection: Connection,
    written: list[dict[str, Any]],
    emptied: list[Place],
    live: dict[Place, StoredFile],
    rebuild: bool,
) -> None:
    if rebuild:
        catalogue.supersede_all(connection)
    replaced = {(row["day"], row["part"]) for row in written} | set(emptied)
    catalogue.supersede(connection, [live[place].path for place in replaced & live.keys()])
    catalogue.add(connection, written)
