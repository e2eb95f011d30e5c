"""Takes whole sessions out of everything that holds events: the event table, the day files, what waits.

The files without them are written aside; then one transaction deletes the events and swaps the files. A crash
before it leaves everything as it was, and one after it files that nobody lists. Whoever removes holds the
lock of the catalogue. An event that arrives afterwards is a new one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import ARRAY, Connection, Engine, Text, TextClause, bindparam, text

from analytics import catalogue, columns, day_files
from analytics.day_files import Place, Replacement
from analytics.store import EventStore


def _of_sessions(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("sessions", type_=ARRAY(Text)))


_HELD = _of_sessions("""
    SELECT count(DISTINCT session_id), count(*), count(waiting.id)
    FROM onward.event LEFT JOIN onward.event_waiting waiting USING (id)
    WHERE session_id = ANY(:sessions)
""")
_DELETE_WAITING = _of_sessions("""
    DELETE FROM onward.event_waiting
    WHERE id IN (SELECT id FROM onward.event WHERE session_id = ANY(:sessions))
""")
_DELETE_EVENTS = _of_sessions("""
    WITH gone AS (DELETE FROM onward.event WHERE session_id = ANY(:sessions) RETURNING session_id)
    SELECT count(DISTINCT session_id), count(*) FROM gone
""")
_DELETE_PLACES = _of_sessions("DELETE FROM onward.event_session WHERE session_id = ANY(:sessions)")


@dataclass(frozen=True, slots=True)
class Removed:
    sessions: int = 0
    events: int = 0  #: from the event table
    waiting: int = 0  #: those of them from the future, which were in no file
    files: int = 0  #: written anew without these sessions, or deleted because they held no others

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            self.sessions + other.sessions,
            self.events + other.events,
            self.waiting + other.waiting,
            self.files + other.files,
        )

    def __bool__(self) -> bool:
        return self != Removed()


def removable(connection: Connection, engine: Engine, session_ids: Sequence[str]) -> Removed:
    """What `remove` would take out."""
    with connection.begin():
        sessions, events, waiting = connection.execute(_HELD, {"sessions": session_ids}).one()
    return Removed(sessions, events, waiting, len(catalogue.places(engine, session_ids)))


def remove(
    connection: Connection,
    engine: Engine,
    store: EventStore,
    session_ids: Sequence[str],
    note: Callable[[Connection, Removed], None] | None = None,
) -> Removed:
    """Take these sessions out, and raise the version of the store.

    `note` may write down what was removed, in the same transaction. The files of before stay on disk until a
    sweep. Memory holds one file at a time.
    """
    live = {(file.day, file.part): file for file in catalogue.read(engine).files}
    replacement = Replacement()
    for place, gone in catalogue.places(engine, session_ids).items():
        _put_without(store, replacement, place, day_files.remaining(store, live.get(place), gone))
    with connection.begin():
        waiting = connection.execute(_DELETE_WAITING, {"sessions": session_ids}).rowcount
        sessions, events = connection.execute(_DELETE_EVENTS, {"sessions": session_ids}).one()
        connection.execute(_DELETE_PLACES, {"sessions": session_ids})
        replacement.swap(connection, live)
        removed = Removed(sessions, events, waiting, len(replacement))
        if removed:
            catalogue.raise_version(connection)
            if note is not None:
                note(connection, removed)
    return removed


def _put_without(store: EventStore, replacement: Replacement, place: Place, rest: pa.Table | None) -> None:
    if rest is not None:
        replacement.put(store, place, columns.sealed(columns.FRESH.empty_table(), rest))
