"""What has expired goes, with all that hangs on it; what has not, or is held, stays."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from dlq import console, fence, recording, retention
from dlq.groups import console as group_console
from dlq.redaction import Redactor
from dlq.retention import Purged
from dlq.settings import Settings
from dlq.tables import (
    dead_letter,
    dead_letter_fence,
    dead_letter_group,
    dead_letter_operation,
    dead_letter_worker,
)
from dlq.times import to_ms
from tests.dlq.builders import (
    NOON,
    UNSEALED,
    Operator,
    RecordedAudit,
    count,
    envelope,
    fail,
    failure,
    letter,
    noon,
    succeed,
)

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
    assert purge(engine, 13) == Purged()
    assert purge(engine, 15) == Purged(discarded=1)
    assert left(engine) == {"resolved", "dead"}
    assert purge(engine, 31) == Purged(resolved=1)
    assert purge(engine, 5000) == Purged()
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
    assert purge(engine, 5000, Settings(retention_days=0, restore_days=0)) == Purged()


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
    assert purge(engine, 31) == Purged(operations=1, workers=1, fences=1)
    assert purge(engine, 31) == Purged()


def fenced(engine, work):
    with engine.begin() as connection:
        fence.enter(connection, work, clock=noon)


def test_a_fence_stays_for_as_long_as_its_letter_can_be_retried(engine):
    for task_id in ("waits", "discarded", "resolved"):
        fenced(engine, task_id)
    fail(engine, envelope("waits"))
    discarded(engine, "discarded")
    resolved(engine, "resolved")
    kept = Settings(retention_days=30, restore_days=0)
    assert purge(engine, 31, kept).fences == 1
    with engine.connect() as connection:
        assert set(connection.execute(select(dead_letter_fence.c.work)).scalars()) == {"waits", "discarded"}


def groups(engine):
    with engine.connect() as connection:
        return set(connection.execute(select(dead_letter_group.c.exception_type)).scalars())


def test_a_group_goes_with_its_last_letter_unless_somebody_decided_about_it(engine):
    for name in ("Plain", "Noted", "Muted", "Fixed", "Waiting"):
        letter_id = fail(engine, envelope(name), failure(exception_type=name))
        told = {"redactor": Redactor(), "audit": RecordedAudit(), "clock": noon}
        fingerprint = letter(engine, letter_id)["fingerprint"]
        if name == "Noted":
            group_console.annotate(engine, Operator(), fingerprint, "known", **told)
        if name == "Muted":
            group_console.mute(engine, Operator(), fingerprint, None, **told)
        if name == "Fixed":
            group_console.mark_fixed(engine, Operator(), fingerprint, "", **told)
        if name != "Waiting":
            succeed(engine, envelope(name))
    assert purge(engine, 31) == Purged(resolved=4, groups=1)
    assert groups(engine) == {"Noted", "Muted", "Fixed", "Waiting"}


def test_a_group_that_a_failure_under_way_belongs_to_stays(engine):
    resolved(engine, "before")
    with ThreadPoolExecutor(1) as others, engine.connect() as connection:
        recording.record_failure(connection, envelope("new"), failure(), 3, sealer=UNSEALED)
        purging = others.submit(purge, engine, 31)
        with pytest.raises(TimeoutError):
            purging.result(0.3)
        connection.commit()
        assert purging.result(10) == Purged(resolved=1)
    assert groups(engine) == {"ValueError"}
