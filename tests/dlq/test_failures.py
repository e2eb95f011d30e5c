"""What is kept of an exception, also of one that misbehaves."""

import pytest
from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import Retry, SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.utils.serialization import UnpickleableExceptionWrapper

from dlq.letters import Kind
from dlq.worker.failures import failure_of, kind_of, unwrapped
from tests.dlq.builders import NOON, noon


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


def failure(error, **described):
    return failure_of(Kind.EXCEPTION, error, clock=noon, worker="w1", **described)


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        (ValueError("no such plan"), "ValueError", "no such plan"),
        (ValueError("a: b"), "ValueError", "a: b"),
        (KeyError("plan"), "KeyError", "'plan'"),
        (ValueError(), "ValueError", ""),
        (ValueError("two\nlines"), "ValueError", "two\nlines"),
        (UnpickleableExceptionWrapper("shop", "Odd", ["x"], "Odd('x')"), "Odd", "Odd('x')"),
    ],
)
def test_type_and_message_are_those_of_the_exception(error, name, message):
    found = failure(error)
    assert (found.exception_type, found.message) == (name, message)
    assert (found.occurred_at, found.worker) == (NOON, "w1")


def test_an_exception_that_cannot_be_printed_is_kept_all_the_same():
    found = failure(Unprintable())
    assert found.exception_type == "Unprintable"
    assert "failed" in found.message


def test_text_is_cleaned_and_cut_from_the_end_that_says_less():
    found = failure(ValueError("\x00" + "m" * 50_000), traceback="first" + "t" * 200_000 + "last")
    assert found.message == "m" * 10_000
    assert found.traceback.endswith("last")
    assert len(found.traceback) == 100_000


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SoftTimeLimitExceeded(), "It ran longer than its soft time limit."),
        (TimeLimitExceeded(1.5), "It ran longer than its time limit of 1.5 s."),
    ],
)
def test_a_time_limit_says_what_happened(error, message):
    assert failure(error).message == message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError(), Kind.EXCEPTION),
        (SoftTimeLimitExceeded(), Kind.SOFT_TIMEOUT),
        (TimeLimitExceeded(3), Kind.HARD_TIMEOUT),
        (WorkerLostError(), Kind.WORKER_LOST),
        (SystemExit(1), Kind.WORKER_LOST),
    ],
)
def test_the_exception_tells_the_kind(error, kind):
    assert kind_of(error, "") == kind


def test_an_error_while_storing_the_result_leaves_the_outcome_unknown():
    traceback = (
        '  File "celery/app/trace.py", line 1, in trace_task\n    task.backend.mark_as_done(\nConnectionError'
    )
    assert kind_of(ConnectionError(), traceback) == Kind.OUTCOME_UNKNOWN


def test_only_the_wrapper_of_the_pool_is_opened():
    inner = ValueError("x")
    assert unwrapped(ExceptionWithTraceback(inner, None)) is inner
    retry = Retry(exc=inner)
    assert unwrapped(retry) is retry
