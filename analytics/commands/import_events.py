"""`import`: store the events of a file or a table, then take them into the columns."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from analytics.commands import Opener, say
from analytics.errors import SourceUnusable
from analytics.importing import load
from analytics.importing.files import open_file
from analytics.importing.rejects import RejectsFile
from analytics.importing.rows import ColumnMap
from analytics.importing.source import Source
from analytics.importing.table_source import TableSource
from analytics.sync import sync


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", help="CSV or JSONL (gzipped or not), or Parquet")
    parser.add_argument(
        "--map",
        default="",
        metavar="FIELD=COLUMN,...",
        help="session_id=case_id,name=event,occurred_at=timestamp",
    )
    parser.add_argument("--delimiter", help="of a CSV file, one character; found by itself otherwise")
    parser.add_argument("--from-url", metavar="URL", help="a database that SQLAlchemy reaches")
    parser.add_argument("--table", help="the table or schema.table there")
    parser.add_argument("--rejects", metavar="FILE", help="where refused rows go; beside the file otherwise")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace, opened: Opener) -> int:
    """1 when rows were refused, else 0."""
    started = time.monotonic()
    source, rejects_path = _source(options)
    mapping = ColumnMap.parse(options.map)
    mapping.columns(source.columns)
    file = Path(options.file) if options.file else None
    with RejectsFile(rejects_path, source=file) as rejects, opened() as onward:
        with _progress(source.label) as advance:
            report = load.import_events(onward.engine, source, mapping, rejects, advance)
        sync(onward.engine, onward.store)
    _print(report, time.monotonic() - started, as_json=options.json)
    if not report.events + report.duplicates + report.rejected:
        say(f"{source.label} has no rows: nothing was imported", to=sys.stderr)
    if report.rejected:
        rows = "1 row was" if report.rejected == 1 else f"{report.rejected:,} rows were"
        say(f"{rows} refused; see {rejects.path}", to=sys.stderr)
    return 1 if report.rejected else 0


def _source(options: argparse.Namespace) -> tuple[Source, Path]:
    """What to read, and where the refused rows go."""
    if options.from_url:
        if options.file or not options.table:
            raise SourceUnusable("--from-url needs --table NAME, and no file")
        rejects = Path(f"{options.table}.rejects.csv")
        return TableSource(options.from_url, options.table), Path(options.rejects or rejects)
    if not options.file:
        raise SourceUnusable("name a file to import, or --from-url URL --table NAME")
    path = Path(options.file)
    rejects = path.with_name(path.name + ".rejects.csv")
    return open_file(path, options.delimiter), Path(options.rejects or rejects)


@contextmanager
def _progress(label: str) -> Iterator[Callable[[load.Progress], None]]:
    """A bar on stderr, gone when the block ends; nothing when stderr is no terminal."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn(label, markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[speed]:,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0, rows=0, speed=0)

        def advance(progress: load.Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 1
            bar.update(task, completed=progress.share, rows=progress.rows, speed=progress.rows / elapsed)

        yield advance


def _print(report: load.ImportReport, seconds: float, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(asdict(report) | {"seconds": round(seconds, 3)}))
        return
    table = Table("Events", "Sessions", "Duplicates", "Rejected", "Seconds", box=None, pad_edge=False)
    counts = (report.events, report.sessions, report.duplicates, report.rejected)
    table.add_row(*(f"{count:,}" for count in counts), f"{seconds:.1f}")
    Console().print(table)
