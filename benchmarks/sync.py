"""Syncs events from a PostgreSQL of its own into day files, and prints events per second.

    python -m benchmarks.sync --events 3M --days 730

The peer, in the same run, on the same rows: ADBC reads them in any order and pyarrow writes them to files by
the day of the event. It neither keeps sessions together nor sorts nor remembers anything, so nothing
that does can be much faster. After it, syncs of three new events each, which rewrite the file of the last
day, and syncs of nothing.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from adbc_driver_postgresql import dbapi
from sqlalchemy import Engine, text

from analytics.store import EventStore
from analytics.sync import sync
from infra.database import open_engine
from infra.servers import connected
from infra.settings import Settings

EVENTS_PER_SESSION = 6
SMALL_SYNCS = 10
_GENERATE = text("""
    INSERT INTO onward.event (id, session_id, name, occurred_at, client_id, user_id, properties)
    SELECT gen_random_uuid(), 's-' || md5((n / 6)::text),
           (ARRAY['started', 'engaged', 'recommended', 'decided', 'completed', 'page viewed'])[1 + n % 6],
           timestamptz '2024-01-01 UTC'
               + (n / 6 * :seconds / (:events / 6) + n % 6 * 37) * interval '1 second',
           'client-' || n / 6 % 40, 'u-' || n / 6 % 90000,
           jsonb_build_object(
               'language', (ARRAY['de', 'en', 'fr', 'es'])[1 + n / 6 % 4],
               'device', (ARRAY['phone', 'desktop', 'tablet'])[1 + n / 6 % 3],
               'page', (n % 17)::text)
    FROM generate_series(0, :events - 1) AS n
""")
_FEW = text("""
    INSERT INTO onward.event (id, session_id, name, occurred_at)
    SELECT gen_random_uuid(), 'new-' || :turn || '-' || n, 'started',
           timestamptz '2024-01-01 UTC' + (:seconds - 3600 * n) * interval '1 second'
    FROM generate_series(1, 3) AS n
""")
_ROWS = """
    SELECT session_id, occurred_at, uuid_send(id) AS id, name, client_id, user_id,
           properties ->> 'language' AS language, properties ->> 'device' AS device,
           properties ->> 'page' AS page
    FROM onward.event
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=number, default=3_000_000, help="as 500k or 3M")
    parser.add_argument("--days", type=int, default=730)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        connected(Settings.from_env({"ONWARD_HOME": home})) as servers,
    ):
        engine = open_engine(servers.database_url)
        owner = open_engine(servers.owner_url)
        generate(owner, options.events, options.days)
        owner.dispose()
        compare(engine, Path(home), options.events)
        few_new(engine, EventStore.at(f"{home}/events"), options.days)
        engine.dispose()


def number(written: str) -> int:
    factor = {"k": 1_000, "M": 1_000_000}.get(written[-1:], 1)
    return int(written.removesuffix("k").removesuffix("M")) * factor


def generate(engine: Engine, events: int, days: int) -> None:
    with engine.begin() as connection:
        connection.execute(_GENERATE, {"events": events, "seconds": float(days * 86400)})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE onward.event"))


def compare(engine: Engine, home: Path, events: int) -> None:
    store = EventStore.at(str(home / "events"))
    seconds = {
        "ADBC read, pyarrow write": timed(lambda: copied(engine, home / "copied")),
        "first sync": timed(lambda: sync(engine, store)),
        "rebuild": timed(lambda: sync(engine, store, rebuild=True)),
    }
    peer = seconds["ADBC read, pyarrow write"]
    for what, took in seconds.items():
        print(f"{what:26} {events / took:10,.0f} events/s {took:7.1f} s {took / peer:6.2f} x the peer's time")


def copied(engine: Engine, folder: Path) -> None:
    uri = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(_ROWS)
        for count, batch in enumerate(cursor.fetch_record_batch()):
            table = pa.Table.from_batches([batch])
            table = table.append_column("day", pc.cast(table["occurred_at"], pa.date32()))
            ds.write_dataset(
                table, folder, format="parquet", partitioning=["day"], partitioning_flavor="hive",
                basename_template=f"{count}-{{i}}.parquet", existing_data_behavior="overwrite_or_ignore",
                max_partitions=4096, max_open_files=1024,
            )  # fmt: skip


def few_new(engine: Engine, store: EventStore, days: int) -> None:
    """Three new sessions of the last day each time, which rewrites the file of that day."""
    took = []
    for turn in range(SMALL_SYNCS):
        with engine.begin() as connection:
            connection.execute(_FEW, {"turn": turn, "seconds": days * 86400})
        took.append(timed(lambda: sync(engine, store)))
    idle = [timed(lambda: sync(engine, store)) for _ in range(SMALL_SYNCS)]
    print(f"sync of 3 new events       {statistics.median(took) * 1000:6.0f} ms (median of {SMALL_SYNCS})")
    print(f"sync of nothing            {statistics.median(idle) * 1000:6.0f} ms")


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
