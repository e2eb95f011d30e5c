"""Folds the tally of letters: many small changes become one sum per hour, and past hours one sum.

Sums are right at any time, folded or not; folding only keeps them few. Several may fold at once: each takes
rows that no other has, and two sums of the same hour add up like any others.
"""

import time

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, literal, select, tuple_

from dlq.store import transaction
from dlq.tables import dead_letter_tally
from dlq.times import Clock, to_ms, utc_now

#: What letters are counted by; columns of both tables.
DIMENSIONS = ("fingerprint", "status", "kind", "category", "task_name", "exception_type", "queue")
HOUR_MS = 3_600_000
#: Hours that keep sums of their own, the present one included. All before are one, with bucket 0.
HOURS_KEPT = 25
#: Rows that one transaction folds.
BATCH = 2_000

_t = dead_letter_tally.c
_KEY = tuple(_t[name] for name in DIMENSIONS)


def fold(engine: Engine, *, clock: Clock = utc_now, for_seconds: float = 20.0) -> int:
    """Fold what has changed and what has aged, in short transactions; the number of rows folded."""
    until = time.monotonic() + for_seconds
    kept_ms = (to_ms(clock()) // HOUR_MS - HOURS_KEPT + 1) * HOUR_MS
    folded = 0
    for picked, into, bucket_ms in (
        (_t.grain == "change", "hour", _t.bucket_ms),
        ((_t.grain == "hour") & (_t.bucket_ms < kept_ms), "past", literal(0)),
    ):
        batch = BATCH
        while batch == BATCH and time.monotonic() < until:
            with transaction(engine) as connection:
                batch = _fold_batch(connection, picked, into, bucket_ms)
            folded += batch
    return folded


def _fold_batch(
    connection: Connection, condition: ColumnElement[bool], into: str, bucket_ms: ColumnElement[int]
) -> int:
    """Turn up to BATCH rows, and the sums that they belong to, into new sums of the grain `into`."""
    bucket = bucket_ms.label("bucket")
    picked = (
        select(_t.id, _t.fingerprint, bucket)
        .where(condition)
        .order_by(_t.bucket_ms)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    sums = (
        select(_t.id)
        .where(
            _t.grain == into,
            tuple_(_t.fingerprint, _t.bucket_ms).in_(select(picked.c.fingerprint, picked.c.bucket)),
        )
        .with_for_update(skip_locked=True)
        .cte("sums")
    )
    taken = (
        delete(dead_letter_tally)
        .where(_t.id.in_(select(picked.c.id).union_all(select(sums.c.id))))
        .returning(bucket, *_KEY, _t.letters)
        .cte("taken")
    )
    key = [taken.c[name] for name in ("bucket", *DIMENSIONS)]
    letters = func.sum(taken.c.letters)
    merged = select(literal(into), *key, letters).group_by(*key).having(letters != 0)
    written = insert(dead_letter_tally).from_select(["grain", "bucket_ms", *DIMENSIONS, "letters"], merged)
    counted = select(func.count()).select_from(picked).add_cte(written.cte("written"))
    return int(connection.execute(counted).scalar_one())
