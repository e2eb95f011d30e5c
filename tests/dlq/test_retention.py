"""What has expired goes, with all that hangs on it; what has not, or is held, stays."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from dlq import console, retention
from dlq.redaction import Redactor
from dlq.retention import Purged
from dlq.settings import Settings
from dlq.tables import dead_letter, dead_letter_fence, dead_letter_operation, dead_letter_worker
from dlq.times import to_ms
from tests.dlq.builders import NOON, Operator, RecordedAudit, count, envelope, fail, noon, succeed

pytestmark = pytest.mark.servers
KEPT = Settings(retention_days=30, restore_days=14)
DAY_MS = 86_400_000


def purge(engine, days, settings=KEPT, **options):
    """Purge as if so many days had passed since noon."""
    return retention.purge(engine, settings=settings, clock=lambda: NOON + timedelta(days=days), **options)


def resolved(engine, task_id):
    fail(engine, envelope(task_id))
    succeed(engine, envelope(task_id))


def discarded(engine, task_id):
    letter_id = fail(engine, envelope(task_id))
    console.discard(engine, Operator(), letter_id, redactor=Redactor(), audit=RecordedAudit(), clock=noon)


def left(engine):
    with engine.connect() as connection:
        return set(connection.execute(select(dead_letter.c.task_id)).scalars())


def test_letters_go_when_their_time_is_over_and_open_ones_stay(engine):
    resolved(engine, "resolved")
    discarded(engine, "discarded")
    fail(engine, envelope("dead"))
    assert purge(engine, 13) == Purged(0, 0, 0, 0, 0)
    assert purge(engine, 15) == Purged(0, 1, 0, 0, 0)
    assert left(engine) == {"resolved", "dead"}
    assert purge(engine, 31) == Purged(1, 0, 0, 0, 0)
    assert purge(engine, 5000) == Purged(0, 0, 0, 0, 0)
    assert left(engine) == {"dead"}
    for table in ("dead_letter_attempt", "dead_letter_history", "dead_letter_words"):
        assert count(engine, table) == 1, table


def test_a_letter_that_failed_anew_does_not_go(engine):
    resolved(engine, "again")
    fail(engine, envelope("again"))
    assert purge(engine, 5000).resolved == 0


def test_zero_days_keep_everything(engine):
    resolved(engine, "resolved")
    discarded(engine, "discarded")
    assert purge(engine, 5000, Settings(retention_days=0, restore_days=0)) == Purged(0, 0, 0, 0, 0)


def test_batches_go_on_until_nothing_is_left_or_the_time_is_over(engine, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for at in range(5):
        resolved(engine, f"t{at}")
    assert purge(engine, 31, for_seconds=0).resolved == 0
    assert purge(engine, 31).resolved == 5


def test_the_oldest_go_first_and_one_that_somebody_holds_stays(engine, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    for task_id in ("held", "newer", "older"):
        resolved(engine, task_id)
    with engine.begin() as connection:
        older = update(dead_letter).where(dead_letter.c.task_id == "older")
        connection.execute(older.values(resolved_at_ms=dead_letter.c.resolved_at_ms - DAY_MS))
    with engine.begin() as other:
        other.execute(select(dead_letter.c.id).where(dead_letter.c.task_id == "held").with_for_update())
        assert purge(engine, 30).resolved == 1
        assert left(engine) == {"held", "newer"}
        assert purge(engine, 31).resolved == 1
        assert left(engine) == {"held"}


def operation(status, finished_at_ms):
    zero = dict.fromkeys(("counted", "through_id", "created_at_ms", "start_at_ms", "next_batch_at_ms"), 0)
    return zero | {
        "action": "retry",
        "status": status,
        "selection": {},
        "options": {},
        "reason": "",
        "created_by": "olga",
        "finished_at_ms": finished_at_ms,
    }


def worker(beat_at_ms):
    return {
        "boot": uuid4(),
        "name": "w",
        "pid": 1,
        "started_at_ms": 0,
        "beat_at_ms": beat_at_ms,
        "release": "",
        "queues": [],
        "tasks": [],
        "settings": {},
    }


def test_ended_operations_silent_workers_and_fences_go_too(engine):
    then, now = to_ms(NOON), to_ms(NOON) + 25 * DAY_MS
    with engine.begin() as connection:
        for row in (operation("finished", then), operation("cancelled", now), operation("running", None)):
            connection.execute(insert(dead_letter_operation).values(row))
        connection.execute(insert(dead_letter_worker), [worker(then), worker(now)])
        for at_ms in (then, now):
            fence = {"work": str(at_ms), "at_ms": at_ms}
            connection.execute(insert(dead_letter_fence).values(fence))
    assert purge(engine, 31) == Purged(0, 0, 1, 1, 1)
    assert purge(engine, 31) == Purged(0, 0, 0, 0, 0)
