"""Stores imported events, each exactly once, however often the import runs or is killed.

The id of an event is the hash of its content and of which occurrence of that content it is in the source:
two equal rows are two events, and the same source again gives the same ids. Occurrences are counted in
PostgreSQL, in a temporary table, so memory stays flat. Batches commit one by one; what a killed import has
stored, the next run skips.
"""

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, Engine, func, insert, text, update

from analytics.errors import InvalidEvent, SourceUnusable
from analytics.importing.rejects import RejectsFile
from analytics.importing.rows import ColumnMap, EventMaker
from analytics.importing.source import Source
from analytics.imports import FAILED, FINISHED, INTERRUPTED, RUNNING
from analytics.tables import event_import

BATCH_EVENTS = 20_000
_TURN_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class ImportReport:
    events: int  #: stored now
    sessions: int  #: that the stored events belong to
    duplicates: int  #: already there
    rejected: int


@dataclass(frozen=True, slots=True)
class Progress:
    rows: int
    share: float | None  #: of the source read; None when unknown


_PREPARE = """
    SET temp_buffers = '32MB';
    SET work_mem = '32MB';
    CREATE TEMPORARY TABLE incoming (
        ordinal integer GENERATED ALWAYS AS IDENTITY, content uuid, session_id text, name text,
        occurred_at timestamptz, client_id text, user_id text, properties jsonb);
    CREATE TEMPORARY TABLE own_transaction (xid xid8 PRIMARY KEY);
    CREATE TEMPORARY TABLE repeated (content uuid PRIMARY KEY, seen bigint NOT NULL);
    CREATE TEMPORARY TABLE added_session (session_id text PRIMARY KEY);
"""

_COPY = f"COPY incoming (content, {', '.join(EventMaker.COLUMNS)}) FROM STDIN (NULL '')"

#: What happened once has its content as its id. For most batches that is all.
_STORE = text("""
    WITH added AS (
        INSERT INTO onward.event (id, session_id, name, occurred_at, client_id, user_id, properties)
        SELECT content, session_id, name, occurred_at, client_id, user_id, properties
        FROM incoming ON CONFLICT (id) DO NOTHING RETURNING session_id
    ), sessions AS (
        INSERT INTO added_session SELECT DISTINCT session_id FROM added ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM added
""")

#: For a batch with content that was there already: from this import (one more occurrence) or from an earlier
#: one (the same occurrence). What this import stored first is known by its transaction.
_STORE_REPEATED = text("""
    WITH known AS (
        SELECT content,
               coalesce(repeated.seen, (event.xid IN (SELECT xid FROM own_transaction))::integer) AS seen
        FROM (SELECT DISTINCT content FROM incoming) AS here
        JOIN onward.event ON event.id = content LEFT JOIN repeated USING (content)
    ), numbered AS (
        SELECT incoming.*, seen + row_number() OVER (PARTITION BY content ORDER BY ordinal) AS nth
        FROM incoming JOIN known USING (content)
    ), counted AS (
        INSERT INTO repeated SELECT content, max(nth) FROM numbered GROUP BY content
        ON CONFLICT (content) DO UPDATE SET seen = excluded.seen
    ), added AS (
        INSERT INTO onward.event (id, session_id, name, occurred_at, client_id, user_id, properties)
        SELECT md5(content::text || ' ' || nth)::uuid,
               session_id, name, occurred_at, client_id, user_id, properties
        FROM numbered WHERE nth > 1 ON CONFLICT (id) DO NOTHING RETURNING session_id
    ), sessions AS (
        INSERT INTO added_session SELECT DISTINCT session_id FROM added ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM added
""")

_REMEMBER_TRANSACTION = text("INSERT INTO own_transaction VALUES (pg_current_xact_id())")

_COUNT_SESSIONS = text("SELECT count(*) FROM added_session")

#: An import holds this lock, with its id, as long as it lives; who can take it knows that it died.
_ALIVE = 0x6F6E7769
_HOLD_ALIVE = text("SELECT pg_advisory_lock(:alive, hashtext(CAST(:id AS text)))")
_MARK_DEAD = text("""
    UPDATE onward.event_import SET state = 'interrupted', finished_at = progressed_at
    WHERE state = 'running' AND pg_try_advisory_xact_lock(:alive, hashtext(id::text))
""")


def import_events(
    engine: Engine,
    source: Source,
    mapping: ColumnMap,
    rejects: RejectsFile,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ImportReport:
    """Store every row of `source` that makes an event; the others go to `rejects`.

    Raises SourceUnusable when the source cannot be used; what it gave before that stays stored.
    """
    events = _events(source, EventMaker(mapping.columns(source.columns)), rejects)
    with engine.connect() as connection:
        try:
            loader = _Loader(connection, source.label)
            sessions = _load(loader, source, events, rejects, on_progress)
        finally:
            # Its temporary tables and its lock must not come back to anyone from the pool.
            connection.invalidate()
    return ImportReport(
        events=loader.added,
        sessions=sessions,
        duplicates=loader.rows - loader.added,
        rejected=rejects.count,
    )


def _load(
    loader: "_Loader",
    source: Source,
    events: Iterator[str],
    rejects: RejectsFile,
    on_progress: Callable[[Progress], None],
) -> int:
    try:
        for batch in _read_ahead(events):
            loader.store(batch, rejects.count)
            on_progress(Progress(loader.rows + rejects.count, source.share_read()))
    except SourceUnusable:
        loader.close(FAILED, rejects.count)
        raise
    except KeyboardInterrupt:
        loader.close(INTERRUPTED, rejects.count)
        raise
    return loader.close(FINISHED, rejects.count)


def _events(source: Source, maker: EventMaker, rejects: RejectsFile) -> Iterator[str]:
    for row in source.rows():
        if row.problem:
            rejects.add(row.line, row.problem, row.text or "")
            continue
        try:
            yield maker.copy_line(row)
        except InvalidEvent as error:
            shown = row.text if row.text is not None else json.dumps(dict(row.values), default=str)
            rejects.add(row.line, str(error), shown)


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let the thread that stores take its turn soon while the other computes; by default it waits 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _read_ahead(events: Iterator[str]) -> Iterator[list[str]]:
    """Batches, each read while the database stores the one before."""
    batches = _batches(events)
    with _quick_turns(), ThreadPoolExecutor(1, thread_name_prefix="import") as reader:
        coming = reader.submit(next, batches, None)
        while batch := coming.result():
            coming = reader.submit(next, batches, None)
            yield batch


def _batches(events: Iterator[str]) -> Iterator[list[str]]:
    """Full batches and the rest; of a source that fails, first what it gave before."""
    batch: list[str] = []
    try:
        for event in events:
            batch.append(event)
            if len(batch) == BATCH_EVENTS:
                yield batch
                batch = []
    except SourceUnusable:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class _Loader:
    """One import: its temporary tables, its row in `event_import`, and what it has stored."""

    def __init__(self, connection: Connection, source: str) -> None:
        self.rows = 0
        self.added = 0
        self._connection = connection
        with connection.begin():
            _raw(connection).execute(_PREPARE)
            connection.execute(_MARK_DEAD, {"alive": _ALIVE})
            self._id: UUID = connection.execute(
                insert(event_import).values(source=source, state=RUNNING).returning(event_import.c.id)
            ).scalar_one()
            connection.execute(_HOLD_ALIVE, {"alive": _ALIVE, "id": str(self._id)})

    def store(self, batch: list[str], rejected: int) -> None:
        with self._connection.begin():
            self._copy(batch)
            added = self._connection.execute(_STORE).scalar_one()
            if added < len(batch):
                added += self._connection.execute(_STORE_REPEATED).scalar_one()
            self._connection.execute(_REMEMBER_TRANSACTION)
            self.added += added
            self.rows += len(batch)
            self._note(rejected, state=RUNNING)

    def close(self, state: str, rejected: int) -> int:
        """Note how the import ended; the sessions of the events that it stored."""
        with self._connection.begin():
            self._note(rejected, state=state, finished_at=func.clock_timestamp())
            sessions: int = self._connection.execute(_COUNT_SESSIONS).scalar_one()
        return sessions

    def _copy(self, batch: list[str]) -> None:
        with _raw(self._connection).cursor() as cursor:
            cursor.execute("TRUNCATE incoming")
            with cursor.copy(_COPY) as copy:
                copy.write("".join(batch))

    def _note(self, rejected: int, **changes: object) -> None:
        self._connection.execute(
            update(event_import)
            .where(event_import.c.id == self._id)
            .values(
                rows_read=self.rows + rejected,
                accepted=self.added,
                duplicates=self.rows - self.added,
                rejected=rejected,
                progressed_at=func.clock_timestamp(),
                **changes,
            )
        )


def _raw(connection: Connection) -> "PsycopgConnection[tuple[object, ...]]":
    driver: PsycopgConnection[tuple[object, ...]] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver
