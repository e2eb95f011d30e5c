"""The PostgreSQL engine, and the one place where a driver error at connect becomes a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from infra.errors import DatabaseTooOld, DatabaseUnavailable
from infra.settings import display_url

#: All tables lie in this schema, so that Onward can live in the team's own database.
SCHEMA = "onward"
OLDEST_POSTGRES = 14
CONNECT_SECONDS = 3
#: Each session of ours, on whatever server.
_SESSION = {
    "TimeZone": "UTC",
    # Compiling takes longer than any statement of ours runs.
    "jit": "off",
    # The default is that of a spinning disk, and makes the planner shun indexes.
    "random_page_cost": "1.1",
    # Values decide the plan: a task with a million letters is read otherwise than one with ten.
    "plan_cache_mode": "force_custom_plan",
    # Starting processes takes longer than most statements run, and takes the cores from other people's.
    "max_parallel_workers_per_gather": "0",
    # A search sorts some thousand letters with their words; the default sends them to disk.
    "work_mem": "32MB",
}


def open_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for `url` (postgresql+psycopg://...). Connects lazily; sessions run in UTC."""
    return create_engine(
        url,
        pool_size=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "onward",
            "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
        },
    )


@contextmanager
def answering(engine: Engine) -> Iterator[None]:
    """Turn a connection that cannot be had, or breaks, inside the block into DatabaseUnavailable."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(where(engine), first_line(error.orig or error)) from error


def check_database(engine: Engine) -> None:
    """Raise DatabaseUnavailable or DatabaseTooOld unless this server can be used.

    Makes a connection of its own: what the pool asks a new server first is more than an old one may answer.
    """
    _, arguments = engine.dialect.create_connect_args(engine.url)
    arguments.setdefault("connect_timeout", CONNECT_SECONDS)
    try:
        with psycopg.connect(**arguments) as connection:
            version = connection.info.server_version // 10000
    except psycopg.Error as error:
        raise DatabaseUnavailable(where(engine), first_line(error)) from error
    if version < OLDEST_POSTGRES:
        raise DatabaseTooOld(where(engine), version, OLDEST_POSTGRES)


def where(engine: Engine) -> str:
    """The engine's server and database as they may be shown."""
    return display_url(engine.url.render_as_string(hide_password=True))


def first_line(error: BaseException) -> str:
    """What the driver said, without its stack of connection attempts."""
    return str(error).strip().splitlines()[0].rstrip(".:")
