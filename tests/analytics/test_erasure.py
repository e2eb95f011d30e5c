"""A person who is erased is in no table, in no file on disk, and in no cached view."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import redis
from sqlalchemy import Connection, Engine, text

from analytics import catalogue, record
from analytics.__main__ import main
from analytics.cache import forget
from analytics.erasure import Erased, Whose, erasable, erase
from analytics.removal import Removed
from analytics.store import EventStore
from analytics.sync import sync
from tests.analytics.test_sync import stored

pytestmark = pytest.mark.servers

NOW = dt.datetime(2024, 1, 12, 12, tzinfo=dt.UTC)
ANA = Whose("session", "ana-1")
Entry = dict[str, Any]


class Noted(list[Entry]):
    """Audit entries, with what else was true in their transaction."""

    def __call__(self, connection: Connection, **entry: Any) -> None:
        events = connection.execute(text("SELECT count(*) FROM onward.event")).scalar_one()
        self.append(entry | {"events_left": events})


@pytest.fixture
def audit() -> Noted:
    return Noted()


@pytest.fixture
def gone(engine: Engine, store: EventStore, audit: Noted) -> Callable[[Whose], Erased]:
    return lambda whose: erase(engine, store, whose, by="ada", audit=audit, forget_cached=lambda: 3)


@pytest.fixture
def visited(engine: Engine) -> Callable[..., None]:
    def visited(session: str, days_ago: float, user: str | None = None) -> None:
        with engine.begin() as connection:
            record(
                connection,
                session_id=session,
                name="visited",
                occurred_at=NOW - dt.timedelta(days=days_ago),
                user_id=user,
                client_id=f"client of {session}",
                properties={"said": f"said by {session}"},
            )

    return visited


Visited = Callable[..., None]
Gone = Callable[[Whose], Erased]


def test_a_session_goes_from_table_places_and_files(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone
) -> None:
    for session in ("ana-1", "ben-1"):
        visited(session, 2)
        visited(session, 1)
    sync(engine, store, now=NOW)
    version = catalogue.state(engine).version
    assert gone(ANA) == Erased(Removed(sessions=1, events=2, waiting=0, files=1), cached=3)
    assert [session for _, session, _ in stored(engine, store)] == ["ben-1", "ben-1"]
    assert mentions(engine, "ana-1") == []
    assert catalogue.state(engine).version > version
    sync(engine, store, rebuild=True, now=NOW)
    assert [session for _, session, _ in stored(engine, store)] == ["ben-1", "ben-1"]


def test_nothing_of_the_person_stays_on_disk(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone, tmp_path: Path
) -> None:
    visited("ana-1", 2, user="ana")
    visited("ben-1", 2)
    sync(engine, store, now=NOW)
    visited("ana-1", 1, user="ana")
    sync(engine, store, now=NOW)
    (left_behind,) = tmp_path.rglob(f"day=*/{Path(catalogue.read(engine).files[0].path).name}")
    (left_behind.parent / ("f" * 32 + ".parquet")).write_bytes(left_behind.read_bytes())
    assert "ana-1" in words_on_disk(tmp_path)
    gone(ANA)
    words = words_on_disk(tmp_path)
    assert "ben-1" in words
    assert not {word for word in words if "ana" in word}


def words_on_disk(folder: Path) -> set[str]:
    """Every text in every file of the folder, unused entries of dictionaries too."""
    words: set[str] = set()
    for path in folder.rglob("*.parquet"):
        names = [name for name in pq.read_schema(path).names if name not in {"session", "at_ms", "id"}]
        for column in pq.read_table(path, columns=names, read_dictionary=names).columns:
            for chunk in column.chunks:
                words.update(chunk.dictionary.to_pylist())
    return words


def test_a_user_takes_whole_sessions_along(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.erasure._MOST_SESSIONS", 2)
    for number in range(1, 6):
        visited(f"ana-{number}", number)
        visited(f"ana-{number}", number - 0.01, user="ana")
    visited("ben-1", 1, user="ben")
    sync(engine, store, now=NOW)
    whose = Whose("user", "ana")
    expected = Removed(sessions=5, events=10, waiting=0, files=5)
    assert erasable(engine, whose) == expected
    assert gone(whose).removed == expected
    assert [session for _, session, _ in stored(engine, store)] == ["ben-1"]
    assert mentions(engine, "ana") == []


def test_what_no_sync_has_seen_goes_too(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone
) -> None:
    visited("ana-1", 1)
    visited("ana-1", -1)
    sync(engine, store, now=NOW)
    visited("ana-1", 5)
    assert gone(ANA).removed == Removed(sessions=1, events=3, waiting=1, files=1)
    assert catalogue.waiting(engine).events == 0
    assert sync(engine, store, now=NOW + dt.timedelta(days=2)).events == 0
    assert stored(engine, store) == []


def test_a_run_killed_after_the_tables_is_finished_by_the_next(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    visited("ana-1", 1)
    sync(engine, store, now=NOW)
    with monkeypatch.context() as killed:
        killed.setattr("analytics.day_files.sweep", killed_here)
        with pytest.raises(KeyboardInterrupt):
            gone(ANA)
    assert "ana-1" in words_on_disk(tmp_path)
    assert gone(ANA) == Erased(Removed(), cached=3)
    assert words_on_disk(tmp_path) == set()


def test_a_run_killed_before_the_tables_changes_nothing(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visited("ana-1", 1)
    visited("ben-1", 1)
    sync(engine, store, now=NOW)
    with monkeypatch.context() as killed:
        killed.setattr("analytics.day_files.Replacement.swap", killed_here)
        with pytest.raises(KeyboardInterrupt):
            gone(ANA)
    assert len(stored(engine, store)) == 2
    assert gone(ANA).removed.events == 1
    assert len(stored(engine, store)) == len(list(store.paths())) == 1


def killed_here(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_the_audit_says_how_much_and_not_who(
    engine: Engine, store: EventStore, visited: Visited, gone: Gone, audit: Noted
) -> None:
    visited("ana-1", 1)
    sync(engine, store, now=NOW)
    gone(ANA)
    (entry,) = audit
    assert entry == {
        "actor": "ada",
        "action": "events.erase",
        "subject": ANA.digest,
        "after": {"sessions": 1, "events": 1, "waiting": 0, "files": 1},
        "events_left": 0,
    }
    assert "ana-1" not in ANA.digest
    gone(ANA)
    assert len(audit) == 1, "a run that finds nothing changes nothing"


def test_forgetting_deletes_views_and_nothing_else(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.mset({f"onward:view:{number}": "{}" for number in range(5)} | {"celery": "1"})
        assert forget(client) == 5
        assert client.keys("*") == [b"celery"]


def test_the_command_erases_and_says_so(
    engine: Engine, visited: Visited, database_url: str, redis_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path))
    visited("ana-1", 1, user="ana")
    main(["sync"])
    capsys.readouterr()
    assert main(["erase", "--user", "ana", "--dry-run"]) == 0
    assert "Would remove 1 event of 1 session, 0 from the future" in capsys.readouterr().out
    assert main(["erase", "--user", "ana", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {name: report[name] for name in ("sessions", "events", "waiting", "files", "cached")} == {
        "sessions": 1, "events": 1, "waiting": 0, "files": 1, "cached": 0,
    }  # fmt: skip
    assert "dead letters" in report["not_touched"]
    with engine.connect() as connection:
        (entry,) = connection.execute(text("SELECT subject, action FROM onward.audit_entry")).all()
    assert entry == (Whose("user", "ana").digest, "events.erase")
    assert mentions(engine, "ana") == []


def mentions(engine: Engine, word: str) -> list[str]:
    """The tables of ours that hold the word anywhere."""
    with engine.connect() as connection:
        tables = connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'onward'")
        ).scalars()
        return [
            name
            for name in tables
            if connection.execute(
                text(f'SELECT count(*) FROM onward."{name}" AS row WHERE row::text LIKE :word'),
                {"word": f"%{word}%"},
            ).scalar_one()
        ]
