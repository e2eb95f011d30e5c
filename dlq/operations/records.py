"""Operations: one change to many letters, decided once, carried out in batches by whichever worker is free.

waiting --first batch--> running --nothing left--> finished
   |  ^                    |  ^
   v  |                    v  |          waiting, running, paused --> cancelled
   paused <----------------/  |
   paused --------resume------/

The selection is frozen when the operation is made: letters that come later, or fail again, are not of it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import RowMapping

from dlq.access import DELETE, RETRY
from dlq.filter_address import from_pairs, to_pairs
from dlq.queries import LetterFilter
from dlq.times import from_ms, to_ms

EVERYTHING = LetterFilter()


class Action(StrEnum):
    RETRY = "retry"
    DISCARD = "discard"
    RESTORE = "restore"

    @property
    def permission(self) -> str:
        return RETRY if self is Action.RETRY else DELETE


class OperationStatus(StrEnum):
    WAITING = "waiting"  #: no batch has run yet
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


#: Operations that can still change letters.
UNDER_WAY = (OperationStatus.WAITING, OperationStatus.RUNNING, OperationStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters: those that match the filter and, unless none are named, are among `letter_ids`."""

    narrowed: LetterFilter = EVERYTHING
    letter_ids: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"narrowed": to_pairs(self.narrowed), "letter_ids": list(self.letter_ids)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        pairs = [(name, value) for name, value in stored["narrowed"]]
        return cls(from_pairs(pairs), tuple(stored["letter_ids"]))


@dataclass(frozen=True, slots=True)
class Options:
    """How. All but `start_at` and `rate_per_second` concern retries only."""

    queue: str = ""  #: sent there instead of each letter's own queue
    rate_per_second: float | None = None  #: letters; None goes as fast as the broker takes them
    start_at: datetime | None = None  #: None: at once
    even_poisoned: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "queue": self.queue,
            "rate_per_second": self.rate_per_second,
            "start_at_ms": None if self.start_at is None else to_ms(self.start_at),
            "even_poisoned": self.even_poisoned,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        fields = {name: value for name, value in stored.items() if name != "start_at_ms"}
        return cls(**fields, start_at=from_ms(stored["start_at_ms"]))


@dataclass(frozen=True, slots=True)
class Operation:
    id: int
    action: Action
    status: OperationStatus
    selection: Selection
    options: Options
    counted: int  #: letters when it was made
    done: int  #: moved, and for a retry sent or about to be
    skipped: int  #: counted, but changed by somebody else before their turn; known at the end
    failed: int  #: no broker takes their message; they are dead letters again
    problem: str  #: what the latest batch met; "" when it went well
    reason: str
    created_by: str
    created_at: datetime
    start_at: datetime
    started_at: datetime | None
    advanced_at: datetime | None  #: the latest batch
    finished_at: datetime | None  #: also when cancelled
    changed_by: str | None  #: who paused, resumed or cancelled last
    changed_at: datetime | None

    @property
    def remaining(self) -> int:
        return max(0, self.counted - self.done - self.skipped - self.failed)

    @property
    def share_done(self) -> float:
        """Of the counted letters, those that are dealt with: from 0 to 1."""
        return 1 - self.remaining / self.counted if self.counted else 1.0

    @property
    def seconds_left(self) -> float | None:
        """At the given rate, else at the pace so far; None when it does not run or has no pace yet."""
        if self.status != OperationStatus.RUNNING:
            return None
        pace = self.options.rate_per_second or self._pace()
        return self.remaining / pace if pace else None

    def _pace(self) -> float | None:
        if self.started_at is None or self.advanced_at is None:
            return None
        seconds = (self.advanced_at - self.started_at).total_seconds()
        return (self.done + self.failed) / seconds if seconds > 0 else None


@dataclass(frozen=True, slots=True)
class OperationPage:
    operations: tuple[Operation, ...]
    next: int | None  #: pass as `after` for the following page; None on the last


_PLAIN = ("id", "counted", "done", "skipped", "failed", "problem", "reason", "created_by", "changed_by")
_MOMENTS = ("created_at", "start_at", "started_at", "advanced_at", "finished_at", "changed_at")


def operation_of(row: RowMapping) -> Operation:
    return Operation(
        **{name: row[name] for name in _PLAIN},
        **{name: from_ms(row[f"{name}_ms"]) for name in _MOMENTS},
        action=Action(row["action"]),
        status=OperationStatus(row["status"]),
        selection=Selection.from_json(row["selection"]),
        options=Options.from_json(row["options"]),
    )
