"""All letters of a filter as CSV, block after block: read by keyset, so of any number in constant memory.

Spreadsheets run text that begins like a formula, so an apostrophe is put before it. What is written is
redacted as on the page.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Engine

from dlq import console
from dlq.access import Actor
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.views import LetterSummary

COLUMNS = (
    *("id", "task_id", "task_name", "kind", "status", "category", "exception_type", "message", "fingerprint"),
    *("occurrences", "attempts", "queue", "session_id", "client_id", "correlation_id"),
    *("first_failed_at", "failed_at", "resolved_at", "discarded_at", "claimed_by", "retry_task_id"),
)
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def letters_csv(engine: Engine, by: Actor, narrowed: LetterFilter, *, redactor: Redactor) -> Iterator[str]:
    """The head and every matching letter, newest failure first. The first block checks the permission.

    A letter that fails once more while the file is read may be missing from it; none is in it twice.
    """
    after: str | None = None
    head: Iterable[tuple[str, ...]] = (COLUMNS,)
    while True:
        page = console.letters(engine, by, narrowed, after, console.MAX_PAGE, redactor=redactor)
        yield _block([*head, *map(_cells, page.letters)])
        if page.next is None:
            return
        head, after = (), page.next


def _block(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(letter: LetterSummary) -> tuple[str, ...]:
    return tuple(_inert(_written(getattr(letter, name))) for name in COLUMNS)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text
