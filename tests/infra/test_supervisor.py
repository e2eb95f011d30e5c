"""The supervisor on real servers and real processes, with stand-ins for the programs."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from infra.embedded.binaries import valkey_program
from infra.home import DataFolder, Running
from tests.infra.processes import Started, free_port, left_of, pid_of, started, working_in
from tests.infra.stand_in import HERE, LINK, PROGRAMS

WORKER = f"{sys.executable} -m {PROGRAMS} worker "


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Everything up, shared by the tests that leave it so."""
    yield from everything_up(tmp_path_factory.mktemp("supervisor") / "a home")


@pytest.fixture
def onward(tmp_path: Path) -> Iterator[Started]:
    """Everything up, for a test that stops it."""
    yield from everything_up(tmp_path / "a home")


def everything_up(home: Path) -> Iterator[Started]:
    with started(home, HERE, "onward", ONWARD_PORT=str(free_port())) as running:
        running.line_with(LINK)
        yield running
    assert left_of(home) == {}


def record(home: Path) -> Running:
    running = DataFolder(home).running()
    assert running
    return running


def test_start_says_what_is_up_and_ends_with_the_link(lasting: Started) -> None:
    assert sorted(lasting.said[:5]) == [
        "Dashboard is up",
        "PostgreSQL is up",
        "Schema is up to date",
        "Valkey is up",
        "Worker is up",
    ]
    ready, _, link = lasting.said[5:8]
    assert ready == "Open this link to sign in; it works once:"
    assert link == f"{record(lasting.home).url}{LINK}"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_stops_everything_and_is_no_failure(onward: Started, name: str) -> None:
    onward.send(signal.Signals[name])
    assert onward.end() == 0
    assert working_in(onward.home) == {}
    assert DataFolder(onward.home).running() is None


def test_kill_of_the_supervisor_leaves_nothing_behind(onward: Started) -> None:
    assert len(working_in(onward.home)) > 5
    onward.send(signal.SIGKILL)
    assert left_of(onward.home) == {}


def test_start_after_a_kill_waits_for_what_is_left_and_finds_the_data(onward: Started) -> None:
    with psycopg.connect(postgres(onward.home)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'still here' AS word")
    with redis.Redis.from_url(valkey(onward.home)) as client:
        client.set("kept", "still here")
    onward.send(signal.SIGKILL)
    with started(onward.home, HERE, "onward") as again:
        again.line_with(LINK)
        with psycopg.connect(postgres(onward.home)) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("still here",)
        with redis.Redis.from_url(valkey(onward.home)) as client:
            assert client.get("kept") == b"still here"


def test_servers_outlive_a_program_that_still_needs_them_after_a_kill(tmp_path: Path) -> None:
    with started(tmp_path, HERE, "onward", "diligent") as running:
        running.line_with(LINK)
        running.send(signal.SIGKILL)
        assert left_of(tmp_path) == {}
    assert (tmp_path / "last words").read_bytes() == b"+OK\r\n"


def test_killed_postgres_comes_back_at_the_same_address(lasting: Started) -> None:
    before = record(lasting.home)
    pid_file = lasting.home / "postgres" / "cluster" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    lasting.line_with("PostgreSQL ended; starting it again")
    lasting.line_with("PostgreSQL is up again")
    assert record(lasting.home) == before
    with psycopg.connect(postgres(lasting.home)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_killed_valkey_comes_back_at_the_same_address(lasting: Started) -> None:
    before = record(lasting.home)
    os.kill(pid_of(lasting.home, f"{valkey_program()} "), signal.SIGKILL)
    lasting.line_with("Valkey ended; starting it again")
    lasting.line_with("Valkey is up again")
    assert record(lasting.home) == before
    with redis.Redis.from_url(valkey(lasting.home)) as client:
        assert client.ping()


def test_killed_program_is_started_again_without_what_it_had_started(lasting: Started) -> None:
    worker, child = pid_of(lasting.home, WORKER), pid_of(lasting.home, "sleep 300 ")
    os.kill(worker, signal.SIGKILL)
    lasting.line_with("Worker ended with code 137; starting it again")
    lasting.line_with("Worker is up")
    assert pid_of(lasting.home, WORKER) != worker
    assert pid_of(lasting.home, "sleep 300 ") != child


def test_second_start_names_the_one_that_runs(lasting: Started) -> None:
    with started(lasting.home, HERE, "onward") as second:
        assert second.end() == 2
    [sentence] = second.said
    assert f"process {lasting.pid} (python -m {HERE} onward) at {record(lasting.home).url}" in sentence
    assert str(lasting.home) in sentence
    assert lasting.is_running()


def test_checkouts_side_by_side_get_ports_of_their_own(lasting: Started, tmp_path: Path) -> None:
    url = record(lasting.home).url or ""
    with started(tmp_path / "other", HERE, "onward", ONWARD_PORT=url.rpartition(":")[2]) as other:
        assert other.line_with(LINK) not in lasting.said


def test_program_that_keeps_ending_stops_everything_and_shows_its_last_words(tmp_path: Path) -> None:
    with started(tmp_path, HERE, "onward", "failing") as running:
        assert running.end() == 1
        assert working_in(tmp_path) == {}
    assert running.said[-1] == "the sky is falling"
    assert any("Failing keeps ending, the last time with code 1" in line for line in running.said)


def test_program_that_is_not_needed_is_given_up_alone(tmp_path: Path) -> None:
    with started(tmp_path, HERE, "onward", "worker", "failing") as running:
        running.line_with("Failing keeps ending, the last time with code 1")
        running.line_with("The rest goes on without it.")
        assert running.is_running()


def postgres(home: Path) -> str:
    return (record(home).owner_url or "").replace("+psycopg", "")


def valkey(home: Path) -> str:
    return record(home).redis_url or ""
