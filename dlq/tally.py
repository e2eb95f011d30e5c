"""Folds the tally of letters: many small changes become one sum per hour, and old hours become days.

Sums are right at any time, folded or not; folding only keeps them few. Several may fold at once: each takes
rows that no other has, and two sums of the same hour add up like any others.
"""

import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, literal, select, tuple_

from dlq.store import transaction
from dlq.tables import dead_letter_tally
from dlq.times import Clock, to_ms, utc_now

#: What letters are counted by; columns of both tables.
DIMENSIONS = ("fingerprint", "status", "kind", "category", "task_name", "exception_type", "queue")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
#: Hours older than this become days.
HOURS_KEPT_MS = 7 * DAY_MS
#: Rows that one transaction folds.
BATCH = 2_000

_t = dead_letter_tally.c
_KEY = tuple(_t[name] for name in DIMENSIONS)


def fold(engine: Engine, *, clock: Clock = utc_now, for_seconds: float = 20.0) -> int:
    """Fold what has changed and what has aged, in short transactions; the number of rows folded."""
    until = time.monotonic() + for_seconds
    old_ms = to_ms(clock()) - HOURS_KEPT_MS
    folded = 0
    for grain, into, span_ms, conditions in (
        ("change", "hour", HOUR_MS, ()),
        ("hour", "day", DAY_MS, (_t.bucket_ms < old_ms,)),
    ):
        batch = BATCH
        while batch == BATCH and time.monotonic() < until:
            with transaction(engine) as connection:
                batch = fold_batch(connection, grain, into, span_ms, conditions)
            folded += batch
    return folded


def fold_batch(
    connection: Connection, grain: str, into: str, span_ms: int, conditions: Sequence[ColumnElement[bool]]
) -> int:
    """Turn up to BATCH rows of one grain, and the sums that they belong to, into new sums."""
    start = (_t.bucket_ms // span_ms * span_ms).label("start")
    picked = (
        select(_t.id, _t.fingerprint, start)
        .where(_t.grain == grain, *conditions)
        .order_by(_t.bucket_ms)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    sums = (
        select(_t.id)
        .where(
            _t.grain == into,
            tuple_(_t.fingerprint, _t.bucket_ms).in_(select(picked.c.fingerprint, picked.c.start)),
        )
        .with_for_update(skip_locked=True)
        .cte("sums")
    )
    taken = (
        delete(dead_letter_tally)
        .where(_t.id.in_(select(picked.c.id).union_all(select(sums.c.id))))
        .returning(start, *_KEY, _t.letters)
        .cte("taken")
    )
    key = [taken.c[name] for name in ("start", *DIMENSIONS)]
    letters = func.sum(taken.c.letters)
    merged = select(literal(into), *key, letters).group_by(*key).having(letters != 0)
    written = insert(dead_letter_tally).from_select(["grain", "bucket_ms", *DIMENSIONS, "letters"], merged)
    counted = select(func.count()).select_from(picked).add_cte(written.cte("written"))
    return int(connection.execute(counted).scalar_one())
