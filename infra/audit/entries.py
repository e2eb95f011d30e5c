"""Reading the audit: newest first, narrowed, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, select

from infra.access.roles import Permission, Person
from infra.audit.tables import audit_entry, audit_link
from infra.database import answering

MAX_PAGE = 1_000
#: Of each kind that a filter offers.
MAX_CHOICES = 500
_ID = audit_entry.c.id


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What an entry must be like; what is empty does not narrow."""

    actor: str = ""
    action: str = ""
    subject: str = ""  #: as "letter:17"; a kind alone, as "letter", is every letter
    since: datetime | None = None
    until: datetime | None = None  #: not itself included


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    number: int | None  #: its place in the chain; None: it was put in past the chain
    at: datetime
    actor: str
    action: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    source: str | None


@dataclass(frozen=True, slots=True)
class EntryPage:
    entries: tuple[Entry, ...]
    next: int | None  #: `after` of the next page; None: this is the last


@dataclass(frozen=True, slots=True)
class Choices:
    actors: tuple[str, ...]
    actions: tuple[str, ...]


def entries(
    engine: Engine, by: Person, narrowed: EntryFilter, after: int | None = None, limit: int = 50
) -> EntryPage:
    """The newest entries, or those before the entry with the id `after`; `limit` is cut to MAX_PAGE."""
    by.require(Permission.READ_AUDIT)
    size = max(1, min(limit, MAX_PAGE))
    found = (
        select(audit_entry, audit_link.c.number)
        .outerjoin(audit_link, audit_link.c.entry_id == _ID)
        .where(*_conditions(narrowed))
        .order_by(_ID.desc())
        .limit(size + 1)
    )
    if after is not None:
        found = found.where(after > _ID)
    with answering(engine), engine.connect() as connection:
        rows = [Entry(**row) for row in connection.execute(found).mappings()]
    return EntryPage(tuple(rows[:size]), rows[size - 1].id if len(rows) > size else None)


def choices(engine: Engine, by: Person) -> Choices:
    """Who and what there is to narrow by, in the order of the alphabet."""
    by.require(Permission.READ_AUDIT)
    with answering(engine), engine.connect() as connection:
        return Choices(
            _different(connection, audit_entry.c.actor), _different(connection, audit_entry.c.action)
        )


def _different(connection: Connection, column: Column[str]) -> tuple[str, ...]:
    """Jumps from value to value in the index; DISTINCT would read every entry."""
    first = select(column.label("value")).order_by(column).limit(1).cte(recursive=True)
    following = select(column).where(column > first.c.value).order_by(column).limit(1).scalar_subquery()
    walk = first.union_all(select(following).where(first.c.value.is_not(None)))
    found = select(walk.c.value).where(walk.c.value.is_not(None)).limit(MAX_CHOICES)
    return tuple(connection.execute(found).scalars())


def _conditions(narrowed: EntryFilter) -> list[ColumnElement[bool]]:
    entry = audit_entry.c
    conditions = []
    if narrowed.actor:
        conditions.append(entry.actor == narrowed.actor)
    if narrowed.action:
        conditions.append(entry.action == narrowed.action)
    if ":" in narrowed.subject:
        conditions.append(entry.subject == narrowed.subject)
    elif narrowed.subject:
        conditions.append(entry.subject.startswith(f"{narrowed.subject}:", autoescape=True))
    if narrowed.since:
        conditions.append(entry.at >= narrowed.since)
    if narrowed.until:
        conditions.append(entry.at < narrowed.until)
    return conditions
