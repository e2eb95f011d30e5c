"""Brings new events from PostgreSQL into day files, each exactly once.

One run takes the events of all transactions from the watermark up to the oldest one still running, works
out where their sessions lie, writes every file that changes anew, and then, in one transaction, swaps
the list of files and moves the watermark. A crash before that transaction leaves files that nobody lists;
the next run sweeps them. A session lives whole in one file: when an earlier event moves its start to an
earlier day, all its rows move. An event from the future waits in PostgreSQL until its time comes.
"""

import datetime as dt
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, overload

import pyarrow as pa
from sqlalchemy import Connection, Engine

from analytics import catalogue, columns, day_files, pending, watermark
from analytics.day_files import Live, Place, Replacement
from analytics.store import EventStore

#: The clocks of most devices are right to within minutes. Later than this in the future is a broken clock.
CLOCK_TOLERANCE = dt.timedelta(minutes=5)
#: Files written beside each other while the next events are read.
_WRITERS = 2
#: Places whose events are held in memory at most, read but not yet written.
_MOST_HELD = 4


@dataclass(frozen=True, slots=True)
class SyncReport:
    events: int  #: new events taken in
    sessions: int  #: sessions that they belong to
    files: int  #: files written
    moved: int  #: sessions whose start moved to an earlier day
    future: int  #: events kept apart in this run because their time has not come
    version: int  #: of the store, afterwards
    seconds: float


@overload
def sync(
    engine: Engine,
    store: EventStore,
    *,
    rebuild: bool = False,
    wait: Literal[True] = True,
    now: dt.datetime | None = None,
) -> SyncReport: ...


@overload
def sync(
    engine: Engine, store: EventStore, *, rebuild: bool = False, wait: bool, now: dt.datetime | None = None
) -> SyncReport | None: ...


def sync(
    engine: Engine,
    store: EventStore,
    *,
    rebuild: bool = False,
    wait: bool = True,
    now: dt.datetime | None = None,
) -> SyncReport | None:
    """Take in what is new; with `rebuild`, write every file again from PostgreSQL alone.

    Events later than `now`, the clock unless given, and CLOCK_TOLERANCE wait. One sync runs at a time: this
    one waits its turn, or with `wait=False` does nothing and returns None. Readers see the files of before
    until the last moment, then all of the new ones. Raises ForeignStore when the store is another's.
    """
    with catalogue.locked(engine) if wait else catalogue.locked_if_free(engine) as connection:
        if connection is None:
            return None
        horizon = (now or dt.datetime.now(dt.UTC)) + CLOCK_TOLERANCE
        return _sync_alone(engine, connection, store, horizon, rebuild)


def _sync_alone(
    engine: Engine, connection: Connection, store: EventStore, horizon: dt.datetime, rebuild: bool
) -> SyncReport:
    started = time.monotonic()
    store.claim(catalogue.installation(connection))
    span, found = _stage(connection, horizon, rebuild)
    live: Live = {}
    replacement = Replacement()
    if found or rebuild:
        day_files.sweep(connection, store)
        if not rebuild:
            live = {(file.day, file.part): file for file in catalogue.read(engine).files}
        replacement = _written(engine, connection, store, span, found, live)
    changed = bool(replacement) or rebuild
    with connection.begin():
        if rebuild:
            catalogue.supersede_all(connection)
        replacement.swap(connection, live)
        future = pending.settle(connection, span)
        catalogue.advance(connection, span.limit, span.horizon, changed=changed)
    return SyncReport(
        events=found.events,
        sessions=found.sessions,
        files=len(replacement.written),
        moved=found.moved,
        future=future,
        version=catalogue.state(engine).version,
        seconds=time.monotonic() - started,
    )


def _stage(connection: Connection, horizon: dt.datetime, rebuild: bool) -> tuple[pending.Span, pending.Found]:
    with connection.begin():
        limit = watermark.safe_limit(connection)
        since, reached = catalogue.progress(connection, horizon)
        span = pending.Span("0", limit, horizon) if rebuild else pending.Span(since, limit, reached)
        return span, pending.stage(connection, span)


def _written(
    engine: Engine,
    connection: Connection,
    store: EventStore,
    span: pending.Span,
    found: pending.Found,
    live: Live,
) -> Replacement:
    """Write every place that gains or loses rows, some at a time while the next are read."""
    with connection.begin():
        leaving = pending.leaving(connection)
    replacement = Replacement()

    def put(place: Place, fresh: pa.Table, gone: list[str]) -> None:
        before = day_files.remaining(store, live.get(place), gone)
        replacement.put(store, place, columns.sealed(fresh, before))

    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="sync") as threads:
        held: deque[Future[None]] = deque()
        for place, fresh in pending.by_place(engine, span, found):
            held.append(threads.submit(put, place, fresh, leaving.pop(place, [])))
            if len(held) == _MOST_HELD:
                held.popleft().result()
        for done in held:
            done.result()
    for place, gone in leaving.items():
        put(place, columns.FRESH.empty_table(), gone)
    return replacement
