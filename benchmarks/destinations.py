"""Where generated events go: day files as a sync leaves them, the `event` table, or one CSV file.

A destination takes whole days, each once, and may be sent to another process to do so. `finish` makes what
was taken count.
"""

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sqlalchemy import make_url

from analytics import catalogue, columns, day_files, watermark
from analytics.columns import PROPERTY_PREFIX
from analytics.day_files import Replacement
from analytics.store import EventStore
from infra.database import open_engine

_COPY = """
    COPY onward.event (id, session_id, name, occurred_at, client_id, user_id, properties)
    FROM STDIN (FORMAT csv)
"""


class Destination(Protocol):
    @property
    def parallel(self) -> bool:
        """Whether several processes may take days at once."""

    def begin(self) -> None: ...

    def take(self, day: dt.date, events: pa.Table, /) -> dict[str, Any] | None:
        """Write a day; its row for the catalogue, where there is one."""

    def finish(self, taken: Sequence[dict[str, Any]], /) -> None: ...


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """Day files, and the catalogue that names them, written by what a sync writes them with.

    What the store held before is gone afterwards. The places of sessions are not remembered, so a sync must
    not take in later events of the same sessions.
    """

    location: str
    database_url: str
    parallel: bool = True

    def begin(self) -> None:
        """Files of before stay readable until the new ones count."""

    def take(self, day: dt.date, events: pa.Table) -> dict[str, Any]:
        """Write the file of the day; its row for the catalogue."""
        written = Replacement()
        written.put(EventStore.at(self.location), (day, 0), columns.sealed(events))
        return written.written[0]

    def finish(self, taken: Sequence[dict[str, Any]]) -> None:
        engine, store = open_engine(self.database_url), EventStore.at(self.location)
        with engine.connect() as connection:
            store.claim(catalogue.installation(connection))
            with connection.begin():
                limit = watermark.safe_limit(connection)
                catalogue.supersede_all(connection)
                catalogue.add(connection, taken)
                catalogue.advance(connection, limit, dt.datetime.now(dt.UTC), changed=True)
            day_files.sweep(connection, store, after=dt.timedelta(0))
        engine.dispose()


@dataclass(frozen=True, slots=True)
class EventTable:
    """Rows of onward.event, as its writers leave them; a sync takes them from there. What is there stays."""

    database_url: str
    parallel: bool = True

    def begin(self) -> None:
        """The table is there already."""

    def take(self, _day: dt.date, events: pa.Table) -> None:
        with (
            psycopg.connect(_dsn(self.database_url)) as connection,
            connection.cursor() as cursor,
            cursor.copy(_COPY) as copy,
        ):
            copy.write(_csv_bytes(_rows_of_event(events), header=False))

    def finish(self, _taken: Sequence[dict[str, Any]]) -> None:
        with psycopg.connect(_dsn(self.database_url), autocommit=True) as connection:
            connection.execute("ANALYZE onward.event")


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One file for `python -m analytics import`, a column per property; days follow one another."""

    path: Path
    parallel: bool = False

    def begin(self) -> None:
        self.path.unlink(missing_ok=True)

    def take(self, _day: dt.date, events: pa.Table) -> None:
        rows = _plain(events)
        named = rows.drop(["at_ms", "id"]).append_column("occurred_at", _moments(rows["at_ms"]))
        header = not self.path.exists()
        with self.path.open("ab") as file:
            file.write(
                _csv_bytes(
                    named.rename_columns([columns.property_of(name) for name in named.column_names]),
                    header=header,
                )
            )

    def finish(self, _taken: Sequence[dict[str, Any]]) -> None:
        """Each day was written whole."""


def _rows_of_event(events: pa.Table) -> pa.Table:
    rows = _plain(events)
    return pa.table(
        {
            "id": pa.array([value.hex() for value in rows["id"].to_pylist()]),
            "session_id": rows["session_id"],
            "name": rows["name"],
            "occurred_at": _moments(rows["at_ms"]),
            "client_id": rows["client_id"],
            "user_id": rows["user_id"],
            "properties": _json(rows),
        }
    )


def _json(rows: pa.Table) -> pa.ChunkedArray:
    """One JSON object a row of the properties that it has. The invented values need no escaping."""
    members = [
        pc.binary_join_element_wise(f'"{columns.property_of(name)}":"', rows[name], '"', "")
        for name in rows.column_names
        if name.startswith(PROPERTY_PREFIX)
    ]
    joined = pc.binary_join_element_wise(*members, ",", null_handling="skip")
    return pc.binary_join_element_wise("{", joined, "}", "")


def _plain(events: pa.Table) -> pa.Table:
    return pa.table(
        {
            name: events[name].cast(pa.string())
            if pa.types.is_dictionary(events[name].type)
            else events[name]
            for name in events.column_names
        }
    )


def _moments(at_ms: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.strftime(at_ms.cast(pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%SZ")


def _csv_bytes(rows: pa.Table, *, header: bool) -> bytes:
    sink = io.BytesIO()
    csv.write_csv(rows, sink, csv.WriteOptions(include_header=header))
    return sink.getvalue()


def _dsn(database_url: str) -> str:
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
