"""Letters as people see them: records without secrets, made from rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from dlq.envelope import Body, Envelope, readable_body
from dlq.errors import CannotOpen
from dlq.letters import Kind, Status
from dlq.redaction import Redactor
from dlq.sealing import Sealer
from dlq.store import envelope_of
from dlq.times import from_ms

_SUMMARY_COLUMNS = (
    *("id", "task_id", "task_name", "queue", "category", "exception_type", "fingerprint"),
    *("attempts", "occurrences", "generation", "session_id", "client_id", "correlation_id"),
    *("priority", "claimed_by", "retry_task_id", "operation_id"),
)
_DETAIL_COLUMNS = ("content_type", "content_encoding", "worker", "idempotent", "root_id", "parent_id")

#: Characters of a message in a list.
_LIST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """The failure that a session stands still behind."""

    failed_ms: int  #: since 1970, UTC
    exception_type: str
    task_name: str

    @property
    def pattern(self) -> str:
        """What failures of one kind share, in a few words."""
        return pattern_of(self.exception_type, self.task_name)


def pattern_of(exception_type: str, task_name: str) -> str:
    return f"{exception_type.rpartition('.')[2]} in {task_name}"


@dataclass(frozen=True, slots=True)
class LetterSummary:
    """One line of the list."""

    id: int
    task_id: str  #: of the run that failed first
    task_name: str
    queue: str
    priority: int | None  #: of the message; None when it had none
    kind: Kind
    status: Status
    category: str
    exception_type: str
    message: str
    fingerprint: str
    attempts: int  #: runs that failed
    occurrences: int  #: how often one run was reported
    generation: int  #: retries sent
    session_id: str | None
    client_id: str | None
    correlation_id: str | None
    first_failed_at: datetime
    failed_at: datetime  #: the latest failure
    claimed_by: str | None  #: who pressed retry last
    claimed_at: datetime | None
    retry_task_id: str | None  #: of the latest retry
    operation_id: int | None  #: that changed it last, unless somebody retried it alone since
    resolved_at: datetime | None
    discarded_at: datetime | None


@dataclass(frozen=True, slots=True)
class LetterPage:
    letters: tuple[LetterSummary, ...]
    next: str | None  #: pass as `after` for the following page; None on the last


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run that failed."""

    generation: int
    task_id: str
    kind: Kind
    exception_type: str
    message: str
    traceback: str
    worker: str
    release: str  #: that failed; "" when the worker named none
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One step in a letter's history."""

    at: datetime
    actor: str
    from_status: Status | None
    to_status: Status
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LetterDetail:
    letter: LetterSummary
    message: str
    traceback: str  #: of the run that failed last
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    body_problem: str  #: why there are no arguments to show; "" when there are
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]
    content_type: str
    content_encoding: str
    body_bytes: int | None  #: of the original body; None when it is sealed and cannot be opened
    worker: str
    idempotent: bool | None
    root_id: str | None
    parent_id: str | None
    attempts: tuple[Attempt, ...]  #: oldest first
    history: tuple[Change, ...]  #: oldest first


@dataclass(frozen=True, slots=True)
class LetterStats:
    total: int
    capped: bool  #: counting ended there; there may be more letters
    by_status: Mapping[str, int]
    by_kind: Mapping[str, int]
    by_category: Mapping[str, int]
    by_task_name: Mapping[str, int]
    by_exception_type: Mapping[str, int]
    by_queue: Mapping[str, int]
    oldest_open_at: datetime | None  #: the latest failure of the open letter for which it is longest ago


@dataclass(frozen=True, slots=True)
class FilterChoices:
    task_names: tuple[str, ...]
    queues: tuple[str, ...]
    exception_types: tuple[str, ...]


def summary_of(row: RowMapping, redactor: Redactor) -> LetterSummary:
    return LetterSummary(
        **{name: row[name] for name in _SUMMARY_COLUMNS},
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        message=redactor.text(row["message"])[:_LIST_MESSAGE],
        first_failed_at=from_ms(row["first_failed_at_ms"]),
        failed_at=from_ms(row["last_failed_at_ms"]),
        claimed_at=from_ms(row["claimed_at_ms"]),
        resolved_at=from_ms(row["resolved_at_ms"]),
        discarded_at=from_ms(row["discarded_at_ms"]),
    )


def detail_of(
    row: RowMapping,
    attempts: Iterable[RowMapping],
    history: Iterable[RowMapping],
    redactor: Redactor,
    sealer: Sealer,
) -> LetterDetail:
    envelope, body = _opened(row, sealer)
    shown = tuple(_attempt(each, redactor) for each in attempts)
    return LetterDetail(
        **{name: row[name] for name in _DETAIL_COLUMNS},
        letter=summary_of(row, redactor),
        message=redactor.text(row["message"]),
        traceback=shown[-1].traceback if shown else "",
        args=redactor.value(body.args),
        kwargs=redactor.value(body.kwargs or {}),
        body_problem=body.problem,
        headers=redactor.value(row["headers"] if envelope is None else envelope.headers),
        properties=redactor.value(row["properties"]),
        body_bytes=None if envelope is None else len(envelope.body),
        attempts=shown,
        history=tuple(_change(each, redactor) for each in history),
    )


def _opened(row: RowMapping, sealer: Sealer) -> tuple[Envelope | None, Body]:
    try:
        envelope = envelope_of(row, sealer)
    except CannotOpen as error:
        return None, Body(problem=str(error))
    return envelope, readable_body(envelope)


def _attempt(row: RowMapping, redactor: Redactor) -> Attempt:
    return Attempt(
        generation=row["generation"],
        task_id=row["task_id"],
        kind=Kind(row["kind"]),
        exception_type=row["exception_type"],
        message=redactor.text(row["message"]),
        traceback=redactor.text(row["traceback"]),
        worker=row["worker"],
        release=row["release"],
        occurred_at=from_ms(row["occurred_at_ms"]),
    )


def _change(row: RowMapping, redactor: Redactor) -> Change:
    return Change(
        at=from_ms(row["at_ms"]),
        actor=row["actor"],
        from_status=None if row["from_status"] is None else Status(row["from_status"]),
        to_status=Status(row["to_status"]),
        detail=redactor.value(row["detail"]),
    )
