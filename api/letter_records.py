"""What the routes of dead letters answer: the records of the console under the names that clients know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from dlq.operations.records import Operation
from dlq.views import Attempt, Change, LetterDetail, LetterStats, LetterSummary


@dataclass(frozen=True, slots=True)
class Tasks:
    tasks: tuple[LetterSummary, ...]
    total: int  #: that match
    total_is_at_least: bool  #: counting ended at `total`; there may be more
    limit: int
    offset: int
    next: str | None  #: pass as `after` for the following page, which is quicker than an offset
    filters: Mapping[str, Any]  #: as they were understood


@dataclass(frozen=True, slots=True)
class TaskDetail:
    task_id: str
    exception_traceback: str  #: of the run that failed last
    args: Sequence[Any]  #: secrets are masked
    kwargs: Mapping[str, Any]
    arguments_problem: str  #: why there are none to show; "" when there are
    message: str
    letter: LetterSummary
    attempts: tuple[Attempt, ...]  #: runs that failed, oldest first
    history: tuple[Change, ...]  #: oldest first
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]
    worker: str

    @classmethod
    def of(cls, detail: LetterDetail) -> Self:
        return cls(
            task_id=detail.letter.task_id,
            exception_traceback=detail.traceback,
            args=detail.args,
            kwargs=detail.kwargs,
            arguments_problem=detail.body_problem,
            message=detail.message,
            letter=detail.letter,
            attempts=detail.attempts,
            history=detail.history,
            headers=detail.headers,
            properties=detail.properties,
            worker=detail.worker,
        )


@dataclass(frozen=True, slots=True)
class Queued:
    status: Literal["queued"]
    task_id: str  #: of the run that begins
    is_published: bool  #: False: the broker is away, and the run is sent once it is back


@dataclass(frozen=True, slots=True)
class Deleted:
    status: Literal["deleted"]
    task_id: str


@dataclass(frozen=True, slots=True)
class Restored:
    status: Literal["restored"]
    task_id: str


@dataclass(frozen=True, slots=True)
class Stats:
    total_tasks: int
    total_is_at_least: bool  #: counting ended there; there may be more
    tasks_by_type: Mapping[str, int]  #: the most frequent tasks first
    tasks_by_exception: Mapping[str, int]
    tasks_by_status: Mapping[str, int]
    tasks_by_kind: Mapping[str, int]
    tasks_by_category: Mapping[str, int]
    tasks_by_queue: Mapping[str, int]
    oldest_task_age_hours: float | None  #: since the latest failure of the task that waits longest

    @classmethod
    def of(cls, stats: LetterStats, now: datetime) -> Self:
        oldest = stats.oldest_open_at
        return cls(
            total_tasks=stats.total,
            total_is_at_least=stats.capped,
            tasks_by_type=stats.by_task_name,
            tasks_by_exception=stats.by_exception_type,
            tasks_by_status=stats.by_status,
            tasks_by_kind=stats.by_kind,
            tasks_by_category=stats.by_category,
            tasks_by_queue=stats.by_queue,
            oldest_task_age_hours=None if oldest is None else (now - oldest).total_seconds() / 3600,
        )


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a clearing would delete, or has begun to: the operation goes on in the background."""

    status: Literal["previewed", "nothing to clear", "started"]
    dry_run: bool
    tasks: int
    sessions: int  #: that wait behind them
    tasks_by_type: Mapping[str, int]
    operation_id: int | None

    @classmethod
    def started(cls, operation: Operation, previewed: "Cleared") -> Self:
        return cls(
            status="started",
            dry_run=False,
            tasks=operation.counted,
            sessions=previewed.sessions,
            tasks_by_type=previewed.tasks_by_type,
            operation_id=operation.id,
        )
