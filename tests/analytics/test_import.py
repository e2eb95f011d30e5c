"""Imports on the real PostgreSQL, through the command line where people meet it."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, create_engine, func, select, text

from analytics import imports
from analytics.errors import SourceUnusable
from analytics.importing import load
from analytics.importing.files import open_file
from analytics.importing.rejects import RejectsFile
from analytics.importing.rows import ColumnMap
from analytics.tables import event, event_import

Command = Callable[..., subprocess.CompletedProcess[str]]
MAP = "session_id=case,name=what,occurred_at=at"
ROOT = Path(__file__).parent.parent.parent
DEADLINE_SECONDS = 60


@pytest.fixture
def environ(engine: Engine, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "REDIS_URL": redis_url,
        "ONWARD_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def onward(environ: dict[str, str]) -> Command:
    """Run `python -m analytics` on this test's servers."""

    def onward(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    return onward


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "analytics", *map(str, arguments)]


def events_in(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(event)).scalar_one()


def log(path: Path, lines: list[str]) -> Path:
    path.write_text("case,what,at,plan\n" + "".join(line + "\n" for line in lines))
    return path


def test_a_file_is_imported_once_however_often_and_a_funnel_is_ready_after_it(
    onward: Command, engine: Engine, tmp_path: Path
) -> None:
    twice = "s1,A,2024-01-01T10:00Z,pro"
    path = log(tmp_path / "a.csv", [twice, twice, "s1,B,2024-01-01T10:01Z,pro", "s2,A,2024-01-02T10:00Z,"])
    first = onward("import", path, "--map", MAP, "--json")
    assert (first.returncode, first.stderr) == (0, "")
    assert {**json.loads(first.stdout), "seconds": 0} == {
        "events": 4, "sessions": 2, "duplicates": 0, "rejected": 0, "seconds": 0,
    }  # fmt: skip
    again = json.loads(onward("import", path, "--map", MAP, "--json").stdout)
    assert (again["events"], again["duplicates"]) == (0, 4)
    assert events_in(engine) == 4

    answer = json.loads(onward("funnel", "--steps", "A,B", "--by", "plan", "--json").stdout)
    assert (answer["entered"], answer["converted"]) == (2, 1)
    assert [step["reached"] for step in answer["steps"]] == [2, 1]
    assert answer["steps"][1]["median_seconds"] == pytest.approx(60, rel=0.01)
    assert {value: group["entered"] for value, group in answer["groups"].items()} == {"pro": 1, "": 1}

    misspelt = onward("view", "funnel", "--steps", "A,Bee", "--by", "plann", "--csv")
    assert misspelt.returncode == 0
    assert misspelt.stdout.splitlines()[0].startswith("breakdown,value,step,")
    assert misspelt.stderr.splitlines() == [
        "no event is called 'Bee'",
        "no event has the property 'plann'; did you mean 'plan'?",
    ]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_equal_rows_are_as_many_events_wherever_batches_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(load, "BATCH_EVENTS", batch)
    x, y, z = (f"s{name},A,2024-01-01T10:00Z," for name in "xyz")

    def imported(*lines: str) -> tuple[int, int, int]:
        path = log(tmp_path / "a.csv", list(lines))
        with RejectsFile(tmp_path / "rejects.csv") as rejects:
            report = load.import_events(engine, open_file(path), ColumnMap.parse(MAP), rejects)
        return report.events, report.duplicates, report.sessions

    assert imported(x, x, y, x) == (4, 0, 2)
    assert imported(x, x, y, x) == (0, 4, 0)
    assert imported(y, x, z, x, x, y, x) == (3, 4, 3)
    assert events_in(engine) == 7


def test_refused_rows_are_written_down_and_the_rest_is_imported(
    onward: Command, engine: Engine, tmp_path: Path
) -> None:
    path = log(
        tmp_path / "a.csv", ["s1,A,2024-01-01,x", ",A,2024-01-01,x", "s1,A,soon,x", 's1,"A,2024-01-01,x']
    )
    result = onward("import", path, "--map", MAP, "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["rejected"] == 3
    assert "3 rows were refused; see" in result.stderr
    with (tmp_path / "a.csv.rejects.csv").open(newline="") as file:
        line, reason, original = list(csv.reader(file))[2]
    assert (line, original) == ("4", "s1,A,soon,x")
    assert reason.startswith("occurred_at 'soon' is not a time")

    log(path, ["s1,A,2024-01-01,x"])
    assert onward("import", path, "--map", MAP).returncode == 0
    assert not (tmp_path / "a.csv.rejects.csv").exists()
    assert events_in(engine) == 1


def test_a_file_without_rows_is_said_to_have_none(onward: Command, tmp_path: Path) -> None:
    result = onward("import", log(tmp_path / "a.csv", []), "--map", MAP)
    assert (result.returncode, result.stderr) == (0, "a.csv has no rows: nothing was imported\n")


@pytest.mark.parametrize("ending", [".csv.gz", ".parquet"])
def test_a_damaged_file_leaves_what_came_before_it_and_a_failed_run(
    engine: Engine, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"a{ending}"
    if ending == ".parquet":
        _damaged_parquet(path)
    else:
        lines = "".join(f"s{n},A,{n},{n * n}\n" for n in range(1_700_000_000, 1_700_030_000))
        path.write_bytes(gzip.compress(("case,what,at,plan\n" + lines).encode())[:-9000])
    with (
        pytest.raises(SourceUnusable, match=f"a{ending} is damaged after") as damage,
        RejectsFile(tmp_path / "r") as rejects,
    ):
        load.import_events(engine, open_file(path), ColumnMap.parse(MAP), rejects)
    given = int(re.search(r"after \w+ (\d+)", str(damage.value))[1]) - (ending != ".parquet")
    assert given % load.BATCH_EVENTS
    assert events_in(engine) == given
    run = imports.latest(engine, path.name)
    assert run is not None
    assert (run.state, run.accepted) == ("failed", given)


def _damaged_parquet(path: Path) -> None:
    """Two row groups of 10,000, of which the second cannot be read."""
    rows = {"case": [f"s{n}" for n in range(20_000)], "what": ["A"] * 20_000, "at": ["2024-01-01"] * 20_000}
    pq.write_table(pa.table(rows), path, row_group_size=10_000)
    begin = pq.read_metadata(path).row_group(1).column(0).dictionary_page_offset
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(b"\xff" * 64)


def test_a_rejects_file_is_never_anything_else(onward: Command, engine: Engine, tmp_path: Path) -> None:
    path = log(tmp_path / "a.csv", ["s1,A,2024-01-01,x"])
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ana")
    for theirs, problem in [(letter, "holds something else"), (path, "is the file to import")]:
        before = theirs.read_text()
        result = onward("import", path, "--map", MAP, "--rejects", theirs)
        assert (result.returncode, theirs.read_text()) == (2, before)
        assert problem in result.stderr
    assert events_in(engine) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["gone.csv"], "there is no file gone.csv"),
        ([], "name a file to import"),
        (["pyproject.toml"], "cannot tell the format"),
        (
            ["--from-url", "sqlite://", "--table", "nothing"],
            "the database has no table 'nothing'; tables: none",
        ),
        (["--from-url", "nosuch://x", "--table", "t"], "--from-url cannot be used"),
        (
            ["sample/bpi2012.csv.gz"],
            "no column 'session_id' for session_id, 'name' for name, 'occ",
        ),
    ],
)
def test_unusable_input_is_one_sentence_and_exit_code_2(
    onward: Command, arguments: list[str], problem: str
) -> None:
    result = onward("import", *arguments)
    assert result.returncode == 2
    assert problem in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_table_of_any_database(onward: Command, engine: Engine, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop = create_engine(url)
    with shop.begin() as connection:
        connection.execute(text("CREATE TABLE visits (case_no INTEGER, what TEXT, at TEXT, price REAL)"))
        connection.execute(
            text("INSERT INTO visits VALUES (1, 'A', '2024-01-01', 2.5), (1, 'B', '2024-01-02', NULL)")
        )
    shop.dispose()
    mapping = "session_id=case_no,name=what,occurred_at=at"
    result = onward("import", "--from-url", url, "--table", "visits", "--map", mapping, "--json")
    assert json.loads(result.stdout)["events"] == 2
    with engine.connect() as connection:
        properties = select(event.c.properties).order_by(event.c.occurred_at)
        assert connection.execute(properties).scalars().all() == [{"price": 2.5}, None]


def test_a_killed_import_is_finished_by_the_next_with_nothing_twice(
    onward: Command, environ: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    rows = 120_000
    path = log(
        tmp_path / "a.csv", [f"s{n % 9000},A{n % 7},2024-01-01T10:00Z,p{n % 50_000}" for n in range(rows)]
    )
    with subprocess.Popen(command("import", path, "--map", MAP), env=environ, cwd=ROOT) as process:
        _wait_until(lambda: events_in(engine) > 0, process)
        process.send_signal(signal.SIGKILL)
    stored = events_in(engine)
    assert 0 < stored < rows
    report = json.loads(onward("import", path, "--map", MAP, "--json").stdout)
    assert events_in(engine) == rows
    assert (report["events"], report["duplicates"]) == (rows - stored, stored)
    with engine.connect() as connection:
        states = connection.execute(
            select(event_import.c.state).order_by(event_import.c.started_at)
        ).scalars()
        assert list(states) == ["interrupted", "finished"]


def _wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert process.poll() is None, "the import ended before it could be killed"
        assert time.monotonic() < deadline, "nothing was stored in time"
        time.sleep(0.02)
