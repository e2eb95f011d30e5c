"""The live list of day files, the watermark, and what changes them: every query on those tables.

Everything here runs in the caller's transaction. The watermark is a transaction id, not an event id:
ids commit out of order, and a reader that trusts them skips rows.
"""

import datetime as dt
from collections.abc import Sequence
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

from analytics.tables import event_partition, event_sync

_LOCK = 0x6F6E7779
_ADVANCE = text("""
    INSERT INTO onward.event_sync (id, watermark, version, synced_at)
    VALUES (1, CAST(:limit AS xid8), :step, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET watermark = excluded.watermark,
        version = event_sync.version + excluded.version, synced_at = excluded.synced_at
""")
#: A superseded file stays this long for readers that hold the list of before.
SWEEP_AFTER = dt.timedelta(minutes=10)


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


def state(engine: Engine) -> StoreState:
    """The version alone: what one needs to know whether an answer still holds."""
    with engine.connect() as connection:
        row = connection.execute(select(event_sync.c.version, event_sync.c.synced_at)).one_or_none()
    return StoreState(*row) if row else StoreState(0, None)


def read(engine: Engine) -> Catalogue:
    """The live files, by day and part, with the version they belong to."""
    live = (
        select(*[event_partition.c[name] for name in StoredFile.__slots__])
        .where(event_partition.c.superseded_at.is_(None))
        .order_by(event_partition.c.day, event_partition.c.part)
    )
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        sync = connection.execute(select(event_sync)).one_or_none()
        files = tuple(StoredFile(*row) for row in connection.execute(live))
    return Catalogue(sync.version, sync.synced_at, files) if sync else Catalogue(0, None, files)


def profiles(engine: Engine) -> list[dict[str, Any]]:
    """What every live file says of its names and properties (see columns.profile)."""
    query = select(event_partition.c.profile).where(event_partition.c.superseded_at.is_(None))
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


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


def watermark(connection: Connection) -> str:
    """Everything below is in the files; "0" before the first sync."""
    query = text("SELECT watermark::text FROM onward.event_sync")
    return str(connection.execute(query).scalar_one_or_none() or "0")


def safe_limit(connection: Connection) -> str:
    """Below this transaction id everything has ended: committed for good, or never to be seen."""
    query = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
    return str(connection.execute(query).scalar_one())


def advance(connection: Connection, limit: str, *, changed: bool) -> None:
    connection.execute(_ADVANCE, {"limit": limit, "step": int(changed)})


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


def forget_superseded(connection: Connection) -> list[str]:
    """Drop the rows of files that no reader needs any more, and return their paths."""
    old = event_partition.c.superseded_at < func.now() - SWEEP_AFTER
    return list(
        connection.execute(delete(event_partition).where(old).returning(event_partition.c.path)).scalars()
    )
