"""How imports are going: the newest run of each source, for pages and for whoever starts one."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine, Select, select

from analytics.tables import event_import

RUNNING, FINISHED, FAILED, INTERRUPTED = "running", "finished", "failed", "interrupted"
#: A run that has not reported for so long was killed.
_SILENT = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ImportRun:
    source: str
    state: str
    started_at: dt.datetime
    progressed_at: dt.datetime
    rows_read: int
    accepted: int
    rejected: int


def latest(engine: Engine, source: str) -> ImportRun | None:
    """The newest run that imported `source`, by the name it was started with."""
    found = _newest().where(event_import.c.source == source)
    return _first(engine, found)


def running(engine: Engine, now: dt.datetime) -> ImportRun | None:
    """The newest run that is still reporting progress."""
    found = _newest().where(event_import.c.state == RUNNING, event_import.c.progressed_at > now - _SILENT)
    return _first(engine, found)


_COLUMNS = [event_import.c[name] for name in ImportRun.__slots__]


def _newest() -> Select[tuple[object, ...]]:
    return select(*_COLUMNS).order_by(event_import.c.started_at.desc()).limit(1)


def _first(engine: Engine, query: Select[tuple[object, ...]]) -> ImportRun | None:
    with engine.connect() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return ImportRun(**row) if row else None
