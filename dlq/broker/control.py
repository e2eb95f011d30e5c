"""What people may switch in running workers: queues paused, tasks revoked, time limits, circuit breakers.

Each change asks for `letters.retry` and for a person who sees every client, and is audited before a worker
hears of it: no transaction spans a broker, and a switch without a record would be worse than a record
of a switch that nobody took up. Who took it up stands in the receipt. Changes live in the workers' memory:
after a restart they are gone.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery
from sqlalchemy import Engine

from dlq import store
from dlq.access import RETRY, Actor, Audit
from dlq.broker import switches
from dlq.broker.inspection import ASK_SECONDS
from dlq.broker.limit_command import TIME_LIMIT
from dlq.broker.look import BROKER_ERRORS
from dlq.broker.records import BrokerView, ChangedLimit, Limits, Pause, WorkerView
from dlq.broker.watch import BrokerWatch
from dlq.errors import BadLimits, BrokerUnavailable, NothingToUndo, NoWorker
from dlq.restriction import require_every_client
from dlq.strategies import breaker
from dlq.times import Clock, utc_now

#: How long a control waits for a look at the workers when there has been none yet.
LOOK_SECONDS = 8.0
MAX_LIMIT_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Receipt:
    agreed: tuple[str, ...]  #: workers that did as they were told
    refused: Mapping[str, str]  #: workers that could not, with what they said
    silent: tuple[str, ...]  #: workers that did not answer; they may still do it


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except BROKER_ERRORS as error:
        raise BrokerUnavailable(str(error)) from error


class BrokerControl:
    """Tells workers what to do. Everything here raises BrokerUnavailable when the broker is away."""

    def __init__(
        self,
        engine: Engine,
        app: Celery,
        client: "redis.Redis",
        watch: BrokerWatch,
        audit: Audit,
        clock: Clock = utc_now,
    ) -> None:
        self._engine = engine
        self._app = app
        self._client = client
        self._watch = watch
        self._audit = audit
        self._clock = clock

    @_broker_errors()
    def pause(self, by: Actor, queue: str, reason: str = "") -> Receipt:
        """Stop every worker seen consuming `queue`; what they have taken already goes on. Undo: `resume`.

        Raises NoWorker when nobody consumes it.
        """
        view = self._view(by)
        workers = [worker.name for worker in view.alive if worker.answers and queue in worker.queues]
        if not workers:
            raise NoWorker(f"consumes {queue} and answers")
        self._record(by, "queue.pause", f"queue:{queue}", {"workers": workers, "reason": reason})
        receipt = self._tell("cancel_consumer", workers, queue=queue)
        earlier = self._paused(queue)
        if receipt.agreed:
            stopped = tuple(sorted({*receipt.agreed, *(earlier.workers if earlier else ())}))
            switches.note_pause(self._client, Pause(queue, by.login, self._clock(), reason, stopped))
        return receipt

    @_broker_errors()
    def resume(self, by: Actor, queue: str, reason: str = "") -> Receipt:
        """Let the workers that were paused consume `queue` again. Raises NothingToUndo."""
        view = self._view(by)
        pause = self._paused(queue)
        if pause is None:
            raise NothingToUndo(f"{queue} is not paused")
        here = {worker.name for worker in view.alive}
        workers = [name for name in pause.workers if name in here]
        self._record(by, "queue.resume", f"queue:{queue}", {"workers": workers, "reason": reason})
        receipt = self._tell("add_consumer", workers, queue=queue)
        if left := tuple(name for name in workers if name not in receipt.agreed):
            switches.note_pause(self._client, Pause(queue, pause.by, pause.at, pause.reason, left))
        else:
            switches.forget_pause(self._client, queue)
        return receipt

    @_broker_errors()
    def revoke(self, by: Actor, task_id: str, reason: str = "", *, stop: bool = False) -> Receipt:
        """Have workers throw the task away when they get to it; with `stop`, also end it where it runs.

        A worker with `dlq.install` makes a dead letter of it, and a retry of that letter is the way back.
        """
        workers = self._all(self._view(by))
        after = {"workers": workers, "reason": reason, "stop": stop}
        self._record(by, "task.revoke", f"task:{task_id}", after)
        return self._tell("revoke", workers, task_id=task_id, terminate=stop)

    @_broker_errors()
    def limit(self, by: Actor, task_name: str, limits: Limits, reason: str = "") -> Receipt:
        """Give the task these time limits in every worker with `dlq.install`. Undo: `put_back`.

        Counts from the next message that a worker takes. Raises BadLimits or NoWorker.
        """
        by.require(RETRY)
        _check(limits)
        workers = _that_know(task_name, self._view(by).alive)
        if not workers:
            raise NoWorker(f"with dlq.install knows {task_name} and answers")
        before = {one.name: (one.limits or {}).get(task_name, Limits()) for one in workers}
        earlier = self._changed(task_name)
        after = {"soft": limits.soft, "hard": limits.hard, "workers": sorted(before), "reason": reason}
        self._record(by, "task.limit", f"task:{task_name}", after, before=_words(before))
        receipt = self._tell_limits(task_name, list(before), limits)
        if receipt.agreed:
            kept = before | (dict(earlier.before) if earlier else {})
            changed = ChangedLimit(task_name, by.login, self._clock(), limits, kept)
            switches.note_limit(self._client, changed)
        return receipt

    @_broker_errors()
    def put_back(self, by: Actor, task_name: str, reason: str = "") -> Receipt:
        """Give the task the time limits it had before people changed them. Raises NothingToUndo."""
        here = {worker.name for worker in self._view(by).alive}
        changed = self._changed(task_name)
        if changed is None:
            raise NothingToUndo(f"the time limits of {task_name} are as configured")
        by_limits: dict[Limits, list[str]] = defaultdict(list)
        for worker, limits in changed.before.items():
            if worker in here:
                by_limits[limits].append(worker)
        after = {"workers": sorted(here & changed.before.keys()), "reason": reason}
        self._record(by, "task.limit_back", f"task:{task_name}", after)
        receipt = _merged(self._tell_limits(task_name, names, one) for one, names in by_limits.items())
        if not receipt.silent:
            switches.forget_limit(self._client, task_name)
        return receipt

    @_broker_errors()
    def close_breaker(self, by: Actor, dependency: str, reason: str = "") -> bool:
        """Let calls to the dependency pass again; False when its breaker held nothing."""
        by.require(RETRY)
        require_every_client(by)
        self._record(by, "breaker.close", f"breaker:{dependency}", {"reason": reason})
        try:
            return breaker.reset(self._client, dependency)
        finally:
            self._watch.look_again()

    def _view(self, by: Actor) -> BrokerView:
        by.require(RETRY)
        require_every_client(by)
        self._client.ping()  # fails at once where Celery would try for seconds
        view = self._watch.view(by, wait_seconds=LOOK_SECONDS)
        if view.broker_problem:
            raise BrokerUnavailable(view.broker_problem)
        return view

    def _all(self, view: BrokerView) -> list[str]:
        names = [worker.name for worker in view.alive if worker.answers]
        if not names:
            raise NoWorker("answers")
        return names

    def _paused(self, queue: str) -> Pause | None:
        return next((pause for pause in switches.pauses(self._client) if pause.queue == queue), None)

    def _changed(self, task_name: str) -> ChangedLimit | None:
        changes = switches.changed_limits(self._client)
        return next((change for change in changes if change.task_name == task_name), None)

    def _record(
        self,
        by: Actor,
        action: str,
        subject: str,
        after: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
    ) -> None:
        with store.transaction(self._engine) as connection:
            self._audit(
                connection, actor=by.login, action=action, subject=subject, before=before, after=after
            )

    def _tell_limits(self, task_name: str, workers: Collection[str], limits: Limits) -> Receipt:
        return self._tell(TIME_LIMIT, workers, task_name=task_name, soft=limits.soft, hard=limits.hard)

    def _tell(self, command: str, workers: Collection[str], **arguments: Any) -> Receipt:
        if not workers:
            return Receipt((), {}, ())
        try:
            replies = self._app.control.broadcast(
                command,
                arguments=arguments,
                destination=list(workers),
                reply=True,
                timeout=ASK_SECONDS,
                limit=len(workers),
            )
        finally:
            self._watch.look_again()
        said = {name: answer for reply in replies or () for name, answer in reply.items()}
        return _receipt(workers, said)


def _receipt(workers: Iterable[str], said: Mapping[str, Any]) -> Receipt:
    refused = {
        name: str(answer["error"])
        for name, answer in said.items()
        if isinstance(answer, dict) and "error" in answer
    }
    return Receipt(
        agreed=tuple(sorted(name for name in said if name not in refused)),
        refused=refused,
        silent=tuple(sorted(name for name in workers if name not in said)),
    )


def _merged(receipts: Iterable[Receipt]) -> Receipt:
    every = list(receipts)
    return Receipt(
        agreed=tuple(name for receipt in every for name in receipt.agreed),
        refused={name: said for receipt in every for name, said in receipt.refused.items()},
        silent=tuple(name for receipt in every for name in receipt.silent),
    )


def _that_know(task_name: str, workers: Iterable[WorkerView]) -> list[WorkerView]:
    return [one for one in workers if one.reports and one.answers and task_name in one.tasks]


def _check(limits: Limits) -> None:
    for name, seconds in (("soft", limits.soft), ("hard", limits.hard)):
        if seconds is not None and not 0 < seconds <= MAX_LIMIT_SECONDS:
            raise BadLimits(f"the {name} limit must lie between 0 and {MAX_LIMIT_SECONDS:,.0f} seconds")
    if limits.soft is not None and limits.hard is not None and limits.soft >= limits.hard:
        raise BadLimits("the soft limit must come before the hard one, or it never acts")


def _words(before: Mapping[str, Limits]) -> dict[str, Any]:
    return {name: {"soft": limits.soft, "hard": limits.hard} for name, limits in before.items()}
