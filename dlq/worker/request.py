"""The worker's view of one task, with a letter written before a failed message leaves the broker.

Celery calls these methods in the worker's parent process for every outcome of a task, also for those that the
task's own hooks never see: a killed process, a hard time limit, a revoked or rejected message. A failure is
first noted, then written by whichever step lets go of the message; sending the message back drops the note.
"""

import inspect
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from celery.exceptions import (
    Ignore,
    InvalidTaskError,
    Reject,
    Retry,
    TaskRevokedError,
    Terminated,
    TimeLimitExceeded,
    WorkerLostError,
)
from celery.worker import state as worker_state
from celery.worker.request import Request

from dlq.envelope import LETTER_HEADER
from dlq.letters import Failure, Kind
from dlq.tasks import keeps_letters, runs_twice_harmlessly
from dlq.times import to_ms
from dlq.worker.capture import Capture
from dlq.worker.failures import MALFORMED, failure_of, kind_of, unwrapped
from dlq.worker.in_flight import IN_FLIGHT_HEADER, Run
from dlq.worker.requeues import Requeues

_log = logging.getLogger("dlq")


def request_class(base: type[Request], capture: Capture, *, followed: bool = False) -> type[Request]:
    """`base`, which may be an application's own, with capture added. Adding it twice changes nothing.

    `followed` puts every run on the ledger of in_flight.py, and not only those that a letter may wait for.
    """
    if issubclass(base, LetterRequest):
        return base
    added = {"capture": capture, "requeues": Requeues(), "followed": followed}
    return type(f"Letter{base.__name__}", (LetterRequest, base), added)


class LetterRequest(Request):
    capture: Capture
    requeues: Requeues
    followed: bool
    on_success: Callable[..., Any]
    execute_using_pool: Callable[..., Any]

    _noted: Failure | None = None
    _written = False
    _run: Run | None = None
    _is_on_ledger = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "execute_using_pool" in vars(cls):  # Celery's own subclass replaces it without calling ours
            cls.execute_using_pool = _or_malformed(cls.execute_using_pool)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not isinstance(self._args, list | tuple) or not isinstance(self._kwargs, Mapping):
            # Celery lets this through to the pool, where it fails and is counted as a success.
            raise InvalidTaskError("args must be a list and kwargs a mapping")
        if not _are_limits(self.time_limits):
            # Celery looks at them when the task runs, where the error stops the worker.
            raise InvalidTaskError("timelimit must be two numbers of seconds, or null for no limit")
        if self._is_followed():
            # Celery's own subclass replaces both without calling ours; an instance attribute wins.
            self.on_success = self._settling(self.on_success)
            self.execute_using_pool = self._noting(self.execute_using_pool)

    def on_accepted(self, pid: int, time_accepted: float) -> Any:
        """A process has taken the task. Unless it is a late one, its message now leaves the broker."""
        if self._run is not None and not self._run.returns and not self._is_on_ledger:
            self._run = self.capture.acknowledging(self._message, self._run)
        return super().on_accepted(pid, time_accepted)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        error = unwrapped(exc_info.exception)
        trace = str(getattr(exc_info, "traceback", None) or "")
        if isinstance(error, Ignore | Retry) or (isinstance(error, Reject) and error.requeue):
            return self._passed_over(error, exc_info, send_failed_event, return_ok)
        if self._was_stopped_on_purpose(error):
            return super().on_failure(exc_info, send_failed_event, return_ok)
        if isinstance(error, Reject):
            self._note(Kind.REJECTED, error, trace, message=str(error.reason or ""))
        else:
            self._note(kind_of(error, trace), error, trace)
        if isinstance(error, MemoryError):
            return self._finish_without_celery()
        try:
            return super().on_failure(exc_info, send_failed_event, return_ok)
        finally:
            # Celery's handling may itself raise, with the result backend away, before it acknowledges.
            self._write()
            if self._written and self.task.acks_late:
                self.acknowledge()

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        # A cold shutdown kills children too; their messages are not failures.
        if not soft and not worker_state.should_terminate:
            self._note(Kind.HARD_TIMEOUT, TimeLimitExceeded(timeout))
        try:
            return super().on_timeout(soft, timeout)
        finally:
            self._write()

    def acknowledge(self) -> Any:
        self._write()
        return super().acknowledge()

    def reject(self, requeue: bool = False) -> Any:
        if requeue and self._noted is not None and not self.acknowledged:
            requeue = not self._is_poison(self._noted)
        if requeue:
            self._noted = None
        else:
            self._write()
        return super().reject(requeue)

    def _retry_worker_lost(self, exc: BaseException, exc_info: Any) -> bool:
        noted, self._noted = self._noted, None
        retried: bool = super()._retry_worker_lost(exc, exc_info)
        if not retried:
            self._noted = noted
        elif self._run is not None:
            self.capture.went_on(self._message, self._run)
        return retried

    def _success_was_stored(self) -> Any:
        stored = super()._success_was_stored()
        if stored:
            self._noted = None
            if self._is_followed():
                self._succeed()
        return stored

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> Any:
        kind = Kind.EXPIRED if expired else Kind.REVOKED
        self._note(
            kind, RuntimeError(reason), exception_type=kind.value.capitalize(), message=_why(reason, signum)
        )
        try:
            return super()._announce_revoked(reason, terminated, signum, expired)
        finally:
            # Celery does so once the result is stored; with its backend away the message came back for ever.
            self.acknowledge()

    def _announce_cancelled(self, emit_retry: bool = True) -> Any:
        # A cold shutdown. Celery calls it a retry; what was acknowledged early does not come back.
        if self.acknowledged:
            self._note(Kind.WORKER_LOST, WorkerLostError("The worker was shut down while the task ran."))
            self._write()
        return super()._announce_cancelled(emit_retry)

    def _passed_over(self, error: BaseException, *outcome: Any) -> Any:
        if isinstance(error, Ignore) and not isinstance(error, Reject) and self._is_followed():
            self._succeed()
        elif self._run is not None:
            self.capture.went_on(self._message, self._run)
        return super().on_failure(*outcome)

    def _was_stopped_on_purpose(self, error: BaseException) -> bool:
        if isinstance(error, Terminated):
            return True
        return isinstance(error, SystemExit | KeyboardInterrupt) and (
            self._already_cancelled or self._already_revoked
        )

    def _finish_without_celery(self) -> None:
        # Celery re-raises MemoryError here, which takes the whole worker down and every worker after it.
        self._write()
        worker_state.task_ready(self)
        self.acknowledge()

    def _is_poison(self, noted: Failure) -> bool:
        """Whether this failure has sent the message back too often; the note then says so."""
        counted = self.capture.sent_back(self._message) if self._keeps_letters() else None
        times = max(counted or 0, self.requeues.count(self.id))
        if times <= self.capture.settings.requeue_limit:
            return False
        self.requeues.forget(self.id)
        message = f"{noted.message} (went back {times - 1} times)"
        self._noted = replace(noted, kind=Kind.POISON, message=message)
        return True

    def _settling(self, on_success: Callable[..., Any]) -> Callable[..., Any]:
        def settle_and_go_on(failed__retval__runtime: tuple[bool, Any, float], **options: Any) -> Any:
            if not failed__retval__runtime[0]:
                self._succeed()
            return on_success(failed__retval__runtime, **options)

        return settle_and_go_on

    def _noting(self, execute_using_pool: Callable[..., Any]) -> Callable[..., Any]:
        def note_and_execute(pool: Any, **options: Any) -> Any:
            if self.revoked():
                raise TaskRevokedError(self.id)
            at_ms = to_ms(self.capture.clock())
            self._run = Run(self.capture.boot, self.hostname, at_ms, returns=bool(self.task.acks_late))
            died = self.capture.received(self._message, self._run)
            self._is_on_ledger = died is not None
            if died is not None and died > self.capture.settings.requeue_limit:
                self._note(Kind.POISON, WorkerLostError(f"Its process died {died} times."))
                self._finish_without_celery()
                raise TaskRevokedError(self.id)  # what Celery expects of a request that does not run
            return execute_using_pool(pool, **options)

        return note_and_execute

    def _succeed(self) -> None:
        self.capture.succeeded(self._message, self._arguments(), self._run)

    def _is_followed(self) -> bool:
        """Whether this run is on the ledger: asked for, or a letter may wait for it or come of it."""
        headers = self._message.headers or {}
        asked = self.followed or LETTER_HEADER in headers or IN_FLIGHT_HEADER in headers
        return (asked or bool(headers.get("redelivered"))) and self._keeps_letters()

    def _keeps_letters(self) -> bool:
        return keeps_letters(self.task, self._message.headers or {})

    def _note(self, kind: Kind, error: BaseException, trace: str = "", **described: str) -> None:
        if self._written or self._noted is not None:
            return
        self._noted = failure_of(
            kind,
            error,
            clock=self.capture.clock,
            worker=self.hostname,
            traceback=trace,
            idempotent=runs_twice_harmlessly(self.task),
            release=self.capture.settings.release,
            **described,
        )

    def _write(self) -> None:
        if self._noted is not None:
            noted, self._noted, self._written = self._noted, None, True
            if self._keeps_letters():
                self.capture.failed(self._message, noted, self._arguments(), self._run)
            elif noted.kind == Kind.POISON:
                _log.error("Task %s[%s] is given up: %s", self.name, self.id, noted.message)

    def _arguments(self) -> Mapping[str, Any]:
        """Arguments by name; positional ones as the task's signature names them."""
        try:
            bound = inspect.signature(self.task.run).bind_partial(*self._args, **self._kwargs)
        except (TypeError, ValueError):
            return dict(self._kwargs)
        return bound.arguments | dict(self._kwargs)


def _or_malformed(execute_using_pool: Callable[..., Any]) -> Callable[..., Any]:
    def execute_or_refuse(self: LetterRequest, pool: Any, **options: Any) -> Any:
        try:
            return execute_using_pool(self, pool, **options)
        except MALFORMED as error:
            # Raised as it is, it would stop the worker, or take one of its processes out of use for ever.
            self._note(Kind.MALFORMED, error, traceback.format_exc())
            self._finish_without_celery()
            raise TaskRevokedError(self.id) from error  # what Celery expects of a request that does not run

    return execute_or_refuse


def _are_limits(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(seconds, int | float | None) for seconds in pair)
    )


def _why(reason: str, signum: Any) -> str:
    return f"{reason} by signal {signum}" if signum else reason
