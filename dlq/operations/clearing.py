"""Clear: discard what waits, of one task or older than some hours, when it is as many as was seen before."""

from datetime import timedelta

from sqlalchemy import Engine

from dlq.access import Actor, Audit
from dlq.errors import CountMoved
from dlq.operations import console
from dlq.operations.preview import BulkPreview, preview
from dlq.operations.records import Action, Operation, Selection
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.times import Clock, utc_now


def clear(
    engine: Engine,
    by: Actor,
    *,
    filter_task_name: str = "",
    older_than_hours: float | None = None,
    dry_run: bool,
    expected: int | None = None,
    reason: str = "",
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> BulkPreview | Operation:
    """With `dry_run` say what would be discarded; else start the operation that discards it.

    Raises CountMoved unless as many letters match as the dry run said (`expected`), NothingSelected when that
    is none.
    """
    now = clock()
    failed_to = None if older_than_hours is None else now - timedelta(hours=older_than_hours)
    selection = Selection(LetterFilter(task_name=filter_task_name, failed_to=failed_to))
    seen = preview(engine, by, Action.DISCARD, selection, redactor=redactor, clock=lambda: now)
    if dry_run:
        return seen
    if seen.count != expected:
        raise CountMoved(expected or 0, seen.count)
    return console.start(engine, by, seen, reason, audit=audit, clock=clock)
