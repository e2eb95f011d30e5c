"""Saved funnel definitions. A version, once saved, is never overwritten; saving again makes the next one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, Row, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError

from analytics.definition_json import from_json, to_json
from analytics.errors import AnalyticsError, UnknownFunnel
from analytics.funnels import FunnelDefinition
from analytics.tables import funnel_definition

MAX_DEFINITIONS = 500
_SAVE_ATTEMPTS = 5


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
            return _insert_next(engine, definition, by)
        except IntegrityError:
            continue
    raise AnalyticsError(f"{definition.name!r} is being saved by others at the same time; save again.")


def ensure(engine: Engine, definition: FunnelDefinition, *, by: str) -> SavedFunnel:
    """Save `definition` unless a version of its name exists already: safe to call at every start."""
    try:
        return latest(engine, definition.name)
    except UnknownFunnel:
        return save(engine, definition, by=by)


def latest(engine: Engine, name: str) -> SavedFunnel:
    """The newest version of `name`. Raises UnknownFunnel with the names that are saved."""
    query = (
        select(funnel_definition)
        .where(funnel_definition.c.name == name)
        .order_by(funnel_definition.c.version.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownFunnel(name, [saved.definition.name for saved in all_latest(engine)])
    return _saved(row)


def all_latest(engine: Engine) -> list[SavedFunnel]:
    """The newest version of every name, by name; at most MAX_DEFINITIONS."""
    query = (
        select(funnel_definition)
        .ext(distinct_on(funnel_definition.c.name))
        .order_by(funnel_definition.c.name, funnel_definition.c.version.desc())
        .limit(MAX_DEFINITIONS)
    )
    with engine.connect() as connection:
        return [_saved(row) for row in connection.execute(query)]


def _insert_next(engine: Engine, definition: FunnelDefinition, by: str) -> SavedFunnel:
    newest = select(func.coalesce(func.max(funnel_definition.c.version), 0)).where(
        funnel_definition.c.name == definition.name
    )
    with engine.begin() as connection:
        version = connection.execute(newest).scalar_one() + 1
        row = connection.execute(
            insert(funnel_definition)
            .values(name=definition.name, version=version, body=to_json(definition), saved_by=by)
            .returning(funnel_definition)
        ).one()
    return _saved(row)


def _saved(row: Row[tuple[object, ...]]) -> SavedFunnel:
    return SavedFunnel(from_json(row.body), row.version, row.saved_at, row.saved_by)
