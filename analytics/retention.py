"""Keeps events for a number of days: sessions whose last event is older go, whole, from table and files.

One file after the other, each in a transaction of its own under the lock, so that syncs come in between and a
crash loses nothing. The day of a file says when its sessions started; a session that still goes on stays.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ARRAY, Connection, Engine, Text, bindparam, text

from analytics import catalogue, columns, day_files
from analytics.day_files import Place
from analytics.removal import Removed, remove
from analytics.store import EventStore

#: What PostgreSQL holds decides: an event may be too new for the files.
_OVER = text("""
    SELECT session_id FROM unnest(:sessions) AS session_id
    WHERE NOT EXISTS (
        SELECT FROM onward.event
        WHERE event.session_id = session_id.session_id AND event.occurred_at >= :cutoff)
""").bindparams(bindparam("sessions", type_=ARRAY(Text)))


def retain(engine: Engine, store: EventStore, *, days: int, now: dt.datetime | None = None) -> Removed:
    """Remove the sessions whose last event is more than `days` days old; 0 keeps everything.

    Files that held them stay on disk for readers as after any sync, and go with a later sweep.
    """
    removed = Removed()
    if not days:
        return removed
    cutoff = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(days=days)
    for file in catalogue.read(engine).files:
        if file.first_ms < _to_ms(cutoff):
            removed += _retain_in(engine, store, (file.day, file.part), cutoff)
    with catalogue.locked(engine) as connection:
        day_files.sweep(connection, store)
    return removed


def _retain_in(engine: Engine, store: EventStore, place: Place, cutoff: dt.datetime) -> Removed:
    with catalogue.locked(engine) as connection:
        store.claim(catalogue.installation(connection))
        session_ids = _over(engine, connection, store, place, cutoff)
        return remove(connection, engine, store, session_ids) if session_ids else Removed()


def _over(
    engine: Engine, connection: Connection, store: EventStore, place: Place, cutoff: dt.datetime
) -> Sequence[str]:
    """The sessions of a place that have ended before the cutoff. The file may be another than when listed."""
    live = {(file.day, file.part): file for file in catalogue.read(engine).files}
    table = day_files.remaining(store, live.get(place), [])
    quiet = [] if table is None else columns.sessions_quiet_since(table, _to_ms(cutoff))
    if not quiet:
        return []
    with connection.begin():
        return list(connection.execute(_OVER, {"sessions": quiet, "cutoff": cutoff}).scalars())


def _to_ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
