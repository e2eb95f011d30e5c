"""Operations over tiny worlds: the database is real, the broker is one that can be watched and broken."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from dlq import console as desk
from dlq.errors import (
    BadOption,
    BrokerUnavailable,
    CountMoved,
    NothingSelected,
    OperationNotAllowed,
    UnknownOperation,
    Unpublishable,
)
from dlq.letters import Kind, Status
from dlq.operations import console
from dlq.operations.clearing import Clearing, clear, would_clear
from dlq.operations.preview import preview
from dlq.operations.records import EVERYTHING, Action, OperationStatus, Options, Selection
from dlq.operations.running import run_due
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.retries import claims, reaper
from dlq.sealing import Sealer
from tests.dlq.builders import (
    NOON,
    Operator,
    RecordedAudit,
    Refused,
    envelope,
    fail,
    failure,
    history,
    letter,
    noon,
    report,
    retried,
    succeed,
)

pytestmark = pytest.mark.servers
OLGA = Operator()
SHOWN = Redactor()


class Killed(BaseException):
    """The runner ends here."""


class Broker:
    """Keeps what is published; `breaks` is raised instead, `refuses` names letters that it does not take."""

    def __init__(self, breaks=None, refuses=()):
        self.sent, self.breaks, self.refuses = [], breaks, set(refuses)

    def __call__(self, message):
        if self.together([message]):
            raise Unpublishable("bad priority")

    def together(self, messages):
        if self.breaks is not None:
            raise self.breaks
        refused = [n for n, message in enumerate(messages) if message.headers["dlq_letter"] in self.refuses]
        self.sent += [message for n, message in enumerate(messages) if n not in refused]
        return {n: Unpublishable("bad priority") for n in refused}

    @property
    def letters(self):
        return [message.headers["dlq_letter"] for message in self.sent]


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += timedelta(seconds=seconds)


def fail_many(engine, count, **changed):
    return [fail(engine, envelope(f"t{number}", **changed)) for number in range(count)]


def seen(engine, action=Action.RETRY, narrowed=EVERYTHING, ids=(), by=OLGA, clock=noon, **options):
    selection = Selection(narrowed, tuple(ids))
    return preview(engine, by, action, selection, Options(**options), redactor=SHOWN, clock=clock)


def start(engine, action=Action.RETRY, audit=None, clock=noon, reason="provider is back", **chosen):
    looked_at = seen(engine, action, clock=clock, **chosen)
    return console.start(engine, OLGA, looked_at, reason, audit=audit or RecordedAudit(), clock=clock)


def run(engine, broker, clock=noon, audit=None, **options):
    options = {"for_seconds": 0, "sleep": getattr(clock, "sleep", None)} | options
    return run_due(engine, broker, sealer=Sealer(), audit=audit or RecordedAudit(), clock=clock, **options)


def run_to_end(engine, broker, operation, batch=200):
    for _ in range(20):
        run(engine, broker, batch=batch)
        if now(engine, operation).status == OperationStatus.FINISHED:
            return
    raise AssertionError("did not finish")


def now(engine, operation):
    return console.operation(engine, OLGA, operation.id)


def states(engine, ids):
    return [letter(engine, letter_id)["status"] for letter_id in ids]


def test_a_bulk_retry_gives_a_task_of_the_first_protocol_another_id_in_its_body(engine):
    body = b'{"id": "t1", "task": "shop.pay", "args": [1], "kwargs": {}}'
    letter_id, broker = fail(engine, replace(envelope(body=body), headers={})), Broker()
    run_to_end(engine, broker, start(engine))
    [sent] = broker.sent
    row = letter(engine, letter_id)
    assert json.loads(sent.body)["id"] == row["retry_task_id"] != row["task_id"]


def test_a_bulk_retry_sends_every_letter_once_under_an_id_of_its_own(engine):
    ids, broker = fail_many(engine, 5), Broker()
    operation = start(engine)
    run_to_end(engine, broker, operation, batch=2)
    assert sorted(broker.letters) == ids
    for message in broker.sent:
        row = letter(engine, message.headers["dlq_letter"])
        assert (row["status"], row["retry_task_id"]) == ("retrying", message.headers["id"])
        assert message.headers["dlq_generation"] == row["generation"] == 1
        assert row["published_at_ms"] is not None
        assert row["operation_id"] == operation.id
        assert (
            succeed(engine, retried(envelope(row["task_id"]), row["id"], message.headers["id"])) == row["id"]
        )
    assert len({message.headers["id"] for message in broker.sent}) == 5
    ended = now(engine, operation)
    assert (ended.counted, ended.done, ended.skipped, ended.failed, ended.remaining) == (5, 5, 0, 0, 0)
    assert (ended.finished_at, ended.problem) == (NOON, "")


def test_each_batch_has_one_audit_entry_and_each_letter_its_history(engine):
    ids, audit = fail_many(engine, 3), RecordedAudit()
    operation = start(engine, audit=audit)
    run(engine, Broker(), audit=audit, batch=2)
    run(engine, Broker(), audit=audit, batch=2)
    assert [(entry["action"], entry["after"].get("letters")) for entry in audit.entries] == [
        ("operation.start", None),
        ("letter.retry", ids[:2]),
        ("letter.retry", ids[2:]),
    ]
    assert {(entry["actor"], entry["subject"]) for entry in audit.entries} == {
        ("olga", f"operation:{operation.id}")
    }
    for letter_id in ids:
        assert history(engine, letter_id)[-1] == ("dead", "retrying", "olga")
    with engine.connect() as connection:
        detail = connection.execute(
            text("SELECT detail FROM onward.dead_letter_history ORDER BY id DESC LIMIT 1")
        ).scalar_one()
    assert (detail["operation"], detail["reason"]) == (operation.id, "provider is back")
    assert detail["task_id"] == letter(engine, ids[-1])["retry_task_id"]


def test_without_an_audit_entry_nothing_is_claimed_sent_or_counted(engine):
    [letter_id], broker = fail_many(engine, 1), Broker()
    operation = start(engine)
    with pytest.raises(RuntimeError, match="no audit"):
        run(engine, broker, audit=RecordedAudit(breaks=True))
    assert broker.sent == []
    assert (letter(engine, letter_id)["status"], now(engine, operation).done) == ("dead", 0)


def test_what_fails_after_the_preview_is_left_alone(engine):
    [old] = fail_many(engine, 1)
    looked_at = seen(engine)
    new = fail(engine, envelope("later"))
    operation = console.start(engine, OLGA, looked_at, "", audit=RecordedAudit(), clock=noon)
    broker = Broker()
    run(engine, broker)
    fail(engine, retried(envelope("t0"), old, broker.sent[0].headers["id"]), failure(after_seconds=1))
    run_to_end(engine, broker, operation)
    assert broker.letters == [old], "neither the new one nor the one that failed again"
    assert states(engine, [old, new]) == ["dead", "dead"]


def test_a_letter_that_failed_again_since_by_another_retry_is_not_sent_again(engine):
    ids, broker = fail_many(engine, 2), Broker()
    operation = start(engine)
    start(engine, ids=ids[:1])
    run(engine, broker, batch=1)
    [first] = broker.sent
    with engine.begin() as connection:
        connection.execute(text("UPDATE onward.dead_letter SET operation_id = NULL"))
    failed_again = retried(envelope("t0"), first.headers["dlq_letter"], first.headers["id"])
    fail(engine, failed_again, failure(after_seconds=5))
    run_to_end(engine, broker, operation)
    assert sorted(broker.letters) == ids


def test_a_start_is_refused_when_the_letters_moved_since_the_preview(engine):
    ids = fail_many(engine, 3)
    looked_at = seen(engine)
    desk.discard(engine, OLGA, ids[0], redactor=SHOWN, audit=RecordedAudit(), clock=noon)
    with pytest.raises(CountMoved, match="counted 3; now it would be 2"):
        console.start(engine, OLGA, looked_at, "", audit=RecordedAudit(), clock=noon)
    assert console.operations(engine, OLGA).operations == ()


def test_an_operation_on_nothing_is_not_made(engine):
    looked_at = seen(engine)
    assert (looked_at.count, looked_at.sends) == (0, "No letter matches: nothing will happen.")
    with pytest.raises(NothingSelected):
        console.start(engine, OLGA, looked_at, "", audit=RecordedAudit(), clock=noon)


def test_letters_that_somebody_else_took_meanwhile_are_skipped_and_counted(engine):
    ids, broker = fail_many(engine, 3), Broker()
    operation = start(engine)
    desk.discard(engine, OLGA, ids[1], redactor=SHOWN, audit=RecordedAudit(), clock=noon)
    run_to_end(engine, broker, operation)
    assert sorted(broker.letters) == [ids[0], ids[2]]
    ended = now(engine, operation)
    assert (ended.done, ended.skipped, ended.remaining) == (2, 1, 0)


def test_a_letter_that_is_held_at_that_moment_gets_its_turn_later(engine):
    ids, broker, clock = fail_many(engine, 3), Broker(), Time()
    operation = start(engine)
    with engine.begin() as somebody:
        somebody.execute(text("SELECT 1 FROM onward.dead_letter WHERE id = :id FOR UPDATE"), {"id": ids[1]})
        for _ in range(3):
            run(engine, broker, clock)
            clock.sleep(2)
        assert sorted(broker.letters) == [ids[0], ids[2]]
        assert now(engine, operation).status == OperationStatus.RUNNING
    run(engine, broker, clock)
    assert broker.letters[-1] == ids[1]
    clock.sleep(2)
    run(engine, broker, clock)
    ended = now(engine, operation)
    assert (ended.status, ended.done, ended.skipped) == (OperationStatus.FINISHED, 3, 0)


def test_poisoned_letters_are_retried_only_when_told(engine):
    poisoned = fail(engine, envelope("bad"), failure(Kind.POISON))
    dead = fail(engine, envelope("good"))
    assert (seen(engine).count, seen(engine).poisoned) == (1, 1)
    broker = Broker()
    run_to_end(engine, broker, start(engine))
    assert broker.letters == [dead]
    run_to_end(engine, broker, start(engine, even_poisoned=True))
    assert broker.letters == [dead, poisoned]


def test_another_queue_is_used_also_by_the_reaper(engine):
    ids = fail_many(engine, 2, queue="celery")
    broker = Broker()
    run_to_end(engine, broker, start(engine, queue="slow", ids=ids[:1]))
    assert [message.queue for message in broker.sent] == ["slow"]
    start(engine, queue="slow", ids=ids[1:])
    with pytest.raises(Killed):
        run(engine, Broker(Killed()))
    reaper.reap(engine, broker, lambda: NOON + timedelta(minutes=1), sealer=Sealer())
    assert [message.queue for message in broker.sent] == ["slow", "slow"]


def test_a_kill_between_claim_and_publish_loses_and_doubles_nothing(engine):
    ids, broker, clock = fail_many(engine, 4), Broker(), Time()
    operation = start(engine)
    with pytest.raises(Killed):
        run(engine, Broker(Killed()), clock, batch=2)
    run(engine, broker, clock, batch=2)
    run(engine, broker, clock, batch=2)
    assert now(engine, operation).status == OperationStatus.RUNNING, "two claims are not in the broker yet"
    clock.sleep(60)
    assert reaper.reap(engine, broker, clock, sealer=Sealer()) == 2
    run(engine, broker, clock)
    assert sorted(broker.letters) == ids
    assert now(engine, operation).status == OperationStatus.FINISHED
    assert {letter(engine, m.headers["dlq_letter"])["retry_task_id"] for m in broker.sent} == {
        m.headers["id"] for m in broker.sent
    }


def test_a_broker_that_is_away_holds_the_operation_up_which_says_so(engine):
    ids, broker, clock = fail_many(engine, 3), Broker(BrokerUnavailable("refused")), Time()
    operation = start(engine)
    assert run(engine, broker, clock, batch=2) == 2
    assert run(engine, broker, clock, batch=2) == 0, "it waits"
    assert "does not take messages now: refused" in now(engine, operation).problem
    broker.breaks = None
    clock.sleep(60)
    run(engine, broker, clock, batch=2)
    assert now(engine, operation).problem == ""
    assert reaper.reap(engine, broker, clock, sealer=Sealer()) == 2
    clock.sleep(2)
    run(engine, broker, clock)
    assert sorted(broker.letters) == ids
    assert now(engine, operation).status == OperationStatus.FINISHED


def test_an_operation_that_got_through_in_the_end_has_no_problem(engine):
    fail_many(engine, 1)
    clock, operation = Time(), start(engine)
    run(engine, Broker(BrokerUnavailable("refused")), clock)
    clock.sleep(60)
    reaper.reap(engine, Broker(), clock, sealer=Sealer())
    run(engine, Broker(), clock)
    ended = now(engine, operation)
    assert (ended.status, ended.problem) == (OperationStatus.FINISHED, "")


def test_a_kill_between_publish_and_mark_sends_again_under_the_same_ids(engine):
    ids, clock = fail_many(engine, 3), Time()
    start(engine)

    class KilledAfter(Broker):
        def together(self, messages):
            super().together(messages)
            raise Killed

    first, second = KilledAfter(), Broker()
    with pytest.raises(Killed):
        run(engine, first, clock)
    clock.sleep(60)
    assert reaper.reap(engine, second, clock, sealer=Sealer()) == 3
    by_letter = [
        {m.headers["dlq_letter"]: m.headers["id"] for m in broker.sent} for broker in (first, second)
    ]
    assert by_letter[0] == by_letter[1]
    assert sorted(by_letter[0]) == ids


def test_a_runner_that_slept_past_the_reaper_does_not_send_again(engine, monkeypatch):
    ids, broker, hold = fail_many(engine, 2), Broker(), claims.hold
    start(engine)

    def hold_late(*held):
        later = NOON + timedelta(minutes=1)
        assert reaper.reap(engine, broker, lambda: later, sealer=Sealer(), limit=1) == 1
        return hold(*held)

    monkeypatch.setattr("dlq.retries.claims.hold", hold_late)
    run(engine, broker)
    assert sorted(broker.letters) == ids


def test_two_runners_share_an_operation_and_send_each_letter_once(engine):
    ids, broker, clock = fail_many(engine, 60), Broker(), Time()
    operation = start(engine)
    with ThreadPoolExecutor(2) as runners:
        moved = list(runners.map(lambda _: run(engine, broker, clock, for_seconds=20, batch=5), range(2)))
    assert sorted(broker.letters) == ids
    assert (sum(moved), now(engine, operation).status) == (60, OperationStatus.FINISHED)


def test_what_no_broker_takes_is_dead_again_counts_as_failed_and_is_not_tried_again(engine):
    ids = fail_many(engine, 3)
    broker = Broker(refuses=ids[1:2])
    operation = start(engine)
    run_to_end(engine, broker, operation)
    assert states(engine, ids) == ["retrying", "dead", "retrying"]
    assert history(engine, ids[1])[-1] == ("retrying", "dead", "olga")
    ended = now(engine, operation)
    assert (ended.done, ended.failed, ended.skipped, ended.remaining) == (2, 1, 0, 0)
    assert "bad priority" in ended.problem


def test_what_the_reaper_cannot_publish_counts_as_failed_too(engine):
    ids, clock = fail_many(engine, 1), Time()
    operation = start(engine)
    with pytest.raises(Killed):
        run(engine, Broker(Killed()), clock)
    clock.sleep(60)
    reaper.reap(engine, Broker(refuses=ids), clock, sealer=Sealer())
    run(engine, Broker(), clock)
    ended = now(engine, operation)
    assert (ended.status, ended.done, ended.failed) == (OperationStatus.FINISHED, 0, 1)


def test_a_start_time_in_the_future_is_waited_for(engine):
    fail_many(engine, 1)
    broker, clock = Broker(), Time()
    operation = start(engine, start_at=NOON + timedelta(minutes=5), clock=clock)
    assert run(engine, broker, clock) == 0
    assert now(engine, operation).status == OperationStatus.WAITING
    clock.sleep(300)
    assert run(engine, broker, clock) == 1


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(5, "not before 2026-03-01 12:05:00 UTC"), (-5, "at once: the time to start at is past")],
)
def test_the_preview_says_when_it_begins(engine, minutes, said):
    fail_many(engine, 1)
    assert seen(engine, start_at=NOON + timedelta(minutes=minutes)).sends.endswith(f", {said}.")


@pytest.mark.parametrize(("rate", "letters", "seconds"), [(5, 30, 5.2), (3.7, 30, 7.5), (0.5, 5, 8)])
def test_a_rate_is_kept(engine, rate, letters, seconds):
    fail_many(engine, letters)
    broker, clock = Broker(), Time()
    operation = start(engine, rate_per_second=rate, clock=clock)
    run(engine, broker, clock, for_seconds=100)
    assert len(broker.sent) == letters
    ended = now(engine, operation)
    assert (ended.advanced_at - NOON).total_seconds() == pytest.approx(seconds, rel=0.1)


def test_a_slow_operation_ends_with_its_last_letter_not_an_interval_later(engine):
    fail_many(engine, 2)
    clock = Time()
    operation = start(engine, rate_per_second=0.01, clock=clock)
    run(engine, Broker(), clock, for_seconds=150)
    ended = now(engine, operation)
    assert ended.status == OperationStatus.FINISHED
    assert ended.finished_at - ended.advanced_at < timedelta(seconds=1)


def test_secrets_in_the_reason_are_kept_nowhere(engine):
    fail_many(engine, 1)
    audit, clock = RecordedAudit(), Time()
    operation = start(engine, audit=audit, clock=clock, reason="new password=hunter2, ask ines@shop.example")
    run_due(engine, Broker(), sealer=Sealer(), audit=audit, clock=clock)
    assert now(engine, operation).reason == "new password=[redacted], ask ines@shop.example"
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT string_agg(detail::text, '') FROM onward.dead_letter_history"))
        assert "new password=[redacted]" in (history_kept := kept.scalar_one())
    assert "hunter2" not in f"{audit.entries} {history_kept}"


def test_a_runner_that_is_late_each_time_keeps_the_rate_as_well(engine):
    fail_many(engine, 40)
    broker, clock = Broker(), Time()
    start(engine, rate_per_second=10, clock=clock)
    while len(broker.sent) < 40:
        run(engine, broker, clock)
        clock.sleep(0.4)
    assert (clock.now - NOON).total_seconds() == pytest.approx(3.4, abs=0.5)


def test_a_rate_is_not_made_up_for_after_a_pause(engine):
    fail_many(engine, 40)
    broker, clock = Broker(), Time()
    start(engine, rate_per_second=10, clock=clock)
    run(engine, broker, clock)
    clock.sleep(3600)
    run(engine, broker, clock)
    run(engine, broker, clock)
    run(engine, broker, clock)
    assert len(broker.sent) <= 30


def test_pause_resume_and_cancel_hold_between_batches(engine):
    fail_many(engine, 6)
    broker, audit = Broker(), RecordedAudit()
    operation = start(engine)
    run(engine, broker, batch=2)
    paused = console.pause(engine, OLGA, operation.id, audit=audit, clock=noon)
    assert (paused.status, paused.changed_by, paused.changed_at) == (OperationStatus.PAUSED, "olga", NOON)
    assert run(engine, broker, batch=2) == 0
    assert console.resume(engine, OLGA, operation.id, audit=audit, clock=noon).status == "running"
    assert run(engine, broker, batch=2) == 2
    cancelled = console.cancel(engine, OLGA, operation.id, audit=audit, clock=noon)
    assert (cancelled.status, cancelled.finished_at, cancelled.done) == ("cancelled", NOON, 4)
    assert run(engine, broker, batch=2) == 0
    assert [entry["action"] for entry in audit.entries] == [
        "operation.pause",
        "operation.resume",
        "operation.cancel",
    ]
    with pytest.raises(OperationNotAllowed, match="is cancelled: it cannot be resumed now"):
        console.resume(engine, OLGA, operation.id, audit=audit, clock=noon)


def test_an_operation_paused_before_it_began_waits_again_when_resumed(engine):
    fail_many(engine, 1)
    later = NOON + timedelta(hours=1)
    operation = start(engine, start_at=later)
    console.pause(engine, OLGA, operation.id, audit=RecordedAudit(), clock=noon)
    resumed = console.resume(engine, OLGA, operation.id, audit=RecordedAudit(), clock=noon)
    assert resumed.status == OperationStatus.WAITING
    assert run(engine, Broker()) == 0
    assert run(engine, Broker(), lambda: later) == 1


def test_a_batch_that_has_begun_is_finished_when_it_is_cancelled_meanwhile(engine):
    fail_many(engine, 3)
    operation = start(engine)

    class Cancelling(Broker):
        def together(self, messages):
            console.cancel(engine, OLGA, operation.id, audit=RecordedAudit(), clock=noon)
            return super().together(messages)

    broker = Cancelling()
    assert run(engine, broker, batch=2) == len(broker.sent) == 2
    assert run(engine, broker, batch=2) == 0
    assert now(engine, operation).status == OperationStatus.CANCELLED


def test_discarded_in_bulk_and_restored_in_bulk_a_letter_is_what_it_was(engine):
    dead = fail(engine, envelope("a"))
    poisoned = fail(engine, envelope("b"), failure(Kind.POISON))
    run_to_end(engine, Broker(), start(engine, Action.DISCARD))
    assert states(engine, [dead, poisoned]) == ["discarded", "discarded"]
    assert letter(engine, dead)["discarded_at_ms"] is not None
    run_to_end(engine, Broker(), start(engine, Action.RESTORE))
    assert states(engine, [dead, poisoned]) == ["dead", "poisoned"]
    assert letter(engine, dead)["discarded_at_ms"] is None
    assert [step[:2] for step in history(engine, poisoned)] == [
        (None, "poisoned"),
        ("poisoned", "discarded"),
        ("discarded", "poisoned"),
    ]


def test_only_the_selection_is_changed(engine):
    ids = [*fail_many(engine, 3), fail(engine, envelope("m", task_name="shop.mail"))]
    broker = Broker()
    run_to_end(engine, broker, start(engine, narrowed=LetterFilter(task_name="shop.mail")))
    run_to_end(engine, broker, start(engine, ids=ids[:2], narrowed=LetterFilter(task_name="shop.pay")))
    assert broker.letters == [ids[3], *ids[:2]]


def test_a_selection_comes_back_from_the_table_as_it_was(engine):
    fail(engine, envelope(), failure(after_seconds=-30))
    narrowed = LetterFilter(
        status=(Status.DEAD,), kind=(Kind.EXCEPTION,), task_name="shop.pay", failed_to=NOON
    )
    options = {"queue": "slow", "rate_per_second": 2.5, "start_at": NOON, "even_poisoned": True}
    operation = start(engine, narrowed=narrowed, ids=[1, 2], **options)
    kept = now(engine, operation)
    assert kept.selection == Selection(narrowed, (1, 2))
    assert kept.options == Options(**options)
    assert kept == operation


def test_the_preview_counts_and_says_what_will_happen(engine):
    fail(engine, envelope("a", session_id="s1"))
    fail(engine, envelope("b", session_id="s1", queue="slow"))
    fail(engine, envelope("c", session_id="s2", task_name="shop.mail"))
    looked_at = seen(engine, rate_per_second=2)
    assert (looked_at.count, looked_at.sessions, looked_at.poisoned) == (3, 2, 0)
    assert looked_at.by_task == {"shop.pay": 2, "shop.mail": 1}
    assert looked_at.by_queue == {"celery": 2, "slow": 1}
    assert [one.task_id for one in looked_at.sample] == ["c", "b", "a"]
    assert looked_at.sends == (
        "The tasks of 3 letters are sent again to the queue that each came from, 2 a second, in about 2 s."
    )
    assert seen(engine, queue="slow").by_queue == {"slow": 3}
    assert states(engine, [one.id for one in looked_at.sample]) == ["dead"] * 3


def test_the_preview_warns_with_counts(engine):
    fail(engine, envelope("a", queue="slow"), failure(Kind.OUTCOME_UNKNOWN, idempotent=True))
    fail(engine, envelope("b", headers={"group": "g"}), failure(Kind.WORKER_LOST, idempotent=True))
    fail(engine, envelope("c", task_name="shop.mail"), failure(idempotent=None))
    assert seen(engine).warnings[0] == "No worker reports now: whether anybody will run this cannot be said."
    report(engine)
    assert seen(engine).warnings == (
        "No worker listens on queue slow (1 of 3 letters).",
        "No reporting worker has registered the task shop.mail (1 of 3 letters).",
        "Outcome unknown: the task may have finished; only storing its result failed (1 of 3 letters).",
        "The task was cut off while it ran: part of its work may be done already (1 of 3 letters).",
        "The task is not declared idempotent: a second run may have its effects twice (1 of 3 letters).",
        "The task is part of a group: if that led to a chord, the callback will not run (1 of 3 letters).",
    )
    assert seen(engine, Action.DISCARD).warnings == ()


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1e9])
def test_a_rate_out_of_range_is_refused(engine, rate):
    with pytest.raises(BadOption, match="rate must lie between"):
        seen(engine, rate_per_second=rate)


@pytest.mark.parametrize(
    ("action", "permission"),
    [(Action.RETRY, "letters.retry"), (Action.DISCARD, "letters.delete"), (Action.RESTORE, "letters.delete")],
)
def test_an_operation_needs_the_permission_of_its_action_all_along(engine, action, permission):
    [letter_id] = fail_many(engine, 1)
    if action is Action.RESTORE:
        desk.discard(engine, OLGA, letter_id, redactor=SHOWN, audit=RecordedAudit(), clock=noon)
    lacking, audit = Operator(lacks=frozenset({permission})), RecordedAudit()
    looked_at = seen(engine, action)
    operation = console.start(engine, OLGA, looked_at, "", audit=audit, clock=noon)
    with pytest.raises(Refused):
        seen(engine, action, by=lacking)
    with pytest.raises(Refused):
        console.start(engine, lacking, looked_at, "", audit=audit)
    for change in (console.pause, console.resume, console.cancel):
        with pytest.raises(Refused):
            change(engine, lacking, operation.id, audit=audit)
    with pytest.raises(Refused):
        console.operations(engine, Operator(lacks=frozenset({"letters.read"})))
    assert now(engine, operation).status == OperationStatus.WAITING


def test_operations_are_listed_newest_first_in_pages(engine):
    fail_many(engine, 1)
    made = [start(engine).id for _ in range(5)]
    first = console.operations(engine, OLGA, limit=2)
    second = console.operations(engine, OLGA, first.next, limit=2)
    third = console.operations(engine, OLGA, second.next, limit=2)
    listed = [one.id for page in (first, second, third) for one in page.operations]
    assert (listed, third.next) == (made[::-1], None)
    with pytest.raises(UnknownOperation):
        console.operation(engine, OLGA, made[-1] + 1)


def test_the_time_left_follows_the_rate_or_the_pace(engine):
    fail_many(engine, 10)
    operation, clock = start(engine, rate_per_second=2), Time()
    assert operation.seconds_left is None
    run(engine, Broker(), clock)
    assert now(engine, operation).seconds_left == 4
    console.cancel(engine, OLGA, operation.id, audit=RecordedAudit())
    at_full_speed = start(engine, clock=clock)
    for _ in range(2):
        run(engine, Broker(), clock, batch=2)
        clock.sleep(1)
    assert now(engine, at_full_speed).seconds_left == pytest.approx(1.0)


def test_clear_discards_what_its_dry_run_counted(engine):
    mail = fail(engine, envelope("m", task_name="shop.mail"))
    [pay] = fail_many(engine, 1)
    only_mail = Clearing(filter_task_name="shop.mail")
    assert would_clear(engine, OLGA, only_mail, redactor=SHOWN, clock=noon).count == 1
    run_to_end(engine, Broker(), cleared(engine, only_mail, expected=1))
    assert states(engine, [mail, pay]) == ["discarded", "dead"]


def test_clear_takes_what_failed_before_so_many_hours(engine):
    old = fail(engine, envelope("old"), failure(after_seconds=-3 * 3600))
    new = fail(engine, envelope("new"), failure(after_seconds=-1 * 3600))
    run_to_end(engine, Broker(), cleared(engine, Clearing(older_than_hours=2), expected=1))
    assert states(engine, [old, new]) == ["discarded", "dead"]


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_clear_refuses_when_the_count_is_another(engine, expected):
    ids = fail_many(engine, 2)
    with pytest.raises(CountMoved):
        cleared(engine, Clearing(), expected=expected)
    assert states(engine, ids) == ["dead", "dead"]
    assert console.operations(engine, OLGA).operations == ()


def cleared(engine, what, expected):
    return clear(
        engine, OLGA, what, expected=expected, reason="", redactor=SHOWN, audit=RecordedAudit(), clock=noon
    )
