"""Every committed event is in the files exactly once: writers that overlap, syncs that are killed."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, Engine, make_url, text

from analytics import catalogue, record
from analytics.store import EventStore
from analytics.sync import sync

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
NOON = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KILLS = 25
#: Forks a process that syncs until it is killed, and another when it was; each says its id first.
LOOPS = """
import os, sys
from sqlalchemy import create_engine
from analytics.store import EventStore
from analytics.sync import sync
for _ in range(int(sys.argv[3])):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    print(os.getpid(), flush=True)
    engine, store = create_engine(sys.argv[1]), EventStore.at(sys.argv[2])
    while True:
        sync(engine, store)
"""


def stored_ids(engine: Engine, store: EventStore) -> Counter[UUID]:
    return Counter(
        UUID(bytes=event_id)
        for file in catalogue.read(engine).files
        for event_id in store.read(file.path, ["id"])["id"].to_pylist()
    )


def recorded_ids(engine: Engine) -> Counter[UUID]:
    with engine.connect() as connection:
        return Counter(connection.execute(text("SELECT id FROM onward.event")).scalars())


def sessions_by_file(engine: Engine, store: EventStore) -> Counter[str]:
    """In how many live files each session lies."""
    return Counter(
        session_id
        for file in catalogue.read(engine).files
        for session_id in set(store.read(file.path, ["session_id"])["session_id"].to_pylist())
    )


class Writer(threading.Thread):
    """Transactions of a few events that stay open for a while; every third is rolled back."""

    def __init__(self, engine: Engine, seed: int, stop: threading.Event) -> None:
        super().__init__()
        self._engine, self._random, self._stop_asked = engine, random.Random(seed), stop
        self.committed: list[UUID] = []

    def run(self) -> None:
        turn = 0
        while not self._stop_asked.is_set():
            turn += 1
            with self._engine.connect() as connection:
                ids = [self._write(connection) for _ in range(self._random.randint(1, 4))]
                self._stop_asked.wait(self._random.uniform(0, 0.15))
                if turn % 3:
                    connection.commit()
                    self.committed += ids

    def _write(self, connection: Any) -> UUID:
        with connection.begin_nested():
            return record(
                connection,
                session_id=f"s{self._random.randrange(12)}",
                name="A",
                occurred_at=NOON - self._random.randrange(6) * DAY,
            )


def test_overlapping_writers_leave_each_committed_event_once(engine: Engine, store: EventStore) -> None:
    stop = threading.Event()
    writers = [Writer(engine, seed, stop) for seed in range(4)]
    for writer in writers:
        writer.start()
    try:
        syncs = [sync(engine, store) for _ in range(25)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    syncs.append(sync(engine, store))

    committed = Counter(event_id for writer in writers for event_id in writer.committed)
    assert len(committed) > 50
    assert sum(report.events > 0 for report in syncs) > 5, "the syncs found nothing to overlap with"
    assert sum(report.moved for report in syncs) > 0
    assert stored_ids(engine, store) == committed
    assert sum(report.events for report in syncs) == len(committed)
    assert set(sessions_by_file(engine, store).values()) == {1}


def test_a_transaction_that_began_first_may_commit_last(engine: Engine, store: EventStore) -> None:
    first, second, third = (engine.connect() for _ in range(3))
    with first, second, third:
        for number, connection in enumerate((first, second, third)):
            record(connection, session_id=f"s{number}", name="A", occurred_at=NOON)
        third.commit()
        assert sync(engine, store).events == 0, "the first is still running, with a lower id"
        second.rollback()
        assert sync(engine, store).events == 0
        first.commit()
    assert sync(engine, store).events == 2
    assert stored_ids(engine, store) == recorded_ids(engine)


def test_ids_are_compared_as_numbers(engine: Engine, store: EventStore) -> None:
    with engine.connect() as first, engine.connect() as second:
        begin_at_nines(engine, first)
        record(first, session_id="s9", name="A", occurred_at=NOON)
        record(second, session_id="s10", name="A", occurred_at=NOON)
        ids = [c.execute(text("SELECT pg_current_xact_id()::text")).scalar_one() for c in (first, second)]
        assert set(ids[0]) == {"9"}
        assert len(ids[1]) > len(ids[0])
        sync(engine, store)
        first.commit()
        second.commit()
    assert sync(engine, store).events == 2


def begin_at_nines(engine: Engine, connection: Connection) -> None:
    """Begin a transaction whose id is 9, 99, 999, ...; another one may take it first."""
    for _ in range(4):
        advance_to_nines(engine)
        if set(connection.execute(text("SELECT pg_current_xact_id()::text")).scalar_one()) == {"9"}:
            return
        connection.rollback()


def advance_to_nines(engine: Engine) -> None:
    """Use transaction ids up until the next one is 9, 99, 999, ..."""
    use_up = """
        DO $$ DECLARE used bigint := pg_current_xact_id()::text::bigint;
        BEGIN
            FOR id IN used + 1 .. (10 ^ length((used + 1)::text))::bigint - 2 LOOP
                COMMIT;
                PERFORM pg_current_xact_id();
            END LOOP;
        END $$
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(use_up)


def test_a_transaction_in_another_database_holds_nothing_back(
    engine: Engine, store: EventStore, happened: Happened, database_url: str
) -> None:
    other = make_url(database_url).set(drivername="postgresql", database="template1")
    with psycopg.connect(other.render_as_string(hide_password=False)) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        happened("s1", "A", "2024-01-10 12:00")
        assert sync(engine, store).events == 1
        elsewhere.rollback()


def test_a_login_without_privileges_sees_which_database_a_transaction_is_in(
    owner: Engine, owner_url: str
) -> None:
    other = make_url(owner_url).set(drivername="postgresql", database="template1")
    with psycopg.connect(other.render_as_string(hide_password=False)) as elsewhere, owner.begin() as ours:
        (xid,) = elsewhere.execute("SELECT pg_current_xact_id()::xid::text").fetchone() or ("",)
        ours.execute(text("CREATE ROLE nobody_in_particular"))
        ours.execute(text("SET LOCAL ROLE nobody_in_particular"))
        seen = ours.execute(
            text("SELECT datname FROM pg_stat_activity WHERE backend_xid::text = :xid"), {"xid": xid}
        ).scalars()
        assert list(seen) == ["template1"]
        elsewhere.rollback()
        ours.rollback()


def test_a_sync_killed_at_any_moment_loses_and_doubles_nothing(
    engine: Engine, store: EventStore, tmp_path: Path, database_url: str
) -> None:
    moments = random.Random(7)
    stop = threading.Event()
    writer = Writer(engine, 99, stop)
    writer.start()
    try:
        with loops(database_url, tmp_path / "events") as parent:
            assert parent.stdout is not None
            for number, line in enumerate(parent.stdout):
                if number % 3 == 0:
                    wait_for_a_sync(engine)
                time.sleep(moments.uniform(0.02, 0.3))
                os.kill(int(line), signal.SIGKILL)
    finally:
        stop.set()
        writer.join()
    sync(engine, store)

    assert len(writer.committed) > KILLS
    assert stored_ids(engine, store) == recorded_ids(engine) == Counter(writer.committed)
    assert set(sessions_by_file(engine, store).values()) == {1}
    sync(engine, store, rebuild=True)
    with engine.connect() as connection:
        assert set(store.paths()) == catalogue.listed_paths(connection)


def wait_for_a_sync(engine: Engine) -> None:
    """Until the version has risen: an event is written all the time, so the next sync raises it."""
    before, deadline = catalogue.state(engine).version, time.monotonic() + 30
    while catalogue.state(engine).version == before:
        assert time.monotonic() < deadline, "no sync came to its end"
        time.sleep(0.02)


def loops(url: str, folder: Path) -> "subprocess.Popen[bytes]":
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", LOOPS, url, str(folder), str(KILLS)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
