"""Brings the schema to the newest version, one process at a time."""

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from infra.database import SCHEMA, first_line, where
from infra.errors import MigrationRefused
from infra.settings import CHECKOUT

#: Two dashboards that start together must not both run the migrations.
_LOCK = 0x6F6E7764
_NOT_ALLOWED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)


def migrate(engine: Engine) -> None:
    """Apply what is missing; returns at once when nothing is.

    Raises MigrationRefused when this login may not make or change the schema.
    """
    try:
        with engine.connect() as lock, engine.connect() as connection:
            lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            command.upgrade(_config(connection), "head")
            lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            lock.commit()
    except DBAPIError as error:
        if isinstance(error.orig, _NOT_ALLOWED):
            raise MigrationRefused(where(engine), first_line(error.orig)) from error
        raise


def missing_migrations(connection: Connection) -> tuple[tuple[str, ...], bool]:
    """Titles of the migrations that the schema has not had, oldest first, and whether it is newer than we."""
    scripts = ScriptDirectory.from_config(_config(connection))
    has = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()
    known = [script.revision for script in scripts.walk_revisions()]
    if has is not None and has not in known:
        return (), True
    missing = known if has is None else known[: known.index(has)]
    return tuple(f"{number} {scripts.get_revision(number).doc}" for number in reversed(missing)), False


def _config(connection: Connection) -> Config:
    config = Config()
    # The option goes through a parser in which a lone percent sign, which a path may hold, has a meaning.
    config.set_main_option("script_location", str(CHECKOUT / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
