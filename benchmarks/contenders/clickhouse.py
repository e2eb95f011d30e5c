"""ClickHouse in the process (chDB): `windowFunnel` per session, then sessions per furthest step. No times.

Forms: `total` over a MergeTree table sorted by session and time, which one process at a time may open;
`memory` and `breakdown` over a Memory table, loaded before the clock starts; `parquet` over the flat files.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

from chdb import session as chdb_session

from benchmarks.journeys import STEPS
from benchmarks.task import Answer, Counts, Task, window_seconds

_TABLE = """
    CREATE TABLE IF NOT EXISTS default.steps
    (session UInt32, at_ms UInt64, step UInt8, language LowCardinality(String))
"""
_SORTED = f"{_TABLE} ENGINE = MergeTree ORDER BY (session, at_ms)"
_MEMORY = f"{_TABLE} ENGINE = Memory"
_LOAD = "INSERT INTO default.steps SELECT session, at_ms, step, ifNull(language, '') FROM "
_LATER_STEPS = ", ".join(f"step = {number}" for number in range(2, len(STEPS) + 1))
_FUNNEL = """
    SELECT {value}, furthest, count() FROM (
        SELECT session, {touch} AS value, windowFunnel({window_ms})(
            toUInt64(at_ms), step = 1 AND at_ms >= {since_ms} AND at_ms < {until_ms}, {later_steps}
        ) AS furthest
        FROM {rows} WHERE step > 0 GROUP BY session
    ) WHERE furthest > 0 GROUP BY ALL
"""


def prepare(task: Task) -> None:
    made_of = _folder(task).with_suffix(".version")
    version = (Path(task.home) / "flat" / "version").read_text()
    if made_of.exists() and made_of.read_text() == version:
        return
    with closing(_session(str(_folder(task)))) as session:
        session.query("DROP TABLE IF EXISTS default.steps")
        session.query(_SORTED)
        session.query(_LOAD + _files(task))
        session.query("OPTIMIZE TABLE default.steps FINAL")
    made_of.write_text(version)


def ready(task: Task) -> Answer:
    session = _session(str(_folder(task)) if task.form == "total" else None)
    if task.form in {"memory", "breakdown"}:
        session.query(_MEMORY)
        session.query(_LOAD + _files(task))
    grouped = task.form == "breakdown"
    rows = _files(task) if task.form == "parquet" else "default.steps"

    def answer(repetition: int) -> Counts:
        query = _FUNNEL.format(
            value="value" if grouped else "''",
            touch="any(language)" if grouped else "''",
            window_ms=window_seconds(repetition) * 1000,
            later_steps=_LATER_STEPS,
            rows=rows,
            since_ms=task.since_ms,
            until_ms=task.until_ms,
        )
        return _counts(str(session.query(query, "TabSeparated")), grouped=grouped)

    return answer


def _counts(text: str, *, grouped: bool) -> Counts:
    rows = [line.split("\t") for line in text.splitlines()]
    return Counts.of_furthest(
        [
            (None if value in {"", "\\N"} else value, int(furthest), int(sessions))
            for value, furthest, sessions in rows
        ],
        grouped=grouped,
    )


def _session(folder: str | None) -> Any:
    """chDB carries no types."""
    opened: Any = chdb_session.Session
    return opened(folder)


def _files(task: Task) -> str:
    return f"file('{task.home}/flat/*.parquet', 'Parquet')"


def _folder(task: Task) -> Path:
    return Path(task.home) / "clickhouse"
