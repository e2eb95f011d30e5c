"""Pages of letters that have the words of a search, newest failure first.

Common words are met soon when one walks the letters from the newest; rare ones are looked up in the index of
words, in spans of time that grow until the page is full. Either way a page reads a bounded number of rows:
when those do not fill it, it ends early, and the next one goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, RowMapping, Select, func, select, tuple_

from dlq import words
from dlq.queries import LIGHT, NEWEST, LetterFilter, conditions, cursor, cursor_of, has_words, position
from dlq.tables import dead_letter, dead_letter_words
from dlq.times import to_ms

#: Letters walked one by one before the index of words is asked.
WALKED = 2_000
#: Letters with the right words, in one span, whose other properties are looked at.
CANDIDATES = 5_000
#: Spans looked through for one page; the last one reaches back to the first letter.
SPANS = 6
_WIDER = 16
_SHORTEST_MS = 60_000

_Position = tuple[int, int]  #: time of the latest failure in milliseconds, letter
_c, _w = dead_letter.c, dead_letter_words.c


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A run of letters from newer to older, of which at most `bound` are looked at."""

    letters: Select[int, int]  #: their time and number
    bound: int
    until: _Position | None  #: where it ends when they are fewer; None: no letter is older


def letters_page(
    connection: Connection, narrowed: LetterFilter, after: str | None, limit: int
) -> tuple[Sequence[RowMapping], str | None]:
    """Up to `limit` letters without body and headers, and the cursor to go on from; None at the end."""
    asked = words.search(narrowed.text)
    if asked is None:
        return [], None
    others = replace(narrowed, text="")
    stretch = _newest(others, None if after is None else position(after))
    found: list[RowMapping] = []
    reached, width_ms = (0, 0), 0
    for turn in range(SPANS + 1):
        found += _matching(connection, stretch, others, asked, limit + 1 - len(found))
        if len(found) > limit:
            return found[:limit], cursor_of(found[limit - 1])
        end, passed_ms = _end(connection, stretch)
        if end is None:
            return found, None
        reached = end
        width_ms = max(width_ms, passed_ms, _SHORTEST_MS) * _WIDER
        stretch = _older(others, asked, reached, None if turn == SPANS - 1 else reached[0] - width_ms)
    return found, cursor(*reached)


def _newest(others: LetterFilter, before: _Position | None) -> _Stretch:
    letters = select(_c.last_failed_at_ms.label("at_ms"), _c.id).where(*conditions(others))
    if before is not None:
        letters = letters.where(tuple_(_c.last_failed_at_ms, _c.id) < tuple_(*before))
    return _Stretch(letters.order_by(*NEWEST).limit(WALKED), WALKED, None)


def _older(others: LetterFilter, asked: str, before: _Position, since_ms: int | None) -> _Stretch:
    """What the index of words knows before a position, back to a time. The names asked for narrow it too."""
    names = [others.task_name, others.exception_type, others.queue, others.category, others.fingerprint]
    narrower = " & ".join([f"({asked})", *words.having(names)])
    letters = select(_w.failed_at_ms.label("at_ms"), _w.letter_id.label("id")).where(
        has_words(narrower), tuple_(_w.failed_at_ms, _w.letter_id) < tuple_(*before)
    )
    first_ms = 0 if others.failed_from is None else to_ms(others.failed_from)
    if since_ms is not None:
        letters = letters.where(_w.failed_at_ms >= since_ms)
    until = None if since_ms is None or since_ms <= first_ms else (since_ms, 0)
    ordered = letters.order_by(_w.failed_at_ms.desc(), _w.letter_id.desc())
    return _Stretch(ordered.limit(CANDIDATES), CANDIDATES, until)


def _matching(
    connection: Connection, stretch: _Stretch, others: LetterFilter, asked: str, limit: int
) -> Sequence[RowMapping]:
    looked = stretch.letters.cte("looked").prefix_with("MATERIALIZED")
    statement = (
        select(*LIGHT)
        .join(looked, looked.c.id == _c.id)
        .join(dead_letter_words, _w.letter_id == _c.id)
        .where(has_words(asked), *conditions(others))
        .order_by(*NEWEST)
        .limit(limit)
    )
    return connection.execute(statement).mappings().all()


def _end(connection: Connection, stretch: _Stretch) -> tuple[_Position | None, int]:
    """The position up to which the stretch was looked at, and the milliseconds that it spans."""
    looked = stretch.letters.subquery()
    number, passed_ms = func.count().over(), func.max(looked.c.at_ms).over() - looked.c.at_ms
    oldest = select(looked.c.at_ms, looked.c.id, number, passed_ms).order_by(looked.c.at_ms, looked.c.id)
    row = connection.execute(oldest.limit(1)).one_or_none()
    if row is None or row[2] < stretch.bound:
        return stretch.until, 0
    return (row[0], row[1]), row[3]
