"""The group's row, written by the failure that shows it first, and opened again by one that comes back."""

from sqlalchemy import Connection, func, update
from sqlalchemy.dialects.postgresql import insert

from dlq.groups.fingerprint import VERSION, Cause
from dlq.groups.summary import GroupState
from dlq.letters import Failure
from dlq.strategies.categories import Category
from dlq.tables import dead_letter_group
from dlq.times import to_ms

_MESSAGE_CHARACTERS = 300

_group = dead_letter_group.c


def note_seen(
    connection: Connection, task_name: str, failure: Failure, cause: Cause, category: Category
) -> None:
    """Make sure that the group of this failure exists and that it is not called fixed if this disproves it.

    A failure of a known open group writes nothing: the row is the same for thousands of failures a minute,
    and an upsert locks it even where it changes nothing.
    """
    first = {
        "fingerprint": cause.fingerprint,
        "fingerprint_version": VERSION,
        "exception_type": failure.exception_type,
        "message": cause.message[:_MESSAGE_CHARACTERS],
        "place": cause.place,
        "task_name": task_name,
        "category": category,
        "first_seen_ms": to_ms(failure.occurred_at),
    }
    connection.execute(insert(dead_letter_group).values(first).on_conflict_do_nothing())
    _reopen_if_back(connection, cause.fingerprint, failure)


def _reopen_if_back(connection: Connection, fingerprint: str, failure: Failure) -> None:
    failed_ms = to_ms(failure.occurred_at)
    connection.execute(
        update(dead_letter_group)
        .where(_group.fingerprint == fingerprint, _group.state == GroupState.FIXED)
        .where(
            _group.changed_at_ms < failed_ms, func.array_position(_group.failed_in, failure.release).is_(None)
        )
        .values(state=GroupState.OPEN, reopened_at_ms=failed_ms)
    )
