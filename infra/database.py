"""The PostgreSQL engine, and the one place where a driver error at connect becomes a sentence."""

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from infra.errors import DatabaseTooOld, DatabaseUnavailable
from infra.settings import display_url

#: All tables lie in this schema, so that Onward can live in the team's own database.
SCHEMA = "onward"
OLDEST_POSTGRES = 14
CONNECT_SECONDS = 5


def open_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for `url` (postgresql+psycopg://...). Connects lazily; sessions run in UTC."""
    return create_engine(
        url,
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "onward",
            "options": "-c TimeZone=UTC",
        },
    )


def check_database(engine: Engine) -> None:
    """Raise DatabaseUnavailable or DatabaseTooOld unless this server can be used."""
    where = display_url(engine.url.render_as_string(hide_password=True))
    try:
        with engine.connect() as connection:
            number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    except DBAPIError as error:
        raise DatabaseUnavailable(where, first_line(error)) from error
    if number // 10000 < OLDEST_POSTGRES:
        raise DatabaseTooOld(where, number // 10000, OLDEST_POSTGRES)


def first_line(error: DBAPIError) -> str:
    """What the driver said, without its stack of connection attempts."""
    return str(error.orig).strip().splitlines()[0].rstrip(".")
