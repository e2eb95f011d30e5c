"""Claims: who may publish a letter's task, under which id, to which queue, with which arguments.

A claim is made and committed before anything is published. Whoever publishes holds the claim's row until it
is marked, so no two publish at once; a claim that nobody holds and nobody marked is left to the reaper.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, RowMapping, select, update

from dlq.letters import Status
from dlq.store import state_before, transition
from dlq.tables import dead_letter
from dlq.times import to_ms

#: Claim of each letter.
Claims = Mapping[int, UUID]

_c = dead_letter.c


def claim(
    connection: Connection,
    letter_id: int,
    expected: tuple[Status, ...],
    *,
    task_id: str,
    by: str,
    at: datetime,
    reason: str,
    queue: str | None = None,
    version: int | None = None,
) -> RowMapping | None:
    """Take the letter for one retry under `task_id`: the row as it is now, None when it was not free.

    `queue` and `version` name another queue and edited arguments; None keeps those of the letter.
    """
    return transition(
        connection,
        _c.id == letter_id,
        expected,
        Status.RETRYING,
        at=at,
        actor=by,
        detail={"task_id": task_id, "reason": reason, "queue": queue, "version": version},
        generation=_c.generation + 1,
        claim_id=uuid4(),
        claimed_by=by,
        claimed_at_ms=to_ms(at),
        published_at_ms=None,
        retry_task_id=task_id,
        claimed_queue=queue,
        claimed_version=version,
        operation_id=None,
    )


def hold(connection: Connection, claims: Claims) -> frozenset[int]:
    """Lock the letters that nobody published yet, out of reach of reapers until the transaction ends."""
    statement = select(_c.id).where(_unpublished(claims)).order_by(_c.id).with_for_update()
    return frozenset(connection.execute(statement).scalars())


def mark_published(connection: Connection, claims: Claims, at: datetime) -> None:
    """Note that the messages are in the broker. Changes nothing of a retry that has already ended."""
    connection.execute(
        update(dead_letter)
        .where(_unpublished(claims), _c.status == Status.RETRYING)
        .values(published_at_ms=to_ms(at))
    )


def next_stale(connection: Connection, claimed_before: datetime) -> RowMapping | None:
    """Lock and return the oldest claim that was never marked published, skipping those of other reapers."""
    statement = (
        select(dead_letter)
        .where(
            _c.status == Status.RETRYING,
            _c.published_at_ms.is_(None),
            _c.claimed_at_ms < to_ms(claimed_before),
        )
        .order_by(_c.claimed_at_ms)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(statement).mappings().one_or_none()


def hand_back(connection: Connection, row: RowMapping, *, by: str, at: datetime, reason: str) -> None:
    """Return the claim in `row`, whose message no broker takes: the letter is what it was before."""
    transition(
        connection,
        _unpublished({row["id"]: row["claim_id"]}),
        (Status.RETRYING,),
        state_before(Status.RETRYING),
        at=at,
        actor=by,
        detail={"reason": reason},
        claim_id=None,
    )


def _unpublished(claims: Claims) -> ColumnElement[bool]:
    # By number first: claims have no index of their own.
    return _c.id.in_(claims) & _c.claim_id.in_(claims.values()) & _c.published_at_ms.is_(None)
