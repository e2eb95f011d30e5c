"""Pages of letters that have the words of a search, newest failure first.

Common words are met soon when one walks the letters from the newest; rare ones are looked up in the index of
words, in spans of time that grow until the page is full. That index knows no states: letters in a rare one
are walked on instead. Either way a page reads a bounded number of rows: when those do not fill it, it ends
early, and the next one goes on from there.

The planner knows little about words, so each statement leaves it no choice: what is looked at is found first,
and the rest of each letter by its number, behind an OFFSET that nothing is moved across.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    Select,
    false,
    func,
    select,
    true,
    tuple_,
)

from dlq import words
from dlq.queries import LIGHT, NEWEST, LetterFilter, conditions, cursor, cursor_of, has_words, position
from dlq.tables import dead_letter, dead_letter_tally, dead_letter_words
from dlq.times import to_ms

#: Letters walked one by one before the index of words is asked.
WALKED = 500
#: Letters that one page walks when they are in a rare state.
WALKED_IF_RARE = 4_000
#: A state is rare when fewer than one of so many letters are in it.
RARE = 100
#: Letters with the right words, in one span, whose other properties are looked at.
CANDIDATES = 5_000
#: Spans looked through for one page; the last one reaches back to the first letter.
SPANS = 3
#: How much wider than the letters passed so far a span is when none of them matched.
_WIDER = 4_096
_SHORTEST_MS = 60_000

#: What letters are narrowed to that is among their words.
_NAMES = ("task_name", "exception_type", "queue", "category", "fingerprint")
#: Without all that the index of words is asked, or a time.
_INDEXED: Mapping[str, Any] = dict.fromkeys(_NAMES, "") | {"failed_from": None, "failed_to": None}

_Position = tuple[int, int]  #: time of the latest failure in milliseconds, letter
_c, _w, _t = dead_letter.c, dead_letter_words.c, dead_letter_tally.c


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A run of letters from newer to older, of which at most `bound` are looked at."""

    looked: CTE  #: their time and number
    matching: Select[Any]  #: those of them that match
    bound: int
    until: _Position | None  #: where it ends when they are fewer; None: no letter is older


@dataclass(frozen=True, slots=True)
class _Looked:
    rows: Sequence[RowMapping]
    number: int  #: of letters that were looked at
    reached: _Position | None  #: None: no letter is older
    passed_ms: int  #: time between the newest and the oldest that was looked at


def letters_page(
    connection: Connection, narrowed: LetterFilter, after: str | None, limit: int
) -> tuple[Sequence[RowMapping], str | None]:
    """Up to `limit` letters without body and headers, and the cursor to go on from; None at the end."""
    asked = words.search(narrowed.text)
    if asked is None:
        return [], None
    others = replace(narrowed, text="")
    stretch = _newest(others, asked, None if after is None else position(after), WALKED)
    found: list[RowMapping] = []
    reached, width_ms, walks_on = (0, 0), 0, False
    for turn in range(SPANS + 1):
        looked = _look(connection, stretch, limit + 1 - len(found))
        found += looked.rows
        if len(found) > limit:
            return found[:limit], cursor_of(found[limit - 1])
        if looked.reached is None:
            return found, None
        reached = looked.reached
        if walks_on:
            break
        walks_on = turn == 0 and _are_rare(connection, others)
        if walks_on:
            stretch = _newest(others, asked, reached, WALKED_IF_RARE - WALKED)
            continue
        # Twice as wide as would do if the rest lay as close as what was found.
        wider = 2 * (limit + 1 - len(found)) // len(looked.rows) + 1 if looked.rows else _WIDER
        width_ms = max(width_ms, looked.passed_ms, _SHORTEST_MS) * min(wider, _WIDER)
        since_ms = reached[0] - width_ms
        if turn == 0:
            is_rare = not looked.rows and _are_rare_words(connection, others, asked)
        else:
            is_rare = not looked.number
        is_last = is_rare or turn == SPANS - 1
        stretch = _older(others, asked, reached, None if is_last else since_ms, is_rare)
    return found, cursor(*reached)


def _are_rare(connection: Connection, others: LetterFilter) -> bool:
    """Whether few letters are in the states asked for."""
    if not others.status:
        return False
    such = func.coalesce(func.sum(_t.letters).filter(_t.status.in_(others.status)), 0)
    statement = select(such * RARE < func.sum(_t.letters))
    return bool(connection.execute(statement).scalar_one())


def _are_rare_words(connection: Connection, others: LetterFilter, asked: words.Search) -> bool:
    """Whether the index knows few letters, going by the newest: for none that were walked had the words.

    That tells it when the index is asked for all that they were. Else what it is asked for may be common
    elsewhere, and to sort all that it knows would take long.
    """
    if asked.indexed == asked.query and replace(others, **_INDEXED) == LetterFilter():
        return True
    newest = select(_w.words).order_by(_w.failed_at_ms.desc(), _w.letter_id.desc()).limit(WALKED).subquery()
    known = select(newest.c.words).where(_indexed(others, asked, newest.c.words)).limit(1)
    return connection.execute(known).first() is None


def _newest(others: LetterFilter, asked: words.Search, before: _Position | None, bound: int) -> _Stretch:
    """The newest letters; whether they have the words is seen letter by letter."""
    letters = select(_c.last_failed_at_ms.label("at_ms"), _c.id).where(*conditions(others))
    if before is not None:
        letters = letters.where(tuple_(_c.last_failed_at_ms, _c.id) < tuple_(*before))
    looked = _materialized(letters.order_by(*NEWEST).limit(bound))
    own = select(_w.words).where(_w.letter_id == looked.c.id).offset(0).lateral("own")
    having = (
        select(looked.c.id)
        .join(own, true())
        .where(has_words(asked.query, own.c.words))
        .order_by(looked.c.at_ms.desc(), looked.c.id.desc())
    )
    return _Stretch(looked, having, bound, None)


def _older(
    others: LetterFilter,
    asked: words.Search,
    before: _Position,
    since_ms: int | None,
    is_rare: bool,
) -> _Stretch:
    """What the index of words knows before a position, back to a time.

    Words that are rare are looked up there alone: the planner takes them for common, and would read all of
    an index on times beside it. No index has the sum.
    """
    at_ms = _w.failed_at_ms + 0 if is_rare else _w.failed_at_ms
    letters = select(at_ms.label("at_ms"), _w.letter_id.label("id"), _w.words).where(
        _indexed(others, asked, _w.words), tuple_(at_ms, _w.letter_id) < tuple_(*before)
    )
    if since_ms is not None:
        letters = letters.where(at_ms >= since_ms)
    newest = letters.order_by(at_ms.desc(), _w.letter_id.desc()).limit(CANDIDATES)
    looked = _materialized(newest)
    matching = _checked(looked, others, asked).order_by(looked.c.at_ms.desc(), looked.c.id.desc())
    first_ms = 0 if others.failed_from is None else to_ms(others.failed_from)
    until = None if since_ms is None or since_ms <= first_ms else (since_ms, 0)
    return _Stretch(looked, matching, CANDIDATES, until)


def some(narrowed: LetterFilter, limit: int) -> Select[int]:
    """Numbers of up to `limit` letters that match, in no order, found among CANDIDATES with the words."""
    asked = words.search(narrowed.text)
    if asked is None:
        return select(_c.id).where(false())
    others = replace(narrowed, text="")
    letters = select(_w.letter_id.label("id"), _w.words).where(_indexed(others, asked, _w.words))
    return _checked(_materialized(letters.limit(CANDIDATES)), others, asked).limit(limit)


def _indexed(others: LetterFilter, asked: words.Search, of: ColumnElement[Any]) -> ColumnElement[bool]:
    """What the index of words is asked. The names in the filter are words too, and narrow it."""
    names = [getattr(others, name) for name in _NAMES]
    return has_words(" & ".join([asked.indexed, *words.having(names)]), of)


def _checked(looked: CTE, others: LetterFilter, asked: words.Search) -> Select[int]:
    """Those with all that is asked, beyond what the index was asked for."""
    own = select(_c.id).where(_c.id == looked.c.id, *conditions(others)).offset(0).lateral("own")
    return select(looked.c.id).join(own, true()).where(has_words(asked.query, looked.c.words))


def _look(connection: Connection, stretch: _Stretch, limit: int) -> _Looked:
    matching = stretch.matching.limit(limit).subquery()
    shown = dead_letter.join(matching, matching.c.id == _c.id)
    last = _last(stretch.looked)
    # One row at least, with no letter in it when none matches, unless there was nothing to look at.
    statement = select(last, *LIGHT).select_from(last.outerjoin(shown, true())).order_by(*NEWEST)
    rows = connection.execute(statement).mappings().all()
    if not rows:
        return _Looked([], 0, stretch.until, 0)
    matched = [row for row in rows if row["id"] is not None]
    end = rows[0]
    number = end["number"]
    if number < stretch.bound:
        return _Looked(matched, number, stretch.until, 0)
    return _Looked(matched, number, (end["reached_ms"], end["reached_id"]), end["passed_ms"])


def _last(looked: CTE) -> FromClause:
    """The oldest that was looked at, how many there were, and the time they span."""
    at_ms, letter_id = looked.c.at_ms, looked.c.id
    number, newest_ms = func.count().over(), func.max(at_ms).over()
    return (
        select(
            at_ms.label("reached_ms"),
            letter_id.label("reached_id"),
            number.label("number"),
            (newest_ms - at_ms).label("passed_ms"),
        )
        .order_by(at_ms, letter_id)
        .limit(1)
        .subquery("last")
    )


def _materialized(letters: Select[Any]) -> CTE:
    return letters.cte("looked").prefix_with("MATERIALIZED")
