"""Migrations: once, in one place, and together with others who try."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, inspect, make_url, text

from infra.database import SCHEMA, open_engine
from infra.migrate import migrate


def test_dashboards_that_start_together_migrate_once(owner: Engine, owner_url: str) -> None:
    name = f"{make_url(owner_url).database}_fresh"
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        fresh = open_engine(make_url(owner_url).set(database=name).render_as_string(hide_password=False))
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(migrate, [fresh] * 3)) == [None] * 3
        assert "audit_entry" in inspect(fresh).get_table_names(SCHEMA)
        assert "audit_entry" not in inspect(fresh).get_table_names("public")
        fresh.dispose()
        connection.execute(text(f"DROP DATABASE {name}"))
