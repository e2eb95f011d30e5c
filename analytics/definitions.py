"""Saved funnel definitions. A version, once saved, is never overwritten; saving again makes the next one.

An archived funnel keeps its versions and still answers by its name, but is offered no longer. Saving a
version of it brings it back.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, Select, delete, exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from analytics.definition_json import from_json, to_json
from analytics.errors import AnalyticsError, NewerVersion, UnknownFunnel, UnknownVersion
from analytics.funnels import FunnelDefinition
from analytics.tables import funnel_archive, funnel_definition

MAX_DEFINITIONS = 500
MAX_VERSIONS = 200
_SAVE_ATTEMPTS = 5
_IS_ARCHIVED = exists().where(funnel_archive.c.name == funnel_definition.c.name)


@dataclass(frozen=True, slots=True)
class SavedFunnel:
    definition: FunnelDefinition
    version: int  #: from 1
    saved_at: datetime
    saved_by: str


def save(engine: Engine, definition: FunnelDefinition, *, by: str) -> SavedFunnel:
    """Keep `definition` as the next version of its name. Two people at once get a version each."""
    for _ in range(_SAVE_ATTEMPTS):
        try:
            with engine.begin() as connection:
                newest = find_latest(connection, definition.name)
                return add_version(connection, definition, over=newest.version if newest else 0, by=by)
        except NewerVersion:
            continue
    raise AnalyticsError(f"{definition.name!r} is being saved by others at the same time; save again.")


def add_version(connection: Connection, definition: FunnelDefinition, *, over: int, by: str) -> SavedFunnel:
    """Keep `definition` as the version after `over`, 0 for a name not used yet, in the caller's transaction.

    Raises NewerVersion when `over` is not the newest any more: somebody has saved in between.
    """
    name = definition.name
    before = find_latest(connection, name)
    row = None
    if over == (before.version if before else 0):
        values = {"name": name, "version": over + 1, "body": to_json(definition), "saved_by": by}
        # A concurrent save of the same version is waited for; when it holds, ours is not inserted.
        row = connection.execute(
            postgresql_insert(funnel_definition)
            .values(values)
            .on_conflict_do_nothing()
            .returning(funnel_definition)
        ).one_or_none()
    if row is None:
        raise NewerVersion(name, over)
    connection.execute(delete(funnel_archive).where(funnel_archive.c.name == name))
    return _saved(row)


def ensure(engine: Engine, definition: FunnelDefinition, *, by: str) -> SavedFunnel:
    """Save `definition` unless a version of its name exists already: safe to call at every start."""
    try:
        return latest(engine, definition.name)
    except UnknownFunnel:
        return save(engine, definition, by=by)


def latest(engine: Engine, name: str) -> SavedFunnel:
    """The newest version of `name`, archived or not. Raises UnknownFunnel with the names that are offered."""
    with engine.connect() as connection:
        found = find_latest(connection.execution_options(isolation_level="AUTOCOMMIT"), name)
    if found is None:
        raise UnknownFunnel(name, [saved.definition.name for saved in all_latest(engine)])
    return found


def find_latest(connection: Connection, name: str) -> SavedFunnel | None:
    row = connection.execute(_versions_of(name).limit(1)).one_or_none()
    return _saved(row) if row else None


def all_latest(engine: Engine, *, archived: bool = False) -> list[SavedFunnel]:
    """The newest version of every funnel on offer, or of every archived one, by name; a bounded number."""
    query = (
        select(funnel_definition)
        .ext(distinct_on(funnel_definition.c.name))
        .where(_IS_ARCHIVED if archived else ~_IS_ARCHIVED)
        .order_by(funnel_definition.c.name, funnel_definition.c.version.desc())
        .limit(MAX_DEFINITIONS)
    )
    with engine.connect() as connection:
        return [_saved(row) for row in connection.execute(query)]


def versions(engine: Engine, name: str) -> list[SavedFunnel]:
    """All versions of `name`, the newest first; at most MAX_VERSIONS of them."""
    with engine.connect() as connection:
        return [_saved(row) for row in connection.execute(_versions_of(name).limit(MAX_VERSIONS))]


def version(engine: Engine, name: str, number: int) -> SavedFunnel:
    """One version. Raises UnknownVersion."""
    query = _versions_of(name).where(funnel_definition.c.version == number)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownVersion(name, number)
    return _saved(row)


def archive(connection: Connection, name: str, *, by: str) -> bool:
    """Offer `name` no longer, in the caller's transaction. False when it was archived already."""
    added = (
        postgresql_insert(funnel_archive)
        .values(name=name, archived_by=by)
        .on_conflict_do_nothing()
        .returning(funnel_archive.c.name)
    )
    return connection.execute(added).one_or_none() is not None


def unarchive(connection: Connection, name: str) -> bool:
    """Offer `name` again, in the caller's transaction. False when it was not archived."""
    return bool(connection.execute(delete(funnel_archive).where(funnel_archive.c.name == name)).rowcount)


def _versions_of(name: str) -> Select[tuple[object, ...]]:
    return (
        select(funnel_definition)
        .where(funnel_definition.c.name == name)
        .order_by(funnel_definition.c.version.desc())
    )


def _saved(row: Row[tuple[object, ...]]) -> SavedFunnel:
    return SavedFunnel(from_json(row.body), row.version, row.saved_at, row.saved_by)
