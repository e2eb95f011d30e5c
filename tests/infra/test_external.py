"""Servers that the settings name and that cannot be used: one sentence each, soon, and no traceback."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from infra.database import check_database, open_engine
from infra.errors import DatabaseTooOld, InfraError, MigrationRefused, RedisUnavailable
from infra.migrate import migrate
from infra.redis_client import check_redis
from infra.settings import Settings
from tests.infra.processes import free_port, started

LIMIT_SECONDS = 10


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose packets go nowhere: its queue of connections is full and nobody takes one."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def postgres_that_says(version: str) -> Iterator[int]:
    """Speaks just enough of the protocol to accept anybody and to tell its version."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4) + body

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while len(first := connection.recv(1024)) == 8:  # asks for encryption
                connection.sendall(b"N")
            assert b"user" in first
            parameters = {"server_version": version, "client_encoding": "UTF8"}
            connection.sendall(message(b"R", (0).to_bytes(4)))
            for name, value in parameters.items():
                connection.sendall(message(b"S", f"{name}\0{value}\0".encode()))
            connection.sendall(message(b"Z", b"I"))
            connection.recv(1024)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.fixture
def postgres_13() -> Iterator[int]:
    yield from postgres_that_says("13.22")


@pytest.fixture
def postgres_14() -> Iterator[int]:
    yield from postgres_that_says("14.1 (Debian 14.1-1)")


def database_complaint(url: str) -> str:
    engine = open_engine(Settings.from_env({"DATABASE_URL": url}).database_url or "")
    begun = time.monotonic()
    with pytest.raises(InfraError) as caught:
        check_database(engine)
    assert time.monotonic() - begun < LIMIT_SECONDS
    assert "\n" not in str(caught.value)
    return str(caught.value)


def redis_complaint(url: str) -> str:
    begun = time.monotonic()
    with pytest.raises(RedisUnavailable) as caught:
        check_redis(url)
    assert time.monotonic() - begun < LIMIT_SECONDS
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_database_that_nobody_serves() -> None:
    port = free_port()
    complaint = database_complaint(f"postgresql://ana:secret@127.0.0.1:{port}/shop")
    assert f"PostgreSQL at postgresql+psycopg://ana:***@127.0.0.1:{port}/shop cannot be used" in complaint
    assert "Connection refused" in complaint
    assert "Check DATABASE_URL" in complaint


def test_database_on_a_host_that_does_not_exist() -> None:
    assert "no-such-host.invalid" in database_complaint("postgresql://ana@no-such-host.invalid/shop")


def test_database_behind_silence(silent_port: int) -> None:
    assert "timeout" in database_complaint(f"postgresql://ana@127.0.0.1:{silent_port}/shop")


def test_database_with_a_wrong_password(database_url: str) -> None:
    url = make_url(database_url).set(password="wrong").render_as_string(hide_password=False)
    assert "password authentication failed" in database_complaint(url)


def test_database_that_is_not_there(database_url: str) -> None:
    url = make_url(database_url).set(database="no_such").render_as_string(hide_password=False)
    assert 'database "no_such" does not exist' in database_complaint(url)


def test_database_with_an_option_that_the_driver_does_not_know() -> None:
    assert "colour" in database_complaint("postgresql://ana@127.0.0.1/shop?colour=red")


def test_database_that_is_too_old(postgres_13: int) -> None:
    engine = open_engine(f"postgresql+psycopg://ana@127.0.0.1:{postgres_13}/shop")
    with pytest.raises(DatabaseTooOld, match=r"is version 13; Onward needs 14 or newer"):
        check_database(engine)


def test_database_of_the_oldest_version_that_will_do(postgres_14: int) -> None:
    check_database(open_engine(f"postgresql+psycopg://ana@127.0.0.1:{postgres_14}/shop"))


def test_database_where_this_login_may_not_make_the_schema(owner_url: str) -> None:
    with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        try:
            url = make_url(owner_url).set(username="guest", password="guest", database="template1")
            engine = open_engine(url.render_as_string(hide_password=False))
            with pytest.raises(MigrationRefused, match=r"permission denied .*DATABASE_OWNER_URL"):
                migrate(engine)
            engine.dispose()
        finally:
            connection.execute("DROP ROLE guest")


def test_redis_that_nobody_serves() -> None:
    port = free_port()
    complaint = redis_complaint(f"redis://:secret@127.0.0.1:{port}/0")
    assert f"Redis at redis://:***@127.0.0.1:{port}/0 cannot be used" in complaint
    assert "Check REDIS_URL" in complaint


def test_redis_behind_silence(silent_port: int) -> None:
    assert "imeout" in redis_complaint(f"redis://127.0.0.1:{silent_port}/0")


def test_redis_with_a_wrong_password(redis_url: str) -> None:
    url = make_url(redis_url).set(password="wrong").render_as_string(hide_password=False)
    assert "cannot be used: " in redis_complaint(url)


def test_check_of_servers_that_answer(database_url: str, redis_url: str) -> None:
    check_database(open_engine(database_url))
    check_redis(redis_url)


@pytest.mark.parametrize("command", ["run", "migrate"])
def test_command_on_a_dead_database_ends_with_a_sentence(tmp_path: Path, command: str) -> None:
    url = f"postgresql://ana:secret@127.0.0.1:{free_port()}/shop"
    with started(tmp_path, "infra", command, DATABASE_URL=url) as process:
        assert process.end() == 2
    [sentence] = process.said
    assert sentence.startswith("onward: PostgreSQL at ")
    assert "secret" not in sentence


def test_command_with_a_malformed_setting_ends_with_a_sentence(tmp_path: Path) -> None:
    with started(tmp_path, "infra", "migrate", DATABASE_URL="mysql://ana@db/shop") as process:
        assert process.end() == 2
    assert process.said == ["onward: DATABASE_URL names 'mysql', but only postgresql:// works."]
