"""Two logins: one owns the tables and migrates, the other runs everything and can only add to the audit."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, inspect, make_url, text
from sqlalchemy.exc import ProgrammingError

from infra import audit
from infra.__main__ import main
from infra.application_login import let_in
from infra.audit.verifying import verify
from infra.database import SCHEMA, open_engine
from infra.servers import connected
from infra.settings import Settings


@pytest.fixture
def guest(owner: Engine) -> Iterator[str]:
    """A login without any rights."""
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE guest_of_audit LOGIN PASSWORD 'guest'"))
    yield "guest_of_audit"
    with owner.begin() as connection:
        connection.execute(text("DROP OWNED BY guest_of_audit"))
        connection.execute(text("DROP ROLE guest_of_audit"))


def test_the_login_that_everything_runs_as_only_adds(engine: Engine, owner: Engine) -> None:
    assert audit.protection(engine).holds
    assert not audit.protection(owner).holds


def test_the_login_that_everything_runs_as_makes_and_drops_nothing(engine: Engine) -> None:
    for statement in (
        "DROP TABLE onward.audit_link",
        "DROP TRIGGER audit_entry_stays ON onward.audit_entry",
        "ALTER TABLE onward.audit_entry DISABLE TRIGGER ALL",
        "CREATE TABLE onward.mine (n int)",
        "UPDATE onward.alembic_version SET version_num = '0001'",
    ):
        with (
            pytest.raises(ProgrammingError, match=r"must be owner|permission denied"),
            engine.begin() as connection,
        ):
            connection.execute(text(statement))


def test_every_table_but_the_kept_ones_can_be_worked_with(engine: Engine) -> None:
    with engine.connect() as connection:
        unusable = [
            name
            for name in inspect(connection).get_table_names(SCHEMA)
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
            if not connection.execute(
                text("SELECT has_table_privilege(:table, :right)"),
                {"table": f"{SCHEMA}.{name}", "right": right},
            ).scalar_one()
        ]
    assert set(unusable) == {"alembic_version", "audit_entry", "audit_link"}


def test_rights_that_are_too_many_are_taken_away(owner: Engine, engine: Engine, guest: str) -> None:
    with owner.begin() as connection:
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA onward TO {guest}"))
        connection.execute(text(f"GRANT UPDATE (actor) ON onward.audit_entry TO {guest}"))
    let_in(owner, guest)
    url = owner.url.set(username=guest, password="guest").render_as_string(hide_password=False)
    login = open_engine(url)
    assert audit.protection(login).holds
    with pytest.raises(ProgrammingError, match="permission denied"), login.begin() as connection:
        connection.execute(text("UPDATE onward.audit_entry SET actor = 'x'"))
    login.dispose()


def test_settling_what_is_settled_changes_nothing(owner: Engine, engine: Engine, guest: str) -> None:
    rights = text(
        "SELECT relname, relacl::text, xmin::text FROM pg_class WHERE relacl IS NOT NULL ORDER BY 1"
    )
    let_in(owner, guest)
    with owner.connect() as connection:
        before = connection.execute(rights).all()
    let_in(owner, guest)
    with owner.connect() as connection:
        assert connection.execute(rights).all() == before


def test_one_login_for_all_works_and_is_told_apart(owner_url: str, owner: Engine, engine: Engine) -> None:
    let_in(owner, make_url(owner_url).username or "")
    with owner.begin() as connection:
        audit.record(connection, actor="ana", action="letter.retry", subject="letter:1")
    assert verify(owner).fault is None
    assert audit.protection(owner).owns


def test_an_installation_from_before_the_second_login_goes_on_with_its_own_audit(tmp_path: Path) -> None:
    """As it was: the owner's login alone, entries without links, and a schema that ends before the chain."""
    settings = Settings.from_env({"ONWARD_HOME": str(tmp_path)})
    with connected(settings, durable=False) as servers, psycopg.connect(_plain(servers.owner_url)) as owner:
        owner.execute("SET session_replication_role = replica")
        for letter in (1, 2, 3):
            owner.execute(
                "INSERT INTO onward.audit_entry (actor, action, subject) VALUES ('ana', 'letter.retry', %s)",
                [f"letter:{letter}"],
            )
        owner.execute("TRUNCATE onward.audit_link")
        owner.execute("DROP TABLE onward.audit_link")
        for function in ("audit_linked", "audit_refuses", "audit_append", "analyze_event_sync_session"):
            owner.execute(f"DROP FUNCTION onward.{function} CASCADE")
        for column in ("actor", "action", "subject"):
            owner.execute(f"DROP INDEX onward.audit_entry_{column}_id")
        owner.execute("ALTER TABLE onward.dead_letter DROP COLUMN priority")
        owner.execute("UPDATE onward.alembic_version SET version_num = '0009'")
        owner.execute("DROP OWNED BY onward_application")
        owner.execute("REVOKE ALL ON SCHEMA onward FROM onward_application")
        owner.commit()
    with connected(settings, durable=False) as servers:
        engine = open_engine(servers.database_url)
        assert make_url(servers.database_url).username == "onward_application"
        with engine.begin() as connection:
            audit.record(connection, actor="ana", action="letter.retry", subject="letter:4")
        found = verify(engine)
        assert (found.fault, found.head and found.head.number) == (None, 4)
        assert audit.protection(engine).holds
        engine.dispose()


def test_the_command_prints_a_head_and_ends_well(
    engine: Engine, at_the_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.begin() as connection:
        audit.record(connection, actor="ana", action="letter.retry", subject="letter:1")
    assert main(["audit", "verify", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["holds"], told["entries"], told["fault"]) == (True, 1, None)
    assert main(["audit", "verify", "--head", told["head"]]) == 0
    assert "All 1 entries hold." in capsys.readouterr().out


def test_the_command_names_what_was_changed_and_fails(
    engine: Engine, owner: Engine, at_the_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.begin() as connection:
        audit.record(connection, actor="ana", action="letter.retry", subject="letter:1")
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE onward.audit_entry SET actor = 'bob'"))
    assert main(["audit", "verify"]) == 1
    assert "entry 1 is not what link 1 recorded" in capsys.readouterr().err


@pytest.fixture
def at_the_terminal(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")
