"""The words of this package: kinds of failure, states of a letter, and which state may follow which.

dead, poisoned --claim--> retrying --succeeds--> resolved
                             |---fails again---> dead, or poisoned past the limit
dead, poisoned --discard--> discarded --restore--> what it was

A run that was given up and succeeds after all resolves its letter where it is; a resolved or discarded one is
dead again when a task fails anew under its id.

A letter is one failed task: its message as it came, and what happened to it since. `generation` counts the
retries sent; `attempts` the runs that failed; `occurrences` how often the same run was reported.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

from dlq.times import from_ms, to_ms


class Kind(StrEnum):
    """How the task failed."""

    EXCEPTION = "exception"
    SOFT_TIMEOUT = "soft_timeout"
    HARD_TIMEOUT = "hard_timeout"
    WORKER_LOST = "worker_lost"  #: its process was killed or left
    UNREGISTERED = "unregistered"  #: the worker has no task of this name
    MALFORMED = "malformed"  #: the message could not be read as a task
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"
    POISON = "poison"  #: went back to the queue too often
    VANISHED = "vanished"  #: its worker died with it, and the broker does not bring it back
    LOST = "lost"  #: it was published, no worker got it, and no queue holds it
    UNPUBLISHED = "unpublished"  #: the broker did not take it
    OUTCOME_UNKNOWN = "outcome_unknown"  #: the body finished, but storing its result failed


class Status(StrEnum):
    DEAD = "dead"  #: waits for a decision
    RETRYING = "retrying"  #: claimed; its task is on the way or runs
    RESOLVED = "resolved"  #: a retry succeeded
    DISCARDED = "discarded"  #: given up by a person; can be restored
    POISONED = "poisoned"  #: failed so often that only an explicit retry is accepted


ALLOWED = MappingProxyType(
    {
        Status.DEAD: frozenset({Status.RETRYING, Status.DISCARDED, Status.RESOLVED}),
        Status.POISONED: frozenset({Status.RETRYING, Status.DISCARDED, Status.RESOLVED}),
        Status.RETRYING: frozenset({Status.RESOLVED, Status.DEAD, Status.POISONED}),
        Status.DISCARDED: frozenset({Status.DEAD, Status.POISONED}),
        # Only a new failure under the same task id opens a resolved letter again.
        Status.RESOLVED: frozenset({Status.DEAD}),
    }
)

#: Letters that still hold somebody up.
OPEN = (Status.DEAD, Status.RETRYING, Status.POISONED)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed run, as the worker saw it. `capture_id` makes recording it a second time harmless."""

    capture_id: UUID
    kind: Kind
    exception_type: str
    message: str
    traceback: str
    occurred_at: datetime
    worker: str
    idempotent: bool | None = None  #: what the task says of itself; None when unknown
    release: str = ""  #: of the worker's code; "" when unknown
    marks: tuple[str, ...] = ()  #: what the exception tells of its cause, see strategies/marks.py

    def to_json(self) -> dict[str, Any]:
        return {
            "capture_id": str(self.capture_id),
            "kind": self.kind.value,
            "exception_type": self.exception_type,
            "message": self.message,
            "traceback": self.traceback,
            "occurred_at_ms": to_ms(self.occurred_at),
            "worker": self.worker,
            "idempotent": self.idempotent,
            "release": self.release,
            "marks": list(self.marks),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(
            capture_id=UUID(stored["capture_id"]),
            kind=Kind(stored["kind"]),
            exception_type=stored["exception_type"],
            message=stored["message"],
            traceback=stored["traceback"],
            occurred_at=from_ms(stored["occurred_at_ms"]),
            worker=stored["worker"],
            idempotent=stored["idempotent"],
            release=stored["release"],
            marks=tuple(stored["marks"]),
        )
