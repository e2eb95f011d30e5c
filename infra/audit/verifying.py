"""Walks the chain from its first link and computes every digest anew, without trusting the database's own.

Whoever owns the tables could rewrite all of them to their end and chain them again. Against that, and against
a cut tail, helps only a head that was kept where they cannot reach it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from infra.audit.chain import START, Break, Fault, Head, digest
from infra.database import answering

_ROWS_AT_ONCE = 1_000

_CHAIN = text("""
    SELECT link.number, link.entry_id, link.previous, link.digest, entry.id IS NOT NULL AS is_there,
           entry.id::text, trim_scale(extract(epoch FROM entry.at) * 1000000)::text, entry.actor,
           entry.action, entry.subject, entry.before::text, entry.after::text, entry.source
    FROM onward.audit_link AS link LEFT JOIN onward.audit_entry AS entry ON entry.id = link.entry_id
    ORDER BY link.number
""")
_FIRST_FIELD = 5
_UNLINKED = text("""
    SELECT id FROM onward.audit_entry AS entry
    WHERE NOT EXISTS (SELECT FROM onward.audit_link WHERE entry_id = entry.id) ORDER BY id LIMIT 1
""")
_NUMBER_OF = text("SELECT number FROM onward.audit_link WHERE digest = :digest LIMIT 1")


@dataclass(frozen=True, slots=True)
class Verification:
    head: Head | None  #: the last link that holds, with all before it; None: there is none
    fault: Fault | None


def verify(engine: Engine, kept: Head | None = None) -> Verification:
    """Check every link and entry as of now, in constant memory, up to the first fault.

    `kept` is a head that was printed earlier: the chain must still hold it.
    """
    with answering(engine), engine.connect() as connection:
        # One snapshot for all questions: an entry that comes in between is in none of them.
        snapshot = connection.execution_options(isolation_level="REPEATABLE READ")
        head, fault = _walk(snapshot, kept)
        fault = fault or _unlinked(snapshot) or _cut(head, kept)
    return Verification(head if head.number else None, fault)


def _walk(connection: Connection, kept: Head | None) -> tuple[Head, Fault | None]:
    last = Head(0, START)
    for row in _links(connection):
        if fault := _fault(connection, row, last, kept):
            return last, fault
        last = Head(row.number, bytes(row.digest))
    return last, None


def _links(connection: Connection) -> Iterator[Row[Any]]:
    with connection.execute(_CHAIN, execution_options={"yield_per": _ROWS_AT_ONCE}) as rows:
        yield from rows


def _fault(connection: Connection, row: Row[Any], last: Head, kept: Head | None) -> Fault | None:
    if row.number != last.number + 1:
        return _gap(row, last)
    if row.previous != last.digest:
        return _misplaced(connection, row, last)
    if not row.is_there:
        return _found(Break.REMOVED, row, f"entry {row.entry_id}, of link {row.number}, is gone")
    if digest(row.previous, row[_FIRST_FIELD:]) != row.digest:
        return _found(Break.CHANGED, row, f"entry {row.entry_id} is not what link {row.number} recorded")
    if kept and kept.number == row.number and kept.digest != row.digest:
        return _found(Break.CUT, row, f"link {row.number} is not the one of the kept head: all was rewritten")
    return None


def _gap(row: Row[Any], last: Head) -> Fault:
    if row.number <= last.number:
        return _found(Break.INSERTED, row, f"link {row.number} stands before the first")
    gone = f"{last.number + 1}" if row.number == last.number + 2 else f"{last.number + 1} to {row.number - 1}"
    return Fault(Break.REMOVED, last.number + 1, None, f"link {gone} is gone, with what it recorded")


def _misplaced(connection: Connection, row: Row[Any], last: Head) -> Fault:
    """Tell by where the link is that this one was written after."""
    follows = connection.execute(_NUMBER_OF, {"digest": row.previous}).scalar()
    if follows is None and row.previous != START:
        gone = f"link {row.number} was written after one that is gone: what stood before it was replaced"
        return _found(Break.REMOVED, row, gone)
    if (follows or 0) == last.number - 1:
        inserted = f"link {last.number} was put in: link {row.number} was written after {follows or 'none'}"
        return Fault(Break.INSERTED, last.number, None, inserted)
    moved = f"link {row.number} was written after link {follows or 'none'}, and stands in another place"
    return _found(Break.MOVED, row, moved)


def _unlinked(connection: Connection) -> Fault | None:
    entry_id = connection.execute(_UNLINKED).scalar()
    if entry_id is None:
        return None
    return Fault(
        Break.INSERTED, None, entry_id, f"entry {entry_id} has no link: it was not recorded, but put in"
    )


def _cut(head: Head, kept: Head | None) -> Fault | None:
    if kept is None or kept.number <= head.number:
        return None
    return Fault(
        Break.CUT,
        head.number + 1,
        None,
        f"the chain ends at link {head.number}, but the kept head is link {kept.number}: its end was cut off",
    )


def _found(kind: Break, row: Row[Any], said: str) -> Fault:
    return Fault(kind, row.number, row.entry_id, said)
