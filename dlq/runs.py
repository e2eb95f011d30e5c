"""Pages of letters narrowed by several things at once, such as a task and a state.

No index serves every combination, and walking one of them can pass by all letters before it finds the few
that match. The tally knows which combinations there are: the fingerprints and states of what matches. Letters
of one fingerprint and state, a run, lie in order in an index, and a page is the newest of its runs.
"""

from collections.abc import Sequence
from dataclasses import fields, replace

from sqlalchemy import (
    Connection,
    Row,
    RowMapping,
    Select,
    TableValuedAlias,
    Text,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from dlq import queries
from dlq.counting import tally_conditions
from dlq.letters import OPEN
from dlq.queries import LIGHT, NEWEST, LetterFilter, conditions
from dlq.tables import dead_letter, dead_letter_tally
from dlq.tally import DIMENSIONS

#: Runs that one page is merged from. What more match is so common that walking any index finds it.
MAX_RUNS = 150
#: Few letters share one of these, and its own index is enough.
_RARE = ("session_id", "client_id", "task_id", "operation_id")

_ANYTHING = LetterFilter()

_c, _t = dead_letter.c, dead_letter_tally.c


def narrowed_by_several(narrowed: LetterFilter) -> bool:
    """Whether the filter names several dimensions of the tally, and nothing that few letters share."""
    asked = {field.name for field in fields(narrowed) if getattr(narrowed, field.name) not in ("", (), None)}
    return len(asked & set(DIMENSIONS)) > 1 and not asked & set(_RARE)


def letters_page(
    connection: Connection, narrowed: LetterFilter, after: str | None, limit: int
) -> tuple[Sequence[RowMapping], str | None]:
    """Up to `limit` letters without body and headers, and the cursor of the next page; None on the last."""
    known = _known(connection, narrowed)
    if len(known) > MAX_RUNS:
        return queries.letters_page(connection, narrowed, after, limit)
    run = _table_of(known)
    letters = _letters_of(run, known, narrowed)
    if after is not None:
        letters = letters.where(tuple_(_c.last_failed_at_ms, _c.id) < tuple_(*queries.position(after)))
    each = letters.order_by(*NEWEST).limit(limit + 1).lateral("each")
    merged = (
        select(each.c.id)
        .select_from(run.join(each, true()))
        .order_by(each.c.last_failed_at_ms.desc(), each.c.id.desc())
        .limit(limit + 1)
        .subquery("merged")
    )
    statement = select(*LIGHT).join(merged, merged.c.id == _c.id).order_by(*NEWEST)
    return queries.cut(connection.execute(statement).mappings().all(), limit)


def oldest_open_ms(connection: Connection, narrowed: LetterFilter) -> int | None:
    """The latest failure of the open letter for which it is longest ago."""
    states = tuple(status for status in OPEN if status in (narrowed.status or OPEN))
    if not states:
        return None
    wanted = replace(narrowed, status=states)
    known = _known(connection, wanted) if narrowed_by_several(wanted) else None
    if known is None or len(known) > MAX_RUNS:
        return queries.oldest_ms(connection, wanted)
    run = _table_of(known)
    ordered = _letters_of(run, known, wanted).order_by(_c.last_failed_at_ms, _c.id)
    each = ordered.limit(1).lateral("each")
    oldest = select(func.min(each.c.last_failed_at_ms)).select_from(run.join(each, true()))
    return connection.execute(oldest).scalar()


def _known(connection: Connection, narrowed: LetterFilter) -> Sequence[Row[str, str, bool]]:
    """Fingerprint and state of each run with letters that match, and whether all of the run do.

    One more than MAX_RUNS at most.
    """
    matching = func.sum(_t.letters).filter(*tally_conditions(narrowed))
    statement = (
        select(_t.fingerprint, _t.status, (matching == func.sum(_t.letters)).label("wholly"))
        .group_by(_t.fingerprint, _t.status)
        .having(matching > 0)
        .limit(MAX_RUNS + 1)
    )
    return connection.execute(statement).all()


def _table_of(known: Sequence[Row[str, str, bool]]) -> TableValuedAlias:
    columns = [literal([run[at] for run in known], ARRAY(Text)) for at in (0, 1)]
    return func.unnest(*columns).table_valued("fingerprint", "status", name="run").render_derived()


def _letters_of(
    run: TableValuedAlias, known: Sequence[Row[str, str, bool]], narrowed: LetterFilter
) -> Select[int, int]:
    """Number and time of a run's letters.

    Names that all runs wholly have are not asked for again: the planner takes them for independent of the
    fingerprint, and would look them up in their own indexes for each run.
    """
    if all(wholly for _, _, wholly in known):
        narrowed = replace(narrowed, **{name: getattr(_ANYTHING, name) for name in DIMENSIONS})
    return select(_c.id, _c.last_failed_at_ms).where(
        _c.fingerprint == run.c.fingerprint, _c.status == run.c.status, *conditions(narrowed)
    )
