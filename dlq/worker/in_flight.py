"""The ledger of followed tasks: one row each, from publishing or arrival to the end of the run.

A row says who holds the task: the broker (`published`), or a worker (`received`), named by its boot. A run
takes its row away in the transaction that stores its outcome, so a row whose worker is gone is a task that
nobody finished; retries/vanished.py looks for those. `requeues` counts how often the task went back because
its process died: brokers keep no such count, and a killed worker would forget its own.

While PostgreSQL is away, a run that the broker would not deliver again is noted in the spool just before its
message is acknowledged, and its row is written when the spool is replayed. If the worker dies before the
broker knows, the task runs again too; should that run have ended before the replay, which takes an outage
longer than the visibility timeout, its success gets a letter.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, case, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from dlq.envelope import Envelope
from dlq.sealing import Sealer
from dlq.tables import dead_letter_in_flight, dead_letter_worker

#: Set on publishing, so that a worker follows the task whatever its own settings say.
IN_FLIGHT_HEADER = "dlq_in_flight"

_c = dead_letter_in_flight.c
_worker = dead_letter_worker.c


class State(StrEnum):
    PUBLISHED = "published"  #: the broker holds it
    RECEIVED = "received"  #: a worker runs it


@dataclass(frozen=True, slots=True)
class Run:
    """One run in one worker. Its time tells it from an earlier run of the same task there."""

    boot: UUID
    worker: str
    at_ms: int
    returns: bool  #: acknowledged late: the broker delivers it again when the worker dies
    note: Path | None = None  #: in the spool of this machine, of a run that the ledger did not take

    def to_json(self) -> dict[str, Any]:
        return {
            "boot": str(self.boot),
            "worker": self.worker,
            "at_ms": self.at_ms,
            "returns": self.returns,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(UUID(stored["boot"]), stored["worker"], stored["at_ms"], stored["returns"])


def note_published(connection: Connection, envelope: Envelope, at_ms: int, sealer: Sealer) -> int:
    """The task is about to be published, for the first time or by a retry of its own; 0 requeues."""
    return _put(connection, _row(envelope, State.PUBLISHED, at_ms, sealer), 0)


def note_received(
    connection: Connection, envelope: Envelope, run: Run, silent_since_ms: int, sealer: Sealer
) -> int:
    """`run` begins; how often the task went back before, its latest worker's death included."""
    died = (_c.state == State.RECEIVED) & (_c.boot != run.boot) & ~is_alive(_c.boot, silent_since_ms)
    requeues = case((_c.generation != envelope.generation, 0), (died, _c.requeues + 1), else_=_c.requeues)
    # Read beside the row and not in ON CONFLICT, where SQLAlchemy leaves out schemas and correlates nothing.
    earlier = select(requeues).where(_c.task_id == envelope.task_id).scalar_subquery()
    return _put(connection, _row(envelope, State.RECEIVED, run.at_ms, sealer, run), func.coalesce(earlier, 0))


def note_begun(connection: Connection, envelope: Envelope, run: Run, sealer: Sealer) -> None:
    """`run` began while the database was away. A row written since stays: it tells of a later run."""
    row = _row(envelope, State.RECEIVED, run.at_ms, sealer, run)
    statement = upsert(dead_letter_in_flight).values(**row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["task_id"], set_=row, where=_c.at_ms < statement.excluded.at_ms
        )
    )


def note_sent_back(connection: Connection, envelope: Envelope, at_ms: int, sealer: Sealer) -> int:
    """A run died and its task goes back to the queue; how often it has."""
    requeues = case((_c.generation != envelope.generation, 1), else_=_c.requeues + 1)
    return _put(connection, _row(envelope, State.PUBLISHED, at_ms, sealer), 1, requeues)


def forget(connection: Connection, envelope: Envelope, run: Run | None, *, ended: bool) -> bool:
    """Take `run` off the ledger; whether it was on it.

    A task that has `ended` is also off it where no worker noted the run. One that has not, because it
    published itself again, keeps the row of its next run.
    """
    which = (_c.task_id == envelope.task_id) & (_c.generation == envelope.generation)
    own = (_c.boot == run.boot) & (_c.at_ms == run.at_ms) if run else _c.boot.is_(None)
    held = or_(own, _c.state == State.PUBLISHED) if ended else own
    return connection.execute(delete(dead_letter_in_flight).where(which, held)).rowcount > 0


def is_alive(boot: ColumnElement[Any], silent_since_ms: int) -> ColumnElement[bool]:
    """Whether the worker of that boot has reported since, and has not ended."""
    return exists().where(
        _worker.boot == boot, _worker.stopped_at_ms.is_(None), _worker.beat_at_ms >= silent_since_ms
    )


def has_ended(boot: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the worker of that boot has ended as workers should."""
    return exists().where(_worker.boot == boot, _worker.stopped_at_ms.is_not(None))


def envelope_in(row: RowMapping, sealer: Sealer) -> Envelope:
    """The message of a row. Raises CannotOpen without its key."""
    return Envelope.from_json(json.loads(sealer.opened(bytes(row["envelope"]), row["key_id"])))


def _put(
    connection: Connection,
    row: dict[str, Any],
    first: int | ColumnElement[int],
    later: ColumnElement[int] | None = None,
) -> int:
    """Write the row of a task with `first` requeues; with `later` ones where it had a row."""
    statement = upsert(dead_letter_in_flight).values(**row, requeues=first)
    again = {**row, "requeues": statement.excluded.requeues if later is None else later}
    counted = statement.on_conflict_do_update(index_elements=["task_id"], set_=again)
    return int(connection.execute(counted.returning(_c.requeues)).scalar_one())


def _row(
    envelope: Envelope, state: State, at_ms: int, sealer: Sealer, run: Run | None = None
) -> dict[str, Any]:
    sealed = sealer.seal(json.dumps(envelope.to_json()).encode())
    return {
        "task_id": envelope.task_id,
        "generation": envelope.generation,
        "letter_id": envelope.letter_id,
        "state": state,
        "task_name": envelope.task_name,
        "queue": envelope.queue,
        "worker": run.worker if run else None,
        "boot": run.boot if run else None,
        "returns": run.returns if run else False,
        "envelope": sealed.content,
        "key_id": sealed.key_id,
        "at_ms": at_ms,
    }
