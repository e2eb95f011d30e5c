"""DuckDB: window functions, over a table (`total`, `breakdown`) or over the flat files (`parquet`)."""

from pathlib import Path

import duckdb

from benchmarks.contenders.windows import funnel_sql
from benchmarks.task import Answer, Counts, Task, window_seconds


def prepare(task: Task) -> None:
    made_of = _file(task).with_suffix(".version")
    version = (Path(task.home) / "flat" / "version").read_text()
    if made_of.exists() and made_of.read_text() == version:
        return
    _file(task).unlink(missing_ok=True)
    with duckdb.connect(str(_file(task))) as connection:
        connection.execute(f"CREATE TABLE steps AS SELECT * FROM {_files(task)} ORDER BY session, at_ms")
    made_of.write_text(version)


def ready(task: Task) -> Answer:
    connection = duckdb.connect(str(_file(task)), read_only=True)
    grouped = task.form == "breakdown"
    rows = _files(task) if task.form == "parquet" else "steps"

    def answer(repetition: int) -> Counts:
        query = funnel_sql(
            rows,
            since_ms=task.since_ms,
            until_ms=task.until_ms,
            window_ms=window_seconds(repetition) * 1000,
            grouped=grouped,
        )
        return Counts.of_furthest(connection.execute(query).fetchall(), grouped=grouped)

    return answer


def _files(task: Task) -> str:
    return f"read_parquet('{task.home}/flat/*.parquet')"


def _file(task: Task) -> Path:
    return Path(task.home) / "steps.duckdb"
