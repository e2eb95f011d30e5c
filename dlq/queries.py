"""Every statement that only reads letters. Lists come in pages, newest failure first, by keyset.

Text is searched in `search_text`, which is written without secrets and e-mail addresses: whoever may search
cannot find out by guessing what is masked where letters are shown.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dlq.errors import BadCursor
from dlq.letters import OPEN, Kind, Status
from dlq.tables import dead_letter, dead_letter_attempt, dead_letter_history
from dlq.times import to_ms

#: Attempts and history rows shown of one letter: the newest ones.
SHOWN_PER_LETTER = 200
#: Different values offered per filter.
CHOICES = 200

_c = dead_letter.c
_HEAVY = {"body", "traceback", "search_text", "headers", "properties"}
_LIGHT = [column for column in _c if column.name not in _HEAVY]
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """What a list is narrowed to; an empty field narrows nothing."""

    status: tuple[Status, ...] = ()
    kind: tuple[Kind, ...] = ()
    task_name: str = ""
    exception_type: str = ""
    queue: str = ""
    category: str = ""
    fingerprint: str = ""
    session_id: str = ""
    task_id: str = ""  #: of the failed run or of its latest retry
    text: str = ""  #: in redacted message, exception type or task name; upper and lower case alike
    failed_from: datetime | None = None
    failed_to: datetime | None = None  #: exclusive


def letters_page(
    connection: Connection, narrowed: LetterFilter, after: str | None, limit: int
) -> Sequence[RowMapping]:
    """Up to `limit` letters without body, traceback and headers, after the cursor of an earlier page."""
    statement = select(*_LIGHT).where(*conditions(narrowed))
    if after is not None:
        statement = statement.where(tuple_(_c.last_failed_at_ms, _c.id) < tuple_(*_position(after)))
    statement = statement.order_by(_c.last_failed_at_ms.desc(), _c.id.desc()).limit(limit)
    return connection.execute(statement).mappings().all()


def cursor_of(row: RowMapping) -> str:
    return f"{row['last_failed_at_ms']}-{row['id']}"


def conditions(narrowed: LetterFilter) -> list[ColumnElement[bool]]:
    equal = ("task_name", "exception_type", "queue", "category", "fingerprint", "session_id")
    found: list[ColumnElement[bool]] = [
        _c[name] == getattr(narrowed, name) for name in equal if getattr(narrowed, name)
    ]
    if narrowed.status:
        found.append(_c.status.in_(narrowed.status))
    if narrowed.kind:
        found.append(_c.kind.in_(narrowed.kind))
    if narrowed.task_id:
        found.append(or_(_c.task_id == narrowed.task_id, _c.retry_task_id == narrowed.task_id))
    if narrowed.text:
        found.append(_c.search_text.icontains(narrowed.text, autoescape=True))
    if narrowed.failed_from is not None:
        found.append(_c.last_failed_at_ms >= to_ms(narrowed.failed_from))
    if narrowed.failed_to is not None:
        found.append(_c.last_failed_at_ms < to_ms(narrowed.failed_to))
    return found


def letter_of_task(connection: Connection, task_id: str) -> int | None:
    """The newest letter whose failed run or latest retry has this task id."""
    statement = (
        select(_c.id)
        .where(*conditions(LetterFilter(task_id=task_id)))
        .order_by(_c.last_failed_at_ms.desc(), _c.id.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar_one_or_none()


def attempts_of(connection: Connection, letter_id: int) -> Sequence[RowMapping]:
    return _newest_rows_of(
        connection, select(dead_letter_attempt), dead_letter_attempt.c.letter_id == letter_id
    )


def history_of(connection: Connection, letter_id: int) -> Sequence[RowMapping]:
    return _newest_rows_of(
        connection, select(dead_letter_history), dead_letter_history.c.letter_id == letter_id
    )


def counts_by(connection: Connection, column: str, narrowed: LetterFilter, limit: int) -> dict[str, int]:
    """Letters per value of `column`, most frequent first."""
    number = func.count()
    statement = (
        select(_c[column], number)
        .where(*conditions(narrowed))
        .group_by(_c[column])
        .order_by(number.desc(), _c[column])
        .limit(limit)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def oldest_open_ms(connection: Connection) -> int | None:
    return connection.execute(select(func.min(_c.first_failed_at_ms)).where(_c.status.in_(OPEN))).scalar()


def values_present(connection: Connection, column: str) -> list[str]:
    """The different values of an indexed column, hopping along the index instead of reading all letters."""
    which = _c[column]
    first = select(func.min(which).label("value"))
    hop = first.cte("hop", recursive=True)
    following = select(func.min(which)).where(which > hop.c.value).scalar_subquery()
    hops = hop.union_all(select(following).where(hop.c.value.is_not(None)))
    found = connection.execute(select(hops.c.value).where(hops.c.value.is_not(None)).limit(CHOICES))
    return [value for value in found.scalars() if value]


def waiting_sessions(connection: Connection, limit: int) -> Sequence[Row[str, int, str, str]]:
    """Session, time in milliseconds, exception type and task of its latest failure among open letters."""
    statement = (
        select(_c.session_id, _c.last_failed_at_ms, _c.exception_type, _c.task_name)
        .ext(distinct_on(_c.session_id))
        .where(_c.status.in_(OPEN), _c.session_id.is_not(None))
        .order_by(_c.session_id, _c.last_failed_at_ms.desc())
        .limit(limit)
    )
    return connection.execute(statement).all()


def _newest_rows_of(
    connection: Connection, statement: Select[Any], which: ColumnElement[bool]
) -> Sequence[RowMapping]:
    newest = statement.where(which).order_by(literal_column("id").desc()).limit(SHOWN_PER_LETTER)
    return connection.execute(newest).mappings().all()[::-1]


def _position(cursor: str) -> tuple[int, int]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(cursor)
    return int(match[1]), int(match[2])
