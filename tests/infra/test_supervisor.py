"""The supervisor on real servers and real processes, with stand-ins for the programs."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.infra.processes import Started, left_of, pid_of, started, working_in
from tests.infra.stand_in import HERE, LINK

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a home"


@pytest.fixture
def onward(home: Path, free_port: int) -> Iterator[Started]:
    """Everything up."""
    with started(home, HERE, "onward", ONWARD_PORT=str(free_port)) as running:
        running.line_with(LINK)
        yield running


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def urls(home: Path) -> tuple[str, str]:
    record = json.loads((home / "running.json").read_text())
    return record["database_url"].replace("+psycopg", ""), record["redis_url"]


def test_start_says_what_is_up_and_ends_with_the_link(onward: Started, free_port: int) -> None:
    said = [line for line in onward.said if line]
    assert set(said[:-2]) == {
        "Valkey is up",
        "PostgreSQL is up",
        "Schema is up to date",
        "Dashboard is up",
        "Worker is up",
    }
    assert said[-1] == f"http://127.0.0.1:{free_port}{LINK}"


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_signal_stops_everything_and_is_no_failure(
    onward: Started, home: Path, number: signal.Signals
) -> None:
    onward.send(number)
    assert onward.end() == 0
    assert working_in(home) == {}
    assert not (home / "running.json").exists()


def test_kill_of_the_supervisor_leaves_nothing_behind(onward: Started, home: Path) -> None:
    assert len(working_in(home)) > 5
    onward.send(signal.SIGKILL)
    assert left_of(home) == {}


def test_start_after_a_kill_waits_for_what_is_left_and_finds_the_data(onward: Started, home: Path) -> None:
    with psycopg.connect(urls(home)[0]) as connection:
        connection.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('still here')")
    with redis.Redis.from_url(urls(home)[1]) as client:
        client.set("kept", "still here")
    onward.send(signal.SIGKILL)
    with started(home, HERE, "onward") as again:
        again.line_with(LINK)
        with psycopg.connect(urls(home)[0]) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("still here",)
        with redis.Redis.from_url(urls(home)[1]) as client:
            assert client.get("kept") == b"still here"


def test_killed_postgres_comes_back_at_the_same_address(onward: Started, home: Path) -> None:
    database_url = urls(home)[0]
    with psycopg.connect(database_url) as connection:
        postmaster = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    assert postmaster
    __import__("os").kill(int(postmaster[0].split()[0]), signal.SIGKILL)
    onward.line_with("PostgreSQL ended; starting it again")
    onward.line_with("PostgreSQL is up again")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_killed_valkey_comes_back_at_the_same_address(onward: Started, home: Path) -> None:
    redis_url = urls(home)[1]
    __import__("os").kill(pid_of(home, "valkey-server"), signal.SIGKILL)
    onward.line_with("Valkey ended; starting it again")
    onward.line_with("Valkey is up again")
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
