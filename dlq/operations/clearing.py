"""Clear: discard what waits, of one task or older than some hours, when it is as many as was seen before."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from dlq.access import DELETE, Actor, Audit
from dlq.errors import BadOption, CountMoved
from dlq.operations import console
from dlq.operations.preview import BulkPreview, preview
from dlq.operations.records import Action, Operation, Selection
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.times import Clock, utc_now

#: A hundred years.
MOST_HOURS = 876_000


@dataclass(frozen=True, slots=True)
class Clearing:
    filter_task_name: str = ""  #: "" clears every task
    older_than_hours: float | None = None  #: since the latest failure


def would_clear(
    engine: Engine, by: Actor, what: Clearing, *, redactor: Redactor, clock: Clock = utc_now
) -> BulkPreview:
    """The dry run: what `clear` would discard now. Raises BadOption for an age out of range."""
    by.require(DELETE)
    now, hours = clock(), what.older_than_hours
    if hours is not None and not 0 <= hours <= MOST_HOURS:
        raise BadOption(f"An age must lie between 0 and {MOST_HOURS:,} hours")
    failed_to = None if hours is None else now - timedelta(hours=hours)
    selection = Selection(LetterFilter(task_name=what.filter_task_name, failed_to=failed_to))
    return preview(engine, by, Action.DISCARD, selection, redactor=redactor, clock=lambda: now)


def clear(
    engine: Engine,
    by: Actor,
    what: Clearing,
    *,
    expected: int,
    reason: str = "",
    redactor: Redactor,
    audit: Audit,
    clock: Clock = utc_now,
) -> Operation:
    """Start the operation that discards it.

    Raises CountMoved unless as many letters match as the dry run said (`expected`), NothingSelected when that
    is none.
    """
    seen = would_clear(engine, by, what, redactor=redactor, clock=clock)
    if seen.count != expected:
        raise CountMoved(expected, seen.count)
    return console.start(engine, by, seen, reason, audit=audit, clock=clock)
