"""Pages of letters narrowed by several things at once, such as a task and a state, or by clients.

No index serves every combination, and walking one of them can pass by all letters before it finds the few
that match. Letters of one fingerprint and state, a run, lie in order in an index, as do those of one client
and state; a page is the newest of its runs. Which fingerprints and states match is known to the tally.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice, product

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    TableValuedAlias,
    Text,
    and_,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from dlq import queries
from dlq.counting import tally_conditions
from dlq.letters import OPEN, Status
from dlq.queries import LIGHT, NEWEST, LetterFilter, conditions
from dlq.tables import dead_letter, dead_letter_tally
from dlq.tally import DIMENSIONS

#: Runs that one page is merged from. What more match is so common that walking any index finds it.
MAX_RUNS = 150
#: Few letters share one of these, and its own index is enough.
_RARE = ("session_id", "task_id", "operation_id")

_ANYTHING = LetterFilter()

_c, _t = dead_letter.c, dead_letter_tally.c


@dataclass(frozen=True, slots=True)
class _Runs:
    names: tuple[str, str]  #: two columns that an index begins with
    values: Sequence[tuple[str, str]]  #: of these columns; one pair is one run
    others: LetterFilter  #: what is yet to be asked of the letters of each run

    def table(self) -> TableValuedAlias:
        columns = [literal([value[at] for value in self.values], ARRAY(Text)) for at in (0, 1)]
        return func.unnest(*columns).table_valued(*self.names, name="run").render_derived()

    def letters(self, run: TableValuedAlias) -> Select[int, int]:
        """Number and time of the letters of one run."""
        within = and_(*(_c[name] == run.c[name] for name in self.names))
        return select(_c.id, _c.last_failed_at_ms).where(within, *conditions(self.others))


def narrowed_by_several(narrowed: LetterFilter) -> bool:
    """Whether the filter names clients or several dimensions of the tally, and nothing rarer."""
    asked = {
        field.name
        for field in fields(narrowed)
        if getattr(narrowed, field.name) != getattr(_ANYTHING, field.name)
    }
    several = bool(asked & {"client_id", "clients"}) or len(asked & set(DIMENSIONS)) > 1
    # Any priority but that of most messages is rare too.
    return several and not asked & set(_RARE) and not narrowed.priority


def letters_page(
    connection: Connection, narrowed: LetterFilter, after: str | None, limit: int
) -> tuple[Sequence[RowMapping], str | None]:
    """Up to `limit` letters without body and headers, and the cursor of the next page; None on the last."""
    found = _runs(connection, narrowed)
    if len(found.values) > MAX_RUNS:
        return queries.letters_page(connection, narrowed, after, limit)
    run = found.table()
    letters = found.letters(run)
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
    found = _runs(connection, wanted) if narrowed_by_several(wanted) else None
    if found is None or len(found.values) > MAX_RUNS:
        return queries.oldest_ms(connection, wanted)
    run = found.table()
    ordered = found.letters(run).order_by(_c.last_failed_at_ms, _c.id)
    each = ordered.limit(1).lateral("each")
    oldest = select(func.min(each.c.last_failed_at_ms)).select_from(run.join(each, true()))
    return connection.execute(oldest).scalar()


def _runs(connection: Connection, narrowed: LetterFilter) -> _Runs:
    """The runs with letters that match, one more than MAX_RUNS at most."""
    if narrowed.client_id or narrowed.clients is not None:
        return _runs_of_clients(narrowed)
    return _runs_in_tally(connection, narrowed)


def _runs_of_clients(narrowed: LetterFilter) -> _Runs:
    named = {narrowed.client_id} if narrowed.client_id else None
    clients = [set(one) for one in (named, narrowed.clients) if one is not None]
    states = [status.value for status in narrowed.status or Status]
    pairs = product(sorted(set.intersection(*clients)), states)
    others = replace(narrowed, client_id="", clients=None, status=())
    return _Runs(("client_id", "status"), tuple(islice(pairs, MAX_RUNS + 1)), others)


def _runs_in_tally(connection: Connection, narrowed: LetterFilter) -> _Runs:
    """Names that all runs wholly have are not asked for again.

    The planner takes them for independent of the fingerprint, and would look them up in their own indexes
    for each run.
    """
    matching = func.sum(_t.letters).filter(*tally_conditions(narrowed))
    statement = (
        select(_t.fingerprint, _t.status, (matching == func.sum(_t.letters)).label("wholly"))
        .group_by(_t.fingerprint, _t.status)
        .having(matching > 0)
        .limit(MAX_RUNS + 1)
    )
    known = connection.execute(statement).all()
    if all(wholly for _, _, wholly in known):
        narrowed = replace(narrowed, **{name: getattr(_ANYTHING, name) for name in DIMENSIONS})
    pairs = tuple((fingerprint, status) for fingerprint, status, _ in known)
    return _Runs(("fingerprint", "status"), pairs, narrowed)
