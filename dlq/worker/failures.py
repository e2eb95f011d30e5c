"""From an exception that the worker holds to a Failure that can be stored."""

from traceback import format_exception_only
from typing import Any
from uuid import uuid4

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError

from dlq.envelope import clean_text, name_of
from dlq.letters import Failure, Kind
from dlq.strategies.marks import marks_of
from dlq.times import Clock

#: What reading a stranger's message can raise. Connection errors are not among them: those belong to Celery.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

_MESSAGE_CHARACTERS = 10_000
_TRACEBACK_CHARACTERS = 100_000

#: The line of celery's tracer that stores a success: an error below it came after the body had finished.
_STORING_SUCCESS = "mark_as_done("


def unwrapped(error: BaseException) -> BaseException:
    """The task's own exception. Only the pool's wrapper is opened: Retry carries an `exc` too."""
    if isinstance(error, ExceptionWithTraceback):
        inner: BaseException = error.exc
        return inner
    return error


def kind_of(error: BaseException, traceback: str) -> Kind:
    if isinstance(error, SoftTimeLimitExceeded):
        return Kind.SOFT_TIMEOUT
    if isinstance(error, TimeLimitExceeded):
        return Kind.HARD_TIMEOUT
    if isinstance(error, WorkerLostError | SystemExit | KeyboardInterrupt):
        return Kind.WORKER_LOST
    return Kind.OUTCOME_UNKNOWN if _STORING_SUCCESS in traceback else Kind.EXCEPTION


def failure_of(
    kind: Kind,
    error: BaseException,
    *,
    clock: Clock,
    worker: str,
    traceback: str = "",
    exception_type: str = "",
    message: str = "",
    idempotent: bool | None = None,
    release: str = "",
) -> Failure:
    """A failure with its time and an id of its own. `exception_type` and `message` override the error's."""
    return Failure(
        capture_id=uuid4(),
        kind=kind,
        exception_type=name_of(exception_type or _type_name(error)),
        message=clean_text(message or _said_by(error))[:_MESSAGE_CHARACTERS],
        traceback=clean_text(traceback)[-_TRACEBACK_CHARACTERS:],
        occurred_at=clock(),
        worker=worker,
        idempotent=idempotent,
        release=release,
        marks=marks_of(error),
    )


def _type_name(error: Any) -> str:
    # Celery wraps exceptions that cannot be pickled and keeps the name of the original.
    return clean_text(getattr(error, "exc_cls_name", None) or type(error).__name__)


def _said_by(error: BaseException) -> str:
    if isinstance(error, SoftTimeLimitExceeded | TimeLimitExceeded):
        # billiard's own words are its constructor call.
        kind = "soft time limit" if isinstance(error, SoftTimeLimitExceeded) else "time limit"
        seconds = next((f" of {given:g} s" for given in error.args if isinstance(given, int | float)), "")
        return f"It ran longer than its {kind}{seconds}."
    # An exception may fail to print itself; the formatter of tracebacks survives that.
    return "".join(format_exception_only(error)).partition(": ")[2].rstrip("\n")
