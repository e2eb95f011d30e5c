"""Groups as people see them: records without secrets, made from rows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping

from dlq.redaction import Redactor
from dlq.times import from_ms

_COLUMNS = (
    *("fingerprint", "exception_type", "place", "task_name", "category", "fixed_in"),
    *("letters", "waiting", "retrying", "sessions_blocked"),
)


class GroupState(StrEnum):
    """What people decided about a group."""

    OPEN = "open"
    MUTED = "muted"  #: known, and out of the way until a time or until opened again
    FIXED = "fixed"  #: said to be fixed in a release; a later failure opens it again


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """One cause of failures. Every count is of the whole group, whatever the list is narrowed to."""

    fingerprint: str
    exception_type: str
    message: str  #: what the messages share; what varies is a placeholder
    place: str  #: module and function of our own code, or the task
    task_name: str  #: of the first failure
    category: str
    state: GroupState
    note: str
    fixed_in: str  #: release; "" when not marked fixed
    muted_until: datetime | None  #: None when not muted, or muted without an end
    first_seen_at: datetime
    last_seen_at: datetime | None  #: None when all its letters are purged
    reopened_at: datetime | None  #: when a failure opened it again after it was marked fixed
    letters: int  #: stored, in any state
    waiting: int  #: dead or poisoned
    retrying: int
    sessions_blocked: int  #: sessions with a letter neither resolved nor discarded
    sparkline: tuple[int, ...]  #: new letters in each of the last 24 hours, the running hour last


@dataclass(frozen=True, slots=True)
class GroupPage:
    groups: tuple[GroupSummary, ...]
    next: str | None  #: pass as `after` for the following page; None on the last


def summary_of(row: RowMapping, sparkline: tuple[int, ...], redactor: Redactor) -> GroupSummary:
    state = GroupState(row["shown_state"])
    return GroupSummary(
        **{name: row[name] for name in _COLUMNS},
        message=redactor.text(row["message"]),
        note=redactor.text(row["note"]),
        state=state,
        muted_until=from_ms(row["muted_until_ms"]) if state is GroupState.MUTED else None,
        first_seen_at=from_ms(row["first_seen_ms"]),
        last_seen_at=from_ms(row["last_seen_ms"]),
        reopened_at=from_ms(row["reopened_at_ms"]),
        sparkline=sparkline,
    )
