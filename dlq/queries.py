"""What letters are narrowed to, and the statements that read them. Lists come in pages by keyset, newest
failure first. Pages of a text search are in `search`, numbers in `counting`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY, distinct_on

from dlq import words
from dlq.errors import BadCursor
from dlq.letters import OPEN, Kind, Status
from dlq.tables import dead_letter, dead_letter_attempt, dead_letter_history, dead_letter_words
from dlq.times import to_ms

#: Attempts and history rows shown of one letter: the newest ones.
SHOWN_PER_LETTER = 200
#: Different values offered per filter.
CHOICES = 200

_c = dead_letter.c
_HEAVY = {"body", "headers", "properties", "sealed_headers"}
LIGHT = tuple(column for column in _c if column.name not in _HEAVY)
NEWEST = (_c.last_failed_at_ms.desc(), _c.id.desc())
_EQUAL = ("task_name", "exception_type", "queue", "category", "fingerprint", "session_id", "client_id")
#: Reads a page of letters: (connection, narrowed, after, limit) -> (rows, cursor of the next page).
Reader = Callable[[Connection, "LetterFilter", str | None, int], tuple[Sequence[RowMapping], str | None]]
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
    client_id: str = ""
    task_id: str = ""  #: of the failed run or of its latest retry
    text: str = ""  #: all its words, the last one as a beginning; what has no word in it matches nothing
    failed_from: datetime | None = None
    failed_to: datetime | None = None  #: exclusive
    operation_id: int | None = None  #: that changed the letter last
    priority: int | None = None  #: of the message; what has none is not among those of priority 0
    clients: tuple[str, ...] | None = None  #: only letters of these clients; None: of all, and of none


def letters_page(
    connection: Connection, narrowed: LetterFilter, after: str | None, limit: int
) -> tuple[Sequence[RowMapping], str | None]:
    """Up to `limit` letters without body and headers, and the cursor of the next page; None on the last."""
    statement = select(*LIGHT).where(*conditions(narrowed))
    if after is not None:
        statement = statement.where(tuple_(_c.last_failed_at_ms, _c.id) < tuple_(*position(after)))
    return cut(connection.execute(statement.order_by(*NEWEST).limit(limit + 1)).mappings().all(), limit)


def cut(rows: Sequence[RowMapping], limit: int) -> tuple[Sequence[RowMapping], str | None]:
    """The first `limit` of rows, and the cursor to go on from when there are more."""
    return rows[:limit], cursor_of(rows[limit - 1]) if len(rows) > limit else None


def cursor_of(row: RowMapping) -> str:
    return cursor(row["last_failed_at_ms"], row["id"])


def cursor(failed_at_ms: int, letter_id: int) -> str:
    return f"{failed_at_ms}-{letter_id}"


def position(after: str) -> tuple[int, int]:
    """The time in milliseconds and the letter that a cursor names. Raises BadCursor."""
    match = _CURSOR.fullmatch(after)
    if match is None:
        raise BadCursor(after)
    return int(match[1]), int(match[2])


def conditions(narrowed: LetterFilter) -> list[ColumnElement[bool]]:
    found = [_c[name] == getattr(narrowed, name) for name in _EQUAL if getattr(narrowed, name)]
    if narrowed.status:
        found.append(_one_of(_c.status, narrowed.status))
    if narrowed.kind:
        found.append(_one_of(_c.kind, narrowed.kind))
    if narrowed.operation_id is not None:
        found.append(_c.operation_id == narrowed.operation_id)
    if narrowed.priority is not None:
        found.append(_c.priority == narrowed.priority)
    if narrowed.clients is not None:
        found.append(_c.client_id.in_(narrowed.clients))
    if narrowed.task_id:
        found.append(or_(_c.task_id == narrowed.task_id, _c.retry_task_id == narrowed.task_id))
    if narrowed.text:
        asked = words.search(narrowed.text)
        answers = false() if asked is None else has_words(asked.query, dead_letter_words.c.words)
        found.append(_c.id.in_(select(dead_letter_words.c.letter_id).where(answers)))
    if narrowed.failed_from is not None:
        found.append(_c.last_failed_at_ms >= to_ms(narrowed.failed_from))
    if narrowed.failed_to is not None:
        found.append(_c.last_failed_at_ms < to_ms(narrowed.failed_to))
    return found


def has_words(query: str, of: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the words of a letter answer a tsquery of `words`."""
    return of.bool_op("@@")(cast(query, TSQUERY))


def _one_of(column: ColumnElement[str], values: Sequence[StrEnum]) -> ColumnElement[bool]:
    # Written out and not bound: with a parameter the planner cannot use an index on open letters alone.
    return column.in_(
        bindparam(None, [value.value for value in values], expanding=True, literal_execute=True)
    )


def newest(connection: Connection, narrowed: LetterFilter) -> int | None:
    statement = select(_c.id).where(*conditions(narrowed)).order_by(*NEWEST).limit(1)
    return connection.execute(statement).scalar_one_or_none()


def attempts_of(connection: Connection, letter_id: int) -> Sequence[RowMapping]:
    return _newest_rows_of(
        connection, select(dead_letter_attempt), dead_letter_attempt.c.letter_id == letter_id
    )


def history_of(connection: Connection, letter_id: int) -> Sequence[RowMapping]:
    return _newest_rows_of(
        connection, select(dead_letter_history), dead_letter_history.c.letter_id == letter_id
    )


def oldest_ms(connection: Connection, narrowed: LetterFilter) -> int | None:
    """The latest failure of the letter for which it is longest ago."""
    oldest = select(_c.last_failed_at_ms).where(*conditions(narrowed)).order_by(_c.last_failed_at_ms, _c.id)
    return connection.execute(oldest.limit(1)).scalar()


def values_present(connection: Connection, column: str) -> list[str]:
    """The different values of an indexed column, hopping along the index instead of reading all letters."""
    which = _c[column]
    first = select(func.min(which).label("value"))
    hop = first.cte("hop", recursive=True)
    following = select(func.min(which)).where(which > hop.c.value).scalar_subquery()
    hops = hop.union_all(select(following).where(hop.c.value.is_not(None)))
    found = connection.execute(select(hops.c.value).where(hops.c.value.is_not(None)).limit(CHOICES))
    return [value for value in found.scalars() if value]


def waiting_sessions(
    connection: Connection, narrowed: LetterFilter, limit: int
) -> Sequence[Row[str, int, str, str]]:
    """Session, time in milliseconds, exception type and task of its latest failure among open letters."""
    statement = (
        select(_c.session_id, _c.last_failed_at_ms, _c.exception_type, _c.task_name)
        .ext(distinct_on(_c.session_id))
        .where(_one_of(_c.status, OPEN), _c.session_id.is_not(None), *conditions(narrowed))
        .order_by(_c.session_id, _c.last_failed_at_ms.desc())
        .limit(limit)
    )
    return connection.execute(statement).all()


def _newest_rows_of(
    connection: Connection, statement: Select[Any], which: ColumnElement[bool]
) -> Sequence[RowMapping]:
    newest = statement.where(which).order_by(literal_column("id").desc()).limit(SHOWN_PER_LETTER)
    return connection.execute(newest).mappings().all()[::-1]
