"""Every way in which a task fails in a real worker leaves exactly one letter, with the bytes that were sent.

One worker process serves the whole module; the modes are those of Celery itself, not of our code. The row in
a name or an id is that of the table in docs/failure-modes.md.
"""

import json
import os
import signal
from uuid import uuid4

import pytest
from celery import Celery, chord
from sqlalchemy import select

from dlq.broker.inspection import Inspection
from dlq.letters import Kind
from dlq.tables import dead_letter_attempt, dead_letter_worker
from tests.dlq.builders import count
from tests.dlq.reading import all_letters, letters_of, the_letter_of
from tests.dlq.worker import QUEUES, TASKS, eventually

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("quiet")]


FOLLOWED = ("followed", "followed_failing", "followed_late", "followed_trying")


def the_beat(engine):
    with engine.connect() as connection:
        return connection.execute(select(dead_letter_worker)).mappings().one_or_none()


@pytest.mark.parametrize(
    ("task", "kind", "exception_type"),
    [
        pytest.param("shared", Kind.EXCEPTION, "KeyError", id="row 1: a shared task raises"),
        pytest.param(
            "with_own_request", Kind.EXCEPTION, "ValueError", id="row 1: own base and request class"
        ),
        pytest.param("unpicklable", Kind.EXCEPTION, "Unpicklable", id="row 11: exception that cannot travel"),
        pytest.param(
            "unserialisable", Kind.OUTCOME_UNKNOWN, "EncodeError", id="row 11: result that cannot travel"
        ),
        pytest.param("slow_soft", Kind.SOFT_TIMEOUT, "SoftTimeLimitExceeded", id="row 2: soft time limit"),
        pytest.param("slow_hard", Kind.HARD_TIMEOUT, "TimeLimitExceeded", id="row 3: hard time limit"),
        pytest.param("killed", Kind.WORKER_LOST, "WorkerLostError", id="row 4: pool child killed"),
        pytest.param(
            "killed_late", Kind.WORKER_LOST, "WorkerLostError", id="row 4: pool child killed, late ack"
        ),
        pytest.param("leave", Kind.WORKER_LOST, "SystemExit", id="row 14a: sys.exit in the task"),
        pytest.param("reject", Kind.REJECTED, "Reject", id="row 8: rejected"),
        pytest.param("reject_late", Kind.REJECTED, "Reject", id="row 8: rejected, late ack"),
        pytest.param("out_of_memory", Kind.EXCEPTION, "MemoryError", id="row 14b: out of memory"),
        pytest.param(
            "out_of_memory_late", Kind.EXCEPTION, "MemoryError", id="row 14b: out of memory, late ack"
        ),
    ],
)
def test_a_failure_leaves_one_letter(engine, worker, task, kind, exception_type):
    task_id = worker.send(task, task, session_id="s1")
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["exception_type"]) == (kind, exception_type)
    assert (letter["status"], letter["occurrences"], letter["attempts"]) == ("dead", 1, 1)
    assert (letter["task_name"], letter["queue"]) == (TASKS + task, "celery")
    args, kwargs, _ = json.loads(bytes(letter["body"]))
    assert (args, kwargs) == ([task], {})
    assert letter["session_id"] == "s1"
    assert worker.runs(task) == 1
    assert worker.is_alive()


def test_row_1_retries_that_run_out_leave_one_letter_after_the_last_run(engine, worker):
    task_id = worker.send("keep_trying", "exhausted")
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["exception_type"]) == (Kind.EXCEPTION, "ConnectionError")
    assert worker.runs("exhausted") == 3
    assert letter["occurrences"] == 1


@pytest.mark.parametrize(
    ("task", "exception_type"),
    [
        pytest.param("always_killed", "WorkerLostError", id="row 4"),
        pytest.param("slow_hard_again", "TimeLimitExceeded", id="row 3"),
    ],
)
def test_a_task_that_loops_is_kept_as_poison(engine, worker, task, exception_type):
    task_id = worker.send(task, task)
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["status"]) == (Kind.POISON, "poisoned")
    assert letter["exception_type"] == exception_type
    assert worker.runs(task) == 2, "the first run, and once back"


def test_a_task_that_chooses_to_go_back_to_the_queue_may_do_so_as_often_as_it_likes(engine, worker):
    task_id = worker.send("go_back", "patient")
    eventually(lambda: worker.runs("patient") > 8)
    worker.raise_flag("calm")
    the_letter_of(engine, worker, worker.send("shared", "after-patience"))
    assert letters_of(engine, task_id) == []


def test_row_8c_a_task_that_ignores_itself_leaves_none(engine, worker):
    ignored = worker.send("ignore", "ignored")
    after = worker.send("shared", "after-ignored")
    the_letter_of(engine, worker, after)
    eventually(lambda: worker.runs("ignored") == 1)
    assert letters_of(engine, ignored) == []


def test_success_leaves_none(engine, worker):
    worker.raise_flag("nonzero")
    task_id = worker.send("divide", 1, 0, "fine")
    the_letter_of(engine, worker, worker.send("shared", "after-success"))
    eventually(lambda: worker.runs("fine") == 1)
    assert letters_of(engine, task_id) == []


def test_row_9_an_expired_task_leaves_a_letter_and_does_not_run(engine, worker):
    task_id = worker.send("shared", "expired", expires=-1)
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["category"]) == (Kind.EXPIRED, "cancelled")
    assert worker.runs("expired") == 0


def test_row_9_a_revoked_task_leaves_a_letter_and_does_not_run(engine, worker):
    task_id = worker.send("shared", "revoked", countdown=2)
    worker.client.control.revoke(task_id)
    letter = the_letter_of(engine, worker, task_id)
    assert letter["kind"] == Kind.REVOKED
    assert worker.runs("revoked") == 0


def test_row_9_a_terminated_task_leaves_one_letter(engine, worker):
    task_id = worker.send("sleepy", "terminated")
    eventually(lambda: worker.runs("terminated") == 1)
    worker.client.control.revoke(task_id, terminate=True, signal="SIGKILL")
    letter = the_letter_of(engine, worker, task_id)
    assert letter["kind"] == Kind.REVOKED
    the_letter_of(engine, worker, worker.send("shared", "after-terminated"))
    assert letters_of(engine, task_id)[0]["occurrences"] == 1


def test_row_12_a_chain_step_that_fails_keeps_the_rest_of_the_chain(engine, worker):
    client: Celery = worker.client
    chain = client.signature(TASKS + "shared", args=["step"], immutable=True) | client.signature(
        TASKS + "touch", args=["last"], immutable=True
    )
    result = chain.apply_async()
    letter = the_letter_of(engine, worker, result.parent.id)
    [step] = json.loads(bytes(letter["body"]))[2]["chain"]
    assert step["args"] == ["last"]
    assert worker.runs("last") == 0


def test_row_12_a_chord_member_that_fails_is_the_one_letter_of_its_chord(engine, worker):
    with Celery(
        "chords", broker=worker.broker_url, backend=worker.broker_url, set_as_current=False
    ) as client:
        body = client.signature(TASKS + "touch", args=["chord-body"], immutable=True)
        member = client.signature(TASKS + "shared", args=["member"], immutable=True)
        fine = client.signature(TASKS + "touch", args=["other-member"], immutable=True)
        members = chord([member, fine], app=client)(body).parent
        client.backend.result_consumer.stop()
        client.backend.client.close()
    letter = the_letter_of(engine, worker, members[0].id)
    assert json.loads(bytes(letter["body"]))[2]["chord"]["args"] == ["chord-body"]
    eventually(worker.is_quiet)
    assert len(all_letters(engine)) == 1
    assert worker.runs("chord-body") == 0


def test_row_11b_an_errback_that_fails_leaves_one_letter_of_the_task(engine, worker):
    errback = worker.client.signature(TASKS + "broken_errback")
    task_id = worker.send("shared", "with-errback", link_error=errback)
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["task_name"]) == (Kind.EXCEPTION, TASKS + "shared")
    assert json.loads(bytes(letter["body"]))[0] == ["with-errback"]
    eventually(worker.is_quiet)
    assert len(all_letters(engine)) == 1
    assert worker.is_alive()


def test_row_13_a_late_task_that_outlasts_its_visibility_runs_twice_and_leaves_none(engine, worker):
    worker.send("sleepy_late", "outlasts", 1.0)
    eventually(lambda: worker.runs("outlasts") == 1)
    worker.deliver_again()
    eventually(lambda: worker.runs("outlasts-done") == 2)
    eventually(worker.is_quiet)
    assert all_letters(engine) == []
    assert count(engine, "dead_letter_in_flight") == 0


def test_row_13_a_task_for_later_that_outlasts_its_visibility_leaves_none(engine, worker):
    worker.send("touch", "for-later", countdown=1.5)
    eventually(lambda: any(worker.client.control.inspect(limit=1).scheduled().values()))
    worker.deliver_again()
    eventually(lambda: worker.runs("for-later") == 2)
    eventually(worker.is_quiet)
    assert all_letters(engine) == []


def test_a_loop_of_killed_runs_ends_for_a_task_that_wants_no_letters_too(engine, worker):
    worker.send("killed_unheard", "unheard")
    eventually(lambda: worker.runs("unheard") == 2)
    eventually(worker.is_quiet)
    assert worker.runs("unheard") == 2, "the first run, and once back"
    assert all_letters(engine) == []


def test_a_worker_says_that_it_lives_what_it_serves_and_how_it_is_set_up(engine, worker):
    beat = eventually(lambda: the_beat(engine))
    assert (beat["pid"], beat["stopped_at_ms"], beat["release"]) == (worker.process.pid, None, "2026.03")
    assert beat["queues"] == sorted(QUEUES), "and not news, a fanout: no message sent to it by name comes"
    assert TASKS + "touch" in beat["tasks"]
    assert not any(name.startswith("celery.") for name in beat["tasks"])
    told = beat["settings"]
    assert (told["concurrency"], told["pool"], told["visibility_timeout"]) == (2, "prefork", 3600)
    assert TASKS + "followed_late" in told["late_tasks"]
    assert told["tracked"] == [TASKS + name for name in FOLLOWED]
    assert told["worker_lost_loops"] == [TASKS + "always_killed", TASKS + "killed_unheard"]
    assert told["longest_time_limit"] == 1


def test_a_worker_that_is_asked_names_the_same_queues(worker):
    [answer] = Inspection(worker.client).answers().values()
    assert answer.queues == tuple(sorted(QUEUES))


def test_an_attempt_says_in_which_release_it_failed(engine, worker):
    the_letter_of(engine, worker, worker.send("shared", "release"))
    with engine.connect() as connection:
        assert connection.execute(select(dead_letter_attempt.c.release)).scalars().all() == ["2026.03"]


@pytest.mark.parametrize(
    ("task", "runs", "letters"),
    [
        pytest.param("followed_failing", 1, 1, id="failure"),
        pytest.param("followed_trying", 2, 0, id="success after a retry of its own"),
    ],
)
def test_a_followed_task_is_off_the_ledger_at_its_end(engine, worker, task, runs, letters):
    mark = uuid4().hex
    worker.send(task, mark)
    eventually(lambda: worker.runs(mark) == runs)
    eventually(worker.is_quiet)
    eventually(lambda: count(engine, "dead_letter_in_flight") == 0)
    assert len(all_letters(engine)) == letters


def test_positional_arguments_are_known_by_the_names_of_the_signature(engine, worker):
    letter = the_letter_of(engine, worker, worker.send("for_session", "s-positional"))
    assert letter["session_id"] == "s-positional"


def test_row_4_the_killed_child_of_a_running_task_leaves_one_letter(engine, worker):
    task_id = worker.send("sleepy_pid", "killed-outside")
    pid = eventually(lambda: worker.noted("killed-outside.pid"))
    os.kill(int(pid), signal.SIGKILL)
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["occurrences"]) == (Kind.WORKER_LOST, 1)
    assert worker.runs("killed-outside") == 1


@pytest.mark.parametrize(
    ("task", "options", "runs"),
    [
        pytest.param("each_minute", {}, 1, id="exception"),
        pytest.param("each_minute", {"headers": {"redelivered": True}}, 1, id="exception, redelivered"),
        pytest.param("each_minute", {"expires": -1}, 0, id="expired"),
        pytest.param("each_minute_too_slow", {}, 1, id="hard time limit"),
        pytest.param("each_minute", {"eta_header": "soon"}, 0, id="malformed"),
    ],
)
def test_a_task_that_wants_no_letters_leaves_none(engine, worker, task, options, runs):
    mark = uuid4().hex
    if "eta_header" in options:
        options = {"headers": {"eta": options["eta_header"]}}
    worker.client.send_task(TASKS + task, args=[mark], **options)
    eventually(lambda: worker.runs(mark) == runs)
    the_letter_of(engine, worker, worker.send("shared", "after-" + mark))
    eventually(worker.is_quiet)
    assert [letter["task_name"] for letter in all_letters(engine)] == [TASKS + "shared"]
    assert worker.is_alive()
