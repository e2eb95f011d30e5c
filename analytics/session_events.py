"""All events of the sessions behind a number, session by session, oldest first, as PostgreSQL has them now.

No connection is held between two batches, however slowly they are taken.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, RowMapping, Text, bindparam, cast, column, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from analytics.belonging import Clients
from analytics.queries import Asked, Reader
from analytics.sessions import Selection, session_batches
from analytics.tables import event

#: Sessions whose events are asked for at once, and events of one batch at most.
MOST_SESSIONS = 500
MOST_EVENTS = 5000
EVENT_SCHEMA = pa.schema(
    [
        ("session_id", pa.string()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("name", pa.string()),
        ("client_id", pa.string()),
        ("user_id", pa.string()),
        ("properties", pa.string()),  # as JSON
    ]
)
_wanted = (
    func.unnest(bindparam("session_ids", type_=ARRAY(Text)))
    .table_valued(column("session_id", Text), with_ordinality="nth")
    .render_derived(name="wanted")
)
_shown = [event.c[name] for name in EVENT_SCHEMA.names[:-1]]
_in_order = (
    select(*_shown, cast(event.c.properties, Text).label("properties"), event.c.id, _wanted.c.nth)
    .join(event, event.c.session_id == _wanted.c.session_id)
    .order_by(_wanted.c.nth, event.c.occurred_at, event.c.id)
    .limit(MOST_EVENTS)
)
_after = tuple_(_wanted.c.nth, event.c.occurred_at, event.c.id) > tuple_(
    bindparam("nth"), bindparam("occurred_at", type_=event.c.occurred_at.type),
    bindparam("id", type_=event.c.id.type),
)  # fmt: skip


def event_batches(reader: Reader, asked: Asked, selection: Selection) -> Iterator[pa.RecordBatch]:
    """Columns of EVENT_SCHEMA. What cannot be asked is refused at the first batch."""
    for batch in session_batches(reader, asked, selection):
        ids = list(dict.fromkeys(batch["session_id"].to_pylist()))
        for first in range(0, len(ids), MOST_SESSIONS):
            yield from _events_of(reader.engine, ids[first : first + MOST_SESSIONS], asked.clients)


def _events_of(engine: Engine, session_ids: Sequence[str], clients: Clients) -> Iterator[pa.RecordBatch]:
    rows = _page(engine, {"session_ids": session_ids}, clients)
    while rows:
        yield pa.RecordBatch.from_pylist([dict(row) for row in rows], EVENT_SCHEMA)
        if len(rows) < MOST_EVENTS:
            return
        last = {name: rows[-1][name] for name in ("nth", "occurred_at", "id")}
        rows = _page(engine, {"session_ids": session_ids, **last}, clients)


def _page(engine: Engine, given: dict[str, Any], clients: Clients) -> Sequence[RowMapping]:
    query = _in_order.where(_after) if "nth" in given else _in_order
    if clients is not None:
        # The sessions are theirs; what names others in them is not.
        query = query.where(or_(event.c.client_id.is_(None), event.c.client_id.in_(clients)))
    with engine.connect() as connection:
        return connection.execute(query, given).mappings().all()
