"""The live list of day files, the watermark, and what changes them: every query on those tables.

Everything here runs in the caller's transaction. The watermark is a transaction id, not an event id:
ids commit out of order, and a reader that trusts them skips rows.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Connection,
    Engine,
    Text,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from analytics.tables import event_partition, event_session, event_sync, event_waiting

_LOCK = 0x6F6E7779
_PROGRESS = text("SELECT watermark::text, greatest(horizon, :horizon) FROM onward.event_sync")
_ADVANCE = text("""
    UPDATE onward.event_sync SET watermark = CAST(:limit AS xid8), horizon = :horizon,
        version = version + :step, synced_at = clock_timestamp()
""")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A live file of the store."""

    path: str
    day: dt.date  #: UTC day on which its sessions start
    part: int  #: files of one day are numbered from 0
    rows: int
    sessions: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The files that counted at one moment."""

    version: int  #: rises with every change
    synced_at: dt.datetime | None
    files: tuple[StoredFile, ...]

    @property
    def newest_event(self) -> dt.datetime | None:
        newest = max((file.last_ms for file in self.files), default=None)
        return None if newest is None else dt.datetime.fromtimestamp(newest / 1000, dt.UTC)


@dataclass(frozen=True, slots=True)
class StoreState:
    version: int
    synced_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events from the future, by the clock of the sync: kept in PostgreSQL, and in no file yet."""

    events: int
    next_at: dt.datetime | None  #: when the first of them occurs


def state(engine: Engine) -> StoreState:
    """The version alone: what one needs to know whether an answer still holds."""
    query = select(event_sync.c.version, event_sync.c.synced_at)
    # Asked for every cached answer: without a transaction around it, it is one round trip and not three.
    with engine.connect() as connection:
        row = connection.execution_options(isolation_level="AUTOCOMMIT").execute(query).one_or_none()
    return StoreState(*row) if row else StoreState(0, None)


def read(engine: Engine) -> Catalogue:
    """The live files, by day and part, with the version they belong to."""
    live = (
        select(*[event_partition.c[name] for name in StoredFile.__slots__])
        .where(event_partition.c.superseded_at.is_(None))
        .order_by(event_partition.c.day, event_partition.c.part)
    )
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        sync = connection.execute(select(event_sync.c.version, event_sync.c.synced_at)).one_or_none()
        files = tuple(StoredFile(*row) for row in connection.execute(live))
    return Catalogue(sync.version, sync.synced_at, files) if sync else Catalogue(0, None, files)


def waiting(engine: Engine) -> Waiting:
    """How many events wait for their time to come: a sign of clocks that run ahead."""
    query = select(func.count(), func.min(event_waiting.c.occurred_at))
    with engine.connect() as connection:
        return Waiting(*connection.execute(query).one())


def profiles(engine: Engine) -> list[dict[str, Any]]:
    """What every live file says of its names and properties (see columns.profile), by day and part."""
    query = (
        select(event_partition.c.profile)
        .where(event_partition.c.superseded_at.is_(None))
        .order_by(event_partition.c.day, event_partition.c.part)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def places(engine: Engine, session_ids: Sequence[str]) -> dict[tuple[dt.date, int], list[str]]:
    """In which (day, part) each of these sessions lies; those in no file are left out."""
    known = event_session.c
    query = (
        select(known.day, known.part, func.array_agg(known.session_id))
        .where(known.session_id == any_(bindparam("ids", list(session_ids), ARRAY(Text))))
        .group_by(known.day, known.part)
    )
    with engine.connect() as connection:
        return {(day, part): ids for day, part, ids in connection.execute(query)}


@contextmanager
def locked(engine: Engine) -> Iterator[Connection]:
    """A connection while nobody else changes the store, after waiting for whoever does."""
    with engine.connect() as connection:
        lock(connection)
        yield from _until_unlocked(connection)


@contextmanager
def locked_if_free(engine: Engine) -> Iterator[Connection | None]:
    """As `locked`, but None at once when somebody else changes the store now."""
    with engine.connect() as connection:
        if try_lock(connection):
            yield from _until_unlocked(connection)
        else:
            yield None


def _until_unlocked(connection: Connection) -> Iterator[Connection]:
    try:
        yield connection
    finally:
        connection.rollback()
        unlock(connection)


def lock(connection: Connection) -> None:
    """Wait until no other sync runs; held until `unlock` or the end of the connection."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.commit()


def try_lock(connection: Connection) -> bool:
    """As `lock`, unless another sync runs: then False, at once."""
    taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar_one()
    connection.commit()
    return bool(taken)


def unlock(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
    connection.commit()


def installation(connection: Connection) -> str:
    """The id of this installation, made when first asked for."""
    connection.execute(
        postgresql_insert(event_sync).values(id=1, watermark="0", version=0).on_conflict_do_nothing()
    )
    found = connection.execute(select(event_sync.c.installation)).scalar_one()
    connection.commit()
    return str(found)


def progress(connection: Connection, horizon: dt.datetime) -> tuple[str, dt.datetime]:
    """The watermark, "0" before the first sync, and `horizon`, or the one reached before if it is later."""
    watermark, reached = connection.execute(_PROGRESS, {"horizon": horizon}).one()
    return str(watermark), reached


def advance(connection: Connection, limit: str, horizon: dt.datetime, *, changed: bool) -> None:
    """The live files now hold every event of transactions below `limit` that occurred up to `horizon`."""
    connection.execute(_ADVANCE, {"limit": limit, "horizon": horizon, "step": int(changed)})


def raise_version(connection: Connection) -> None:
    """What was computed before holds no longer."""
    connection.execute(update(event_sync).values(version=event_sync.c.version + 1))


def supersede(connection: Connection, paths: Sequence[str]) -> None:
    """Take these files off the list."""
    connection.execute(
        update(event_partition)
        .values(superseded_at=func.clock_timestamp())
        .where(event_partition.c.path == any_(bindparam("paths", list(paths), ARRAY(Text))))
    )


def supersede_all(connection: Connection) -> None:
    connection.execute(
        update(event_partition)
        .values(superseded_at=func.clock_timestamp())
        .where(event_partition.c.superseded_at.is_(None))
    )


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(event_partition), rows)


def listed_paths(connection: Connection) -> set[str]:
    return set(connection.execute(select(event_partition.c.path)).scalars())


def forget_superseded(connection: Connection, after: dt.timedelta) -> list[str]:
    """Drop the rows of files superseded longer than `after` ago, and return their paths."""
    old = event_partition.c.superseded_at <= func.clock_timestamp() - after
    return list(
        connection.execute(delete(event_partition).where(old).returning(event_partition.c.path)).scalars()
    )
