"""A funnel of five steps on the same rows: ours against ClickHouse, DuckDB and PostgreSQL, in one run.

`python -m benchmarks.funnel --sessions 10M` generates the sessions when they are not there yet. Ours gives
counts, outcomes, averages, medians and a trend; the others give counts alone. `--growth` instead shows what
ours costs on more and more days of the same store.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from analytics import catalogue
from analytics.catalogue import StoredFile
from benchmarks import contest, tables, world
from benchmarks.contest import Entry, Result
from benchmarks.destinations import StoreFolder
from benchmarks.flat import write_flat
from benchmarks.generate import DEFAULT_DAYS, DEFAULT_SEED, generate, plans
from benchmarks.sizes import size
from benchmarks.task import Task
from benchmarks.world import World

GROWTH_EVENTS = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
PEERS = {"chdb": "clickhouse", "duckdb": "duckdb_sql"}


def main() -> None:
    options = _options()
    if missing := [name for name in PEERS if not options.growth and not find_spec(name)]:
        raise SystemExit(f"{' and '.join(missing)} missing: pip install -r benchmarks/requirements.txt")
    home = options.home or world.default_home(options.sessions)
    print(tables.machine())
    with world.opened(home, options.store) as here:
        files = filled(here, options.sessions)
        print(f"{options.sessions:,} sessions, {_events(files):,} events, {len(files)} day files\n")
        if options.growth:
            _print_growth(contest.run(_growth_entries(here, files), options.repetitions))
            return
        entries = _entries(here, files, options)
        for task in {entry.task.contender: entry.task for entry in entries}.values():
            contest.prepare(task)
        _print(contest.run(entries, options.repetitions))


def filled(here: World, sessions: int) -> Sequence[StoredFile]:
    """The day files of the store, generated first unless they hold so many sessions."""
    files = catalogue.read(here.engine).files
    if sum(file.sessions for file in files) != sessions:
        planned = plans(sessions, DEFAULT_DAYS, DEFAULT_SEED)
        generate(planned, StoreFolder(here.store_location, here.database_url))
        files = catalogue.read(here.engine).files
    return files


def _entries(here: World, files: Sequence[StoredFile], options: argparse.Namespace) -> list[Entry]:
    write_flat(here)
    events, some = _events(files), _first_files(files, options.postgres_events)
    ours, clickhouse = _task(here, files, "ours"), _task(here, files, "clickhouse")
    duckdb, postgres = _task(here, files, "duckdb_sql"), _task(here, some, "postgresql")
    found = [
        Entry("ours", "warm, times, by language", replace(ours, form="breakdown"), events),
        Entry("ours", "warm, times", replace(ours, form="total"), events),
        Entry("ours", "cached in Redis, by language", replace(ours, form="cached"), events),
        Entry("ours", "cold, times, by language", replace(ours, form="breakdown"), events, cold=True),
        Entry("ClickHouse", "MergeTree, counts", replace(clickhouse, form="total"), events),
        Entry("ClickHouse", "Memory, counts by language", replace(clickhouse, form="breakdown"), events),
        Entry("ClickHouse", "Memory, counts", replace(clickhouse, form="memory"), events),
        Entry("ClickHouse", "cold, Parquet, counts", replace(clickhouse, form="parquet"), events, cold=True),
        Entry("DuckDB", "table, counts", replace(duckdb, form="total"), events),
        Entry("DuckDB", "cold, Parquet, counts", replace(duckdb, form="parquet"), events, cold=True),
        Entry(
            "PostgreSQL",
            f"table of {_events(some) / 1e6:.1f}M events, counts",
            replace(postgres, form="total"),
            _events(some),
            memory_elsewhere=True,
        ),
    ]
    return [entry for entry in found if entry.task.contender not in options.without]


def _growth_entries(here: World, files: Sequence[StoredFile]) -> list[Entry]:
    parts = [_first_files(files, events) for events in GROWTH_EVENTS if events < _events(files)]
    return [
        Entry("ours", kind, replace(_task(here, part, "ours"), form="breakdown"), _events(part), cold)
        for part in [*parts, files]
        for kind, cold in (("warm", False), ("cold", True))
    ]


def _first_files(files: Sequence[StoredFile], events: int) -> list[StoredFile]:
    """The first days that hold about so many events."""
    found: list[StoredFile] = []
    while len(found) < len(files) and _events(found) < events:
        found.append(files[len(found)])
    return found


def _task(here: World, files: Sequence[StoredFile], contender: str) -> Task:
    return Task(
        contender=contender,
        form="total",
        home=str(here.home),
        store_location=here.store_location,
        database_url=here.owner_url,
        redis_url=here.redis_url,
        first_day=files[0].day.isoformat(),
        last_day=files[-1].day.isoformat(),
    )


def _events(files: Iterable[StoredFile]) -> int:
    return sum(file.rows for file in files)


def _print(results: Sequence[Result]) -> None:
    first = results[0]
    headings = ("engine", "what", "best", "median", "events/s", "against ours", "peak memory")
    print(tables.markdown(headings, [_row(result, first) for result in results]))
    for result in results:
        if result.process_seconds:
            whole = tables.seconds(min(result.process_seconds))
            print(f"{result.entry.engine}, {result.entry.form}: {whole} with the start of Python and imports")
    print("\nThe counts against ours:")
    for result in results:
        print(f"- {result.entry.engine}, {result.entry.form}: {_agreement(result, first)}")


def _row(result: Result, first: Result) -> tuple[str, ...]:
    entry = result.entry
    return (
        entry.engine,
        entry.form,
        tables.seconds(result.best),
        tables.seconds(result.median),
        f"{result.events_per_second / 1e6:,.1f}M",
        f"{first.events_per_second / result.events_per_second:.2f}x",
        "in the server" if entry.memory_elsewhere else f"{result.peak_mb:,.0f} MB",
    )


def _agreement(result: Result, first: Result) -> str:
    if result.counts is None or first.counts is None:
        return "nothing was counted"
    if result.entry.events != first.entry.events:
        return f"other rows: {result.counts.reached}"
    if result.counts.reached != first.counts.reached:
        return f"DIFFERENT: {result.counts.reached}, ours {first.counts.reached}"
    if result.counts.by_value and first.counts.by_value != result.counts.by_value:
        return f"the same in all, DIFFERENT by value: {result.counts.by_value}"
    return f"the same, {result.counts.reached}"


def _print_growth(results: Sequence[Result]) -> None:
    headings = ("events", "what", "best", "median", "events/s", "peak memory")
    rows = [
        (
            f"{result.entry.events / 1e6:.1f}M",
            result.entry.form,
            tables.seconds(result.best),
            tables.seconds(result.median),
            f"{result.events_per_second / 1e6:,.1f}M",
            f"{result.peak_mb:,.0f} MB",
        )
        for result in results
    ]
    print(tables.markdown(headings, rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.funnel", description=__doc__)
    parser.add_argument("--sessions", type=size, default=size("10M"), help="such as 10M, 200k, 5000")
    parser.add_argument("--store", metavar="PATH", help="folder of the day files; in the home otherwise")
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    parser.add_argument("--repetitions", type=int, choices=range(1, 101), metavar="N", default=5)
    parser.add_argument("--postgres-events", type=size, default=size("6M"), help="rows it is asked about")
    parser.add_argument("--without", action="append", default=[], choices=["postgresql", *PEERS.values()])
    parser.add_argument("--growth", action="store_true", help="ours alone, on more and more days")
    return parser.parse_args()


if __name__ == "__main__":
    main()
