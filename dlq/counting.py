"""How many letters there are, in all or by status, task and the like.

What the tally knows is summed there, at the same cost however many letters there are. What only the letters
know (session, client, times) is counted over at most `CAP` of those that match, or `TEXT_CAP` for a text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, literal, select, tuple_

from dlq import search
from dlq.queries import LetterFilter, conditions
from dlq.tables import dead_letter, dead_letter_tally
from dlq.tally import DIMENSIONS

#: Letters counted one by one at most.
CAP = 10_000
#: Letters counted one by one at most where words must be looked up.
TEXT_CAP = 1_000
#: Different values, of all columns together, that are ranked.
_MAX_VALUES = 5_000
_ANYTHING = LetterFilter()

_c, _t = dead_letter.c, dead_letter_tally.c


@dataclass(frozen=True, slots=True)
class Counted:
    count: int
    capped: bool  #: counting ended there; there may be more


@dataclass(frozen=True, slots=True)
class Breakdown:
    total: Counted
    by: Mapping[str, Mapping[str, int]]  #: column -> value -> letters, most frequent first


def count(connection: Connection, narrowed: LetterFilter) -> Counted:
    if in_tally(narrowed):
        summed = select(func.coalesce(func.sum(_t.letters), 0)).where(*tally_conditions(narrowed))
        return Counted(connection.execute(summed).scalar_one(), capped=False)
    matching = _matching(narrowed, _c.id).subquery()
    return _counted(connection.execute(select(func.count()).select_from(matching)).scalar_one(), narrowed)


def breakdown(
    connection: Connection, columns: Sequence[str], narrowed: LetterFilter, limit: int
) -> Breakdown:
    """Letters per value of each of these dimensions of the tally, at most `limit` values of each."""
    from_tally = in_tally(narrowed)
    source = _tally_rows(narrowed) if from_tally else _letter_rows(narrowed)
    which = [source.c[column] for column in columns]
    letters = func.sum(source.c.letters).label("letters")
    statement = (
        select(*which, letters)
        .group_by(func.grouping_sets(*map(tuple_, which), tuple_()))
        .having(letters > 0)
        .order_by(letters.desc(), *which)
        .limit(_MAX_VALUES)
    )
    total = 0
    by: dict[str, dict[str, int]] = {column: {} for column in columns}
    for *values, number in connection.execute(statement):
        # Each row is of one column, and the others are NULL; of none, it is the total.
        filled = [pair for pair in zip(columns, values, strict=True) if pair[1] is not None]
        if not filled:
            total = number
        for column, value in filled:
            if len(by[column]) < limit:
                by[column][value] = number
    return Breakdown(Counted(total, capped=False) if from_tally else _counted(total, narrowed), by)


def in_tally(narrowed: LetterFilter) -> bool:
    """Whether the tally alone can count what matches."""
    asked = {
        field.name
        for field in fields(narrowed)
        if getattr(narrowed, field.name) != getattr(_ANYTHING, field.name)
    }
    return asked <= set(DIMENSIONS)


def tally_conditions(narrowed: LetterFilter) -> list[ColumnElement[bool]]:
    """What the rows of the tally are narrowed to, for a filter that `in_tally` accepts."""
    asked = {name: getattr(narrowed, name) for name in DIMENSIONS if getattr(narrowed, name)}
    return [
        _t[name].in_(value) if isinstance(value, tuple) else _t[name] == value
        for name, value in asked.items()
    ]


def _tally_rows(narrowed: LetterFilter) -> FromClause:
    return select(dead_letter_tally).where(*tally_conditions(narrowed)).subquery()


def _letter_rows(narrowed: LetterFilter) -> FromClause:
    matching = _matching(narrowed, *(_c[name] for name in DIMENSIONS)).subquery()
    return select(*matching.c, literal(1).label("letters")).subquery()


def _matching(narrowed: LetterFilter, *columns: ColumnElement[Any]) -> Select[Any]:
    """These columns of at most so many letters as are counted."""
    if not narrowed.text:
        return select(*columns).where(*conditions(narrowed)).limit(CAP)
    some = search.some(narrowed, TEXT_CAP).subquery()
    return select(*columns).join(some, some.c.id == _c.id)


def _counted(found: int, narrowed: LetterFilter) -> Counted:
    return Counted(found, capped=found >= (TEXT_CAP if narrowed.text else CAP))
