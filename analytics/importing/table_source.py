"""Rows of a table in any database that SQLAlchemy reaches, streamed."""

from collections.abc import Iterator

from sqlalchemy import Engine, MetaData, Table, create_engine, func, inspect, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from analytics.errors import SourceUnusable, listed, nearest
from analytics.importing.source import Row

BATCH_ROWS = 5_000


class TableSource:
    """Raises SourceUnusable when the database does not answer or has no such table (`schema.table` works)."""

    columns: list[str] | None

    def __init__(self, url: str, table: str) -> None:
        self._engine = _engine(url)
        schema, _, name = table.rpartition(".")
        try:
            self._table = Table(name, MetaData(), schema=schema or None, autoload_with=self._engine)
            with self._engine.connect() as connection:
                self._rows = connection.execute(select(func.count()).select_from(self._table)).scalar_one()
        except NoSuchTableError:
            names = inspect(self._engine).get_table_names(schema=schema or None)
            raise SourceUnusable(
                f"the database has no table {table!r}{nearest(name, names)}; {listed('tables', names)}"
            ) from None
        except SQLAlchemyError as error:
            raise SourceUnusable(f"{_shown(self._engine)} cannot be read: {_first_line(error)}") from error
        self.label = f"{table} of {_shown(self._engine)}"
        self.columns = [column.name for column in self._table.columns]
        self._read = 0

    def share_read(self) -> float | None:
        return min(1.0, self._read / self._rows) if self._rows else 1.0

    def rows(self) -> Iterator[Row]:
        try:
            with self._engine.connect().execution_options(yield_per=BATCH_ROWS) as connection:
                for record in connection.execute(select(self._table)).mappings():
                    self._read += 1
                    yield Row(self._read, dict(record), None)
        except SQLAlchemyError as error:
            raise SourceUnusable(f"{self.label} cannot be read on: {_first_line(error)}") from error
        finally:
            self._engine.dispose()


def _engine(url: str) -> Engine:
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.partition("://")[2]
    try:
        return create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SourceUnusable(f"--from-url cannot be used: {_first_line(error)}") from error


def _shown(engine: Engine) -> str:
    return engine.url.set(query={}).render_as_string(hide_password=True)


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
