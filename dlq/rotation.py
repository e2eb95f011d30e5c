"""Seals everything stored under the first key of DLQ_ENCRYPTION_KEY, so that the keys behind it can go.

Every batch is a transaction of its own and what it sealed is not found again, so a run that is cut short is
finished by the next. Workers that still run with the old keys go on sealing under them: give them the new
key first. A spooled file is opened when it is replayed, and needs its old key until then.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Table,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from dlq.errors import CannotOpen, KeyMissing, SettingsError
from dlq.sealing import Sealer
from dlq.store import envelope_of, reading, sealed_columns, transaction
from dlq.tables import dead_letter, dead_letter_in_flight, dead_letter_version

MAX_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class _Stored:
    table: Table
    resealed: Callable[[RowMapping, Sealer], Mapping[str, Any]]

    @property
    def key(self) -> tuple[Column[Any], ...]:
        return tuple(self.table.primary_key.columns)

    def at(self, row: RowMapping) -> tuple[Any, ...]:
        return tuple(row[column.name] for column in self.key)


def rotate_keys(engine: Engine, sealer: Sealer, *, batch: int = 500) -> Iterator[int]:
    """Seal in batches what no key or another key has sealed; gives the rows changed by each.

    What cannot be opened is passed over; after all else is sealed it raises KeyMissing or SealBroken, which
    name a key. Raises SettingsError when there is no key to seal under.
    """
    if sealer.key_id is None:
        raise SettingsError("DLQ_ENCRYPTION_KEY", "is empty: there is no key to seal under.")
    broken: list[CannotOpen] = []
    for stored in _STORED:
        yield from _rotated(engine, sealer, stored, max(1, min(batch, MAX_BATCH)), broken)
    if missing := _missing_key(engine, sealer):
        raise KeyMissing(missing)
    if broken:
        raise broken[0]


def _rotated(
    engine: Engine, sealer: Sealer, stored: _Stored, batch: int, broken: list[CannotOpen]
) -> Iterator[int]:
    sealed_by = stored.table.c.key_id
    due = or_(sealed_by.is_(None), sealed_by.in_(sealer.held - {sealer.key_id}))
    statement = select(stored.table).where(due).order_by(*stored.key).limit(batch).with_for_update()
    following: tuple[ColumnElement[bool], ...] = ()
    while True:
        with transaction(engine) as connection:
            rows = connection.execute(statement.where(*following)).mappings().all()
            changed = sum(_was_sealed(connection, stored, row, sealer, broken) for row in rows)
        if not rows:
            return
        following = (tuple_(*stored.key) > stored.at(rows[-1]),)
        yield changed


def _was_sealed(
    connection: Connection, stored: _Stored, row: RowMapping, sealer: Sealer, broken: list[CannotOpen]
) -> bool:
    try:
        columns = stored.resealed(row, sealer)
    except CannotOpen as error:
        broken[:] = broken or [error]
        return False
    connection.execute(update(stored.table).where(tuple_(*stored.key) == stored.at(row)).values(columns))
    return True


def _missing_key(engine: Engine, sealer: Sealer) -> str | None:
    """A key under which something is sealed and which is not listed."""
    columns = [stored.table.c.key_id for stored in _STORED]
    foreign = union_all(*(select(column).where(column.not_in(sealer.held)).limit(1) for column in columns))
    with reading(engine) as connection:
        return connection.execute(foreign).scalars().first()


def _letter(row: RowMapping, sealer: Sealer) -> Mapping[str, Any]:
    return sealed_columns(envelope_of(row, sealer), sealer)


def _resealing(name: str) -> Callable[[RowMapping, Sealer], Mapping[str, Any]]:
    def resealed(row: RowMapping, sealer: Sealer) -> Mapping[str, Any]:
        sealed = sealer.seal(sealer.opened(row[name], row["key_id"]))
        return {name: sealed.content, "key_id": sealed.key_id}

    return resealed


_STORED = (
    _Stored(dead_letter, _letter),
    _Stored(dead_letter_version, _resealing("body")),
    _Stored(dead_letter_in_flight, _resealing("envelope")),
)
