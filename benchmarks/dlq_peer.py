"""What one writes first to look at failed tasks: one table, an index on each column, and plain SQL.

It is asked what Onward is asked: OFFSET for the pages of a list, ILIKE for each word of a search over the
text of a letter, count(*) and GROUP BY for numbers. Counts are never capped and a page is always full.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Executable,
    Select,
    TableClause,
    column,
    distinct,
    func,
    select,
    table,
    text,
)

from benchmarks.letters import NOW
from dlq.letters import OPEN
from dlq.queries import LetterFilter
from dlq.times import to_ms

_COPIED = (
    *("id", "task_id", "task_name", "queue", "kind", "status", "category", "exception_type", "message"),
    *("fingerprint", "attempts", "occurrences", "session_id", "client_id", "correlation_id"),
    *("first_failed_at_ms", "last_failed_at_ms"),
)
_INDEXED = (
    *("task_id", "task_name", "queue", "kind", "status", "category", "exception_type", "fingerprint"),
    *("session_id", "client_id", "last_failed_at_ms"),
)
_EQUAL = ("task_name", "exception_type", "queue", "category", "fingerprint", "session_id", "client_id")
_COUNTED = ("status", "kind", "category", "task_name", "exception_type", "queue")
_OFFERED = ("task_name", "queue", "exception_type")
_RANKED = 20
_SHOWN_GROUPS = 25
_HOUR_MS = 3_600_000

_plain: TableClause = table("plain_letter", *map(column, (*_COPIED, "body", "searched")), schema="onward")
_p = _plain.c


def build(engine: Engine) -> None:
    """Copy the letters, unless that has been done."""
    with engine.begin() as connection:
        if connection.execute(text("SELECT to_regclass('onward.plain_letter')")).scalar() is not None:
            return
        connection.execute(_COPY)
        for name in ("id", *_INDEXED):
            connection.execute(text(f"CREATE INDEX ON onward.plain_letter ({name})"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE onward.plain_letter"))


_COPY = text(f"""
    CREATE UNLOGGED TABLE onward.plain_letter AS
    SELECT {", ".join(_COPIED)}, body,
           concat_ws(' ', task_id, task_name, queue, kind, category, exception_type, message, fingerprint,
                     session_id, client_id, correlation_id, convert_from(body, 'UTF8')) AS searched
    FROM onward.dead_letter
""")


class Plain:
    """Answers what `benchmarks.dlq` asks."""

    def __init__(self, engine: Engine, page_size: int) -> None:
        self._engine, self._page_size = engine, page_size

    def page(self, narrowed: LetterFilter, number: int, after: str | None) -> Any:  # noqa: ARG002 - one of two
        statement = select(*(_p[name] for name in _COPIED)).where(*_conditions(narrowed))
        newest = statement.order_by(_p.last_failed_at_ms.desc()).limit(self._page_size)
        return self._rows(newest.offset(number * self._page_size))

    def count(self, narrowed: LetterFilter) -> Any:
        return self._rows(select(func.count()).select_from(_plain).where(*_conditions(narrowed)))

    def stats(self, narrowed: LetterFilter) -> Any:
        return self._rows(*(_by(name, narrowed) for name in _COUNTED))

    def choices(self) -> Any:
        return self._rows(*(select(_p[name]).distinct() for name in _OFFERED))

    def groups(self, order: str) -> Any:
        """The groups, and the new letters of each by hour of the last day."""
        is_open = _p.status.in_(OPEN)
        numbers = {
            "blocked": func.count(distinct(_p.session_id)).filter(is_open),
            "newest": func.max(_p.last_failed_at_ms),
            "letters": func.count(),
        }
        groups = (
            select(_p.fingerprint, func.min(_p.message), func.count().filter(is_open), *numbers.values())
            .group_by(_p.fingerprint)
            .order_by(numbers[order].desc())
            .limit(_SHOWN_GROUPS)
        )
        hour = (_p.first_failed_at_ms / _HOUR_MS).label("hour")
        new = (
            select(_p.fingerprint, hour, func.count())
            .where(_p.first_failed_at_ms > to_ms(NOW) - 24 * _HOUR_MS)
            .group_by(_p.fingerprint, hour)
        )
        return self._rows(groups, new)

    def _rows(self, *statements: Executable) -> list[Any]:
        with self._engine.connect() as connection:
            return [connection.execute(statement).all() for statement in statements]


def _conditions(narrowed: LetterFilter) -> list[ColumnElement[bool]]:
    found = [_p[name] == getattr(narrowed, name) for name in _EQUAL if getattr(narrowed, name)]
    several = {"status": narrowed.status, "kind": narrowed.kind, "client_id": narrowed.clients}
    found += [_p[name].in_(values) for name, values in several.items() if values]
    found += [_p.searched.icontains(word, autoescape=True) for word in narrowed.text.split()]
    if narrowed.failed_from is not None:
        found.append(_p.last_failed_at_ms >= to_ms(narrowed.failed_from))
    if narrowed.failed_to is not None:
        found.append(_p.last_failed_at_ms < to_ms(narrowed.failed_to))
    return found


def _by(name: str, narrowed: LetterFilter) -> Select[Any]:
    number = func.count()
    counted = select(_p[name], number).where(*_conditions(narrowed)).group_by(_p[name])
    return counted.order_by(number.desc()).limit(_RANKED)
