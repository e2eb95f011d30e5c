"""Day files being replaced: written aside, then put on the list and taken off it, then swept.

All of it under the lock of the catalogue, so nobody else writes or sweeps meanwhile.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from analytics import catalogue, columns
from analytics.catalogue import StoredFile
from analytics.errors import StoreUnavailable
from analytics.store import EventStore

Place = tuple[dt.date, int]
Live = dict[Place, StoredFile]
#: A superseded file stays this long for readers that hold the list of before.
SWEEP_AFTER = dt.timedelta(minutes=10)


@dataclass(slots=True)
class Replacement:
    """The catalogue rows of files written aside, and the places that are left without a file."""

    written: list[dict[str, Any]] = field(default_factory=list)
    emptied: list[Place] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.written) + len(self.emptied)

    def put(self, store: EventStore, place: Place, table: pa.Table) -> None:
        """Write the sorted `table` as the new file of `place`; without rows the place is emptied."""
        if len(table):
            self.written.append(_written(store, place, table))
        else:
            self.emptied.append(place)

    def swap(self, connection: Connection, live: Live) -> None:
        """List the new files instead of those of before; part of the transaction that makes them count."""
        replaced = {(row["day"], row["part"]) for row in self.written} | set(self.emptied)
        catalogue.supersede(connection, [live[place].path for place in replaced & live.keys()])
        catalogue.add(connection, self.written)


def remaining(store: EventStore, file: StoredFile | None, gone: list[str]) -> pa.Table | None:
    """The rows of a live file without some sessions; None without a file."""
    if file is None:
        return None
    try:
        table = store.read(file.path)
    except FileNotFoundError as error:
        raise StoreUnavailable(
            f"the event file {file.path} is gone; `python -m analytics sync --rebuild` writes all files again"
        ) from error
    return columns.without_sessions(table, gone) if gone else table


def sweep(connection: Connection, store: EventStore, after: dt.timedelta = SWEEP_AFTER) -> None:
    """Delete the files that no list names, and those superseded longer than `after` ago."""
    with connection.begin():
        forgotten = catalogue.forget_superseded(connection, after)
        listed = catalogue.listed_paths(connection)
    for path in {*forgotten, *store.paths()} - listed:
        store.delete(path)


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
