"""What came of the letters that an operation changed, as they are now.

A letter belongs to the operation that changed it last: one that is retried alone, or by another operation,
counts there from then on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from dlq import store
from dlq.access import READ, Actor
from dlq.errors import UnknownOperation
from dlq.letters import OPEN, Status
from dlq.operations import ledger
from dlq.tables import dead_letter

#: Resolved letters whose sessions are looked at.
MAX_SESSIONS = 10_000

_c = dead_letter.c


@dataclass(frozen=True, slots=True)
class Outcome:
    letters: Mapping[Status, int]  #: every state has an entry
    sessions: int  #: that wait no longer: a letter of theirs was resolved, and none is open
    is_capped: bool  #: there may be more sessions than that


def outcome(engine: Engine, by: Actor, operation_id: int) -> Outcome:
    """The letters that the operation changed last, by state; an operation without any has zeros.

    Raises UnknownOperation.
    """
    by.require(READ)
    with store.transaction(engine) as connection:
        if ledger.find(connection, by.clients, operation_id) is None:
            raise UnknownOperation(operation_id)
        found = _by_status(connection, operation_id)
        sessions = _freed(connection, operation_id)
    return Outcome(
        letters={status: found.get(status, 0) for status in Status},
        sessions=sessions,
        is_capped=found.get(Status.RESOLVED, 0) > MAX_SESSIONS,
    )


def _by_status(connection: Connection, operation_id: int) -> dict[str, int]:
    counted = select(_c.status, func.count().label("letters")).where(_c.operation_id == operation_id)
    return {row.status: row.letters for row in connection.execute(counted.group_by(_c.status))}


def _freed(connection: Connection, operation_id: int) -> int:
    resolved = (
        select(_c.session_id)
        .where(_c.operation_id == operation_id, _c.status == Status.RESOLVED)
        .limit(MAX_SESSIONS)
        .subquery()
    )
    still_open = dead_letter.alias("still_open").c
    waits = select(still_open.id).where(
        still_open.session_id == resolved.c.session_id, still_open.status.in_(OPEN)
    )
    statement = select(func.count(resolved.c.session_id.distinct())).where(~waits.exists())
    return int(connection.execute(statement).scalar_one())
