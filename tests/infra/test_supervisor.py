"""The supervisor on real servers and real processes, with stand-ins for the programs."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from infra.home import DataFolder, Running
from tests.infra.processes import Started, free_port, left_of, pid_of, started, working_in
from tests.infra.stand_in import HERE, LINK, PROGRAMS


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "a home"
    assert left_of(tmp_path / "a home") == {}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def onward(home: Path, port: int) -> Iterator[Started]:
    """Everything up."""
    with started(home, HERE, "onward", ONWARD_PORT=str(port)) as running:
        running.line_with(LINK)
        yield running


def record(home: Path) -> Running:
    running = DataFolder(home).running()
    assert running
    return running


def test_start_says_what_is_up_and_ends_with_the_link(onward: Started, port: int) -> None:
    *up, ready, _, link = onward.said
    assert sorted(up) == [
        "Dashboard is up",
        "PostgreSQL is up",
        "Schema is up to date",
        "Valkey is up",
        "Worker is up",
    ]
    assert ready.startswith("Everything is up.")
    assert link == f"http://127.0.0.1:{port}{LINK}"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_stops_everything_and_is_no_failure(onward: Started, home: Path, name: str) -> None:
    onward.send(signal.Signals[name])
    assert onward.end() == 0
    assert working_in(home) == {}
    assert DataFolder(home).running() is None


def test_kill_of_the_supervisor_leaves_nothing_behind(onward: Started, home: Path) -> None:
    assert len(working_in(home)) > 5
    onward.send(signal.SIGKILL)
    assert left_of(home) == {}


def test_start_after_a_kill_waits_for_what_is_left_and_finds_the_data(onward: Started, home: Path) -> None:
    with psycopg.connect(postgres(home)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'still here' AS word")
    with redis.Redis.from_url(valkey(home)) as client:
        client.set("kept", "still here")
    onward.send(signal.SIGKILL)
    with started(home, HERE, "onward") as again:
        again.line_with(LINK)
        with psycopg.connect(postgres(home)) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("still here",)
        with redis.Redis.from_url(valkey(home)) as client:
            assert client.get("kept") == b"still here"


def test_killed_postgres_comes_back_at_the_same_address(onward: Started, home: Path) -> None:
    before = record(home)
    pid_file = home / "postgres" / "cluster" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    onward.line_with("PostgreSQL ended; starting it again")
    onward.line_with("PostgreSQL is up again")
    assert record(home) == before
    with psycopg.connect(postgres(home)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_killed_valkey_comes_back_at_the_same_address(onward: Started, home: Path) -> None:
    before = record(home)
    os.kill(pid_of(home, "valkey-server"), signal.SIGKILL)
    onward.line_with("Valkey ended; starting it again")
    onward.line_with("Valkey is up again")
    assert record(home) == before
    with redis.Redis.from_url(valkey(home)) as client:
        assert client.ping()


def test_killed_program_is_started_again_without_what_it_had_started(onward: Started, home: Path) -> None:
    before = working_in(home)
    worker = next(
        pid for pid, command in before.items() if command == f"{sys.executable} -m {PROGRAMS} worker "
    )
    os.kill(worker, signal.SIGKILL)
    onward.line_with("Worker ended with code 137; starting it again")
    onward.line_with("Worker is up")
    assert sorted(working_in(home).values()) == sorted(before.values())


def test_second_start_names_the_one_that_runs(onward: Started, home: Path, port: int) -> None:
    with started(home, HERE, "onward") as second:
        assert second.end() == 2
    [sentence] = second.said
    assert f"process {onward.pid} (python -m {HERE} onward) at http://127.0.0.1:{port}" in sentence
    assert str(home) in sentence
    assert onward.is_running()


def test_checkouts_side_by_side_get_ports_of_their_own(onward: Started, tmp_path: Path, port: int) -> None:
    with started(tmp_path / "other", HERE, "onward", ONWARD_PORT=str(port)) as other:
        assert other.line_with(LINK) != onward.said[-1]


def test_program_that_keeps_ending_stops_everything_and_shows_its_last_words(home: Path) -> None:
    with started(home, HERE, "onward", "failing") as running:
        assert running.end() == 1
        assert working_in(home) == {}
    assert running.said[-1] == "the sky is falling"
    assert any("Failing keeps ending, the last time with code 1" in line for line in running.said)


def postgres(home: Path) -> str:
    return (record(home).database_url or "").replace("+psycopg", "")


def valkey(home: Path) -> str:
    return record(home).redis_url or ""
