"""PostgreSQL: the same window functions over an unlogged table, with an index in their order.

The table holds the days of the task alone: it is asked a smaller question when all rows would take too long.
"""

import io
from typing import Any

import psycopg
import pyarrow.parquet as pq
from pyarrow import csv
from sqlalchemy import make_url

from benchmarks.contenders.windows import funnel_sql
from benchmarks.task import Answer, Counts, Task, window_seconds

_TABLE = """
    DROP TABLE IF EXISTS public.steps;
    CREATE UNLOGGED TABLE public.steps (session bigint, at_ms bigint, step smallint, language text)
"""
_SETTINGS = "SET work_mem = '512MB'; SET max_parallel_workers_per_gather = 2"


def prepare(task: Task) -> None:
    with _connected(task) as connection:
        connection.execute(_TABLE)
        with connection.cursor() as cursor, cursor.copy("COPY public.steps FROM STDIN (FORMAT csv)") as copy:
            for file in task.flat_files:
                sink = io.BytesIO()
                rows = pq.read_table(file, read_dictionary=[])
                csv.write_csv(rows, sink, csv.WriteOptions(include_header=False))
                copy.write(sink.getvalue())
        connection.execute("CREATE INDEX ON public.steps (session, at_ms, step) WHERE step > 0")
        connection.execute("VACUUM ANALYZE public.steps")


def ready(task: Task) -> Answer:
    connection = _connected(task)
    connection.execute(_SETTINGS)

    def answer(repetition: int) -> Counts:
        grouped = task.form == "breakdown"
        query = funnel_sql(
            "public.steps",
            since_ms=task.since_ms,
            until_ms=task.until_ms,
            window_ms=window_seconds(repetition) * 1000,
            grouped=grouped,
        )
        return Counts.of_furthest(connection.execute(query).fetchall(), grouped=grouped)

    return answer


def _connected(task: Task) -> "psycopg.Connection[tuple[Any, ...]]":
    url = make_url(task.database_url).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
