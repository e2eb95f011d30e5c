"""Which servers a command gets: the team's own, those already running, or its own for its duration."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy.engine import make_url

from infra.embedded.binaries import valkey_program
from infra.servers import Servers, connected
from infra.settings import Settings
from tests.infra.processes import Started, appears, started, working_in
from tests.infra.stand_in import HERE


def settings(home: Path, **environ: str) -> Settings:
    return Settings.from_env({"ONWARD_HOME": str(home), **environ})


def urls_of(holder: Started) -> list[str]:
    urls = json.loads(holder.line_with("postgresql"))
    assert isinstance(urls, list)
    return urls


def tables(database_url: str) -> set[str]:
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'onward'")
        return {name for (name,) in rows}


def test_servers_last_as_long_as_the_command_and_keep_their_data(tmp_path: Path) -> None:
    home = tmp_path / "a" / "deep folder" / ("long " * 40) / "home"
    with connected(settings(home)) as first:
        assert "audit_entry" in tables(first.database_url)
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("kept", "still here")
    assert working_in(home) == {}
    with connected(settings(home)) as second, redis.Redis.from_url(second.redis_url) as client:
        assert client.get("kept") == b"still here"


def test_passwords_are_asked_for_and_kept_from_other_users(tmp_path: Path) -> None:
    with connected(settings(tmp_path), durable=False) as servers:
        url = make_url(servers.database_url)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=url.host, port=url.port, user=url.username, password="guess")
        with redis.Redis(port=make_url(servers.redis_url).port) as client:  # noqa: SIM117 - a sentence each
            with pytest.raises(redis.AuthenticationError):
                client.ping()
        urls = (servers.database_url, servers.owner_url, servers.redis_url)
        secrets = {str(make_url(url).password) for url in urls}
        assert not [line for line in working_in(tmp_path).values() if any(word in line for word in secrets)]
        holding = [
            path
            for path in tmp_path.rglob("*")
            if path.is_file() and any(word.encode() in path.read_bytes() for word in secrets)
        ]
    assert {path.name for path in holding} == {"running.json", "password", "valkey.conf"}
    assert {path.stat().st_mode & 0o077 for path in holding if path.exists()} == {0}


def test_second_command_joins_and_the_first_stays_until_it_leaves(tmp_path: Path) -> None:
    with started(tmp_path, HERE, "hold") as first:
        urls = urls_of(first)
        with connected(settings(tmp_path)) as joined:
            assert [joined.database_url, joined.owner_url, joined.redis_url] == urls
            first.let_go()
            assert first.is_running_after(seconds=0.5)
            assert "audit_entry" in tables(joined.database_url)
        assert first.end() == 0
        assert working_in(tmp_path) == {}


def test_commands_that_start_together_share_one_pair(tmp_path: Path) -> None:
    with started(tmp_path, HERE, "hold") as first, started(tmp_path, HERE, "hold") as second:
        assert urls_of(first) == urls_of(second)
        first.let_go()
        second.let_go()
        assert (first.end(), second.end()) == (0, 0)


def test_killed_command_takes_its_servers_along(tmp_path: Path) -> None:
    with started(tmp_path, HERE, "hold") as command:
        urls_of(command)
        command.send(signal.SIGKILL)
        command.end()
        with connected(settings(tmp_path)) as servers:
            assert "audit_entry" in tables(servers.database_url)
    assert working_in(tmp_path) == {}


def test_named_servers_are_used_and_nothing_is_started(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    home = tmp_path / "home"
    with connected(settings(home, DATABASE_URL=database_url, REDIS_URL=redis_url)) as servers:
        assert servers == Servers(database_url, database_url, redis_url)
    assert not home.exists()


def test_only_the_missing_server_is_embedded(tmp_path: Path, database_url: str) -> None:
    with connected(settings(tmp_path, DATABASE_URL=database_url), durable=False) as servers:
        assert servers.database_url == database_url
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        assert not (tmp_path / "postgres").exists()


def test_orphan_of_the_folder_is_stopped_and_a_stranger_is_not(tmp_path: Path) -> None:
    with connected(settings(tmp_path), durable=False):
        shutil.copy(tmp_path / "valkey" / "valkey.conf", tmp_path / "orphan.conf")
    stranger = subprocess.Popen(["sleep", "60"])
    orphan = subprocess.Popen([valkey_program(), tmp_path / "orphan.conf"], stdout=subprocess.DEVNULL)
    (tmp_path / "postgres" / "cluster" / "postmaster.pid").write_text(f"{stranger.pid}\n")
    try:
        assert appears(tmp_path / "valkey" / "valkey.pid")
        with connected(settings(tmp_path), durable=False) as servers:
            assert orphan.wait(10) == 0
            assert "audit_entry" in tables(servers.database_url)
            assert stranger.poll() is None
    finally:
        for process in (stranger, orphan):
            process.kill()
            process.wait()
