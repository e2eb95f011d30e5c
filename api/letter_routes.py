"""Dead letters over REST: a page of them, one with its history, its retry and its end.

The parameters of a list are those of the page, so its address says what to ask (see dlq/filter_address.py);
`from`, `to` and `client` are shorter names for three of them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from analytics.records import plain
from api.caller import Caller
from api.description import answers, parameters
from api.letter_records import Cleared, Deleted, Queued, Restored, Stats, TaskDetail, Tasks
from dlq import console, filter_address
from dlq.operations import clearing
from dlq.operations.preview import BulkPreview
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.restriction import visible
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from infra import audit
from infra.access.roles import Person

_DLQ = "/admin/dlq"
_TASK = f"{_DLQ}/tasks/{{task_id}}"
#: Shorter names of three parameters.
_SHORT = {"from": "failed_from", "to": "failed_to", "client": "client_id"}
_FILTERS = {
    "from": "only failures from this moment on, as 2026-03-01T12:00:00+00:00",
    "to": "only failures before this moment",
    "client": "only letters of this client",
    "status": "dead, poisoned, retrying, resolved or discarded; may be repeated",
    "kind": "how it failed; may be repeated",
    "task_name": "only letters of this task",
    "exception_type": "only letters of this exception, with its module",
    "queue": "only letters from this queue",
    "priority": "only letters whose message had this priority",
    "category": "only letters of this category, such as transient",
    "fingerprint": "only letters of this group",
    "session_id": "only letters that this session waits behind",
    "text": "all of its words, the last one as a beginning",
}


class ToClear(BaseModel):
    """Which tasks to delete: all that wait, of one task, or those that failed long enough ago."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {"filter_task_name": "shop.pay", "older_than_hours": 720, "dry_run": True}
        },
    )

    filter_task_name: str = ""
    older_than_hours: float | None = Field(default=None, ge=0, le=clearing.MOST_HOURS)
    dry_run: bool = Field(default=True, description="only say what would be deleted; send false to delete")
    reason: str = Field(default="", max_length=500, description="kept in the audit")


def letter_routes(
    engine: Engine,
    retries: RetryClient,
    redactor: Redactor,
    sealer: Sealer,
    clock: Callable[[], datetime],
) -> APIRouter:
    routes = APIRouter(tags=["dead letters"])

    @routes.get(f"{_DLQ}/tasks/", responses=answers(Tasks, "tasks"), openapi_extra=parameters(_FILTERS))
    def tasks(
        request: Request,
        by: Caller,
        after: Annotated[str | None, Query(description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=console.MAX_PAGE)] = 50,
        offset: Annotated[int, Query(ge=0, le=console.MAX_SKIP, description="`after` goes further")] = 0,
    ) -> Any:
        """A page of the tasks that failed for good, the newest failure first."""
        narrowed = _narrowed(request)
        page = console.letters(engine, by, narrowed, after, limit, skip=offset, redactor=redactor)
        counted = console.count(engine, by, narrowed)
        return plain(
            Tasks(
                tasks=page.letters,
                total=counted.count,
                total_is_at_least=counted.capped,
                limit=limit,
                offset=offset,
                next=page.next,
                filters=_understood(visible(by, narrowed)),
            )
        )

    @routes.get(f"{_DLQ}/stats/", responses=answers(Stats, "stats"), openapi_extra=parameters(_FILTERS))
    def stats(request: Request, by: Caller) -> Any:
        """How many there are, by task, exception, state and the like."""
        return plain(Stats.of(console.stats(engine, by, _narrowed(request)), clock()))

    @routes.delete(f"{_DLQ}/clear/", responses=answers(Cleared, "clear", 409))
    def clear(by: Caller, what: Annotated[ToClear, Body()]) -> Any:
        """Delete what waits. A dry run unless `dry_run` is false. What is deleted can be restored."""
        asked = clearing.Clearing(what.filter_task_name, what.older_than_hours)
        seen = clearing.would_clear(engine, by, asked, redactor=redactor, clock=clock)
        if what.dry_run or not seen.count:
            return plain(_previewed(seen, dry_run=what.dry_run))
        operation = clearing.clear(
            engine, by, asked, expected=seen.count, reason=what.reason,
            redactor=redactor, audit=audit.record, clock=clock,
        )  # fmt: skip
        return plain(Cleared.started(operation, _previewed(seen, dry_run=False)))

    @routes.get(f"{_TASK}/", responses=answers(TaskDetail, "task", 404))
    def task(by: Caller, task_id: str) -> Any:
        """One of them with arguments, traceback, failed runs and history. Secrets are masked."""
        found = console.letter(engine, by, number(by, task_id), redactor=redactor, sealer=sealer)
        return plain(TaskDetail.of(found))

    @routes.post(f"{_TASK}/retry/", responses=answers(Queued, "retry", 404, 409))
    def retry(by: Caller, task_id: str) -> Any:
        """Send it once more. Whoever else asks meanwhile is told who was first (409)."""
        receipt = retries.retry(number(by, task_id), by)
        return plain(Queued("queued", receipt.task_id, receipt.published))

    @routes.delete(f"{_TASK}/delete/", responses=answers(Deleted, "delete", 404, 409))
    def delete(by: Caller, task_id: str, reason: str = "") -> Any:
        """Give it up. It is kept until retention takes it, and can be restored till then."""
        console.discard(
            engine, by, number(by, task_id), reason, redactor=redactor, audit=audit.record, clock=clock
        )
        return plain(Deleted("deleted", task_id))

    @routes.post(f"{_TASK}/restore/", responses=answers(Restored, "restore", 404, 409))
    def restore(by: Caller, task_id: str, reason: str = "") -> Any:
        """Take a deletion back."""
        console.restore(
            engine, by, number(by, task_id), reason, redactor=redactor, audit=audit.record, clock=clock
        )
        return plain(Restored("restored", task_id))

    def number(by: Person, task_id: str) -> int:
        return console.letter_of_task(engine, by, task_id)

    return routes


def _narrowed(request: Request) -> LetterFilter:
    pairs = request.query_params.multi_items()
    return filter_address.from_pairs((_SHORT.get(name, name), value) for name, value in pairs)


def _understood(narrowed: LetterFilter) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in filter_address.to_pairs(narrowed):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _previewed(seen: BulkPreview, *, dry_run: bool) -> Cleared:
    return Cleared(
        status="previewed" if dry_run else "nothing to clear",
        dry_run=dry_run,
        tasks=seen.count,
        sessions=seen.sessions,
        tasks_by_type=seen.by_task,
        operation_id=None,
    )
