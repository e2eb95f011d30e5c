"""Brings the schema to the newest version, one process at a time."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from infra.settings import CHECKOUT

#: Two dashboards that start together must not both run the migrations.
_LOCK = 0x6F6E7764


def migrate(engine: Engine) -> None:
    """Apply what is missing; returns at once when nothing is."""
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "migrations"))
    with engine.connect() as lock, engine.connect() as connection:
        lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        lock.commit()
