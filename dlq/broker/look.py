"""One look at everything: heartbeats from PostgreSQL, then what the broker and the workers tell."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine, RowMapping

from dlq import store
from dlq.broker import switches
from dlq.broker.configuration import warnings
from dlq.broker.inspection import Answer, Inspection
from dlq.broker.keys import BrokerKeys
from dlq.broker.queues import MAX_QUEUES, Bindings, FirstSeen, Taken, bindings, queue_views, taken
from dlq.broker.records import BrokerView, ChangedLimit, Pause, QueueView, WorkerView
from dlq.broker.workers import heartbeats, worker_views
from dlq.errors import StoreUnavailable
from dlq.strategies import breaker
from dlq.strategies.breaker import BreakerState
from dlq.times import Clock, utc_now

#: How long the queues that somebody declared are kept: finding them means going through all keys.
BINDINGS_SECONDS = 60.0
BROKER_ERRORS = (redis.RedisError, OperationalError, OSError)


@dataclass(frozen=True, slots=True)
class Told:
    """By the broker, and by workers through it."""

    answers: Mapping[str, Answer]
    bound: Bindings
    taken: Mapping[str, Taken]
    taken_at_least: bool
    pauses: tuple[Pause, ...]
    limits: tuple[ChangedLimit, ...]
    breakers: tuple[BreakerState, ...]


class Look:
    """Looks again and again for one thread. `app` and `client` speak to the same broker."""

    def __init__(
        self,
        engine: Engine,
        app: Celery,
        client: "redis.Redis",
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._own_queue = str(app.conf.task_default_queue)
        self._keys = BrokerKeys.of(app.conf.broker_transport_options or {})
        self._inspection = Inspection(app, clock)
        self._seen = FirstSeen()
        self._bound: Bindings = {}
        self._bound_until = 0.0

    def look(self) -> BrokerView:
        """What there is now. Raises nothing that a server which is away would: the record says so."""
        now = self._clock()
        rows, store_problem = self._rows(now)
        try:
            self._client.ping()  # fails at once where Celery would try for seconds
            told = self._told(now)
            view = self._put_together(rows, told, now)
        except BROKER_ERRORS as error:
            self._inspection.forget()
            workers = worker_views(rows, {}, (), now)
            view = BrokerView(workers=workers, broker_problem=str(error).rstrip(".") or "it does not answer")
        return replace(view, seen_at=self._clock(), store_problem=store_problem)

    def _rows(self, now: datetime) -> tuple[list[RowMapping], str]:
        try:
            with store.reading(self._engine) as connection:
                return heartbeats(connection, now), ""
        except StoreUnavailable as error:
            return [], error.reason

    def _told(self, now: datetime) -> Told:
        if self._monotonic() >= self._bound_until:
            self._bound = bindings(self._client, self._keys)
            self._bound_until = self._monotonic() + BINDINGS_SECONDS
        held, at_least = taken(self._client, self._keys, self._bound)
        return Told(
            answers=self._inspection.answers(),
            bound=self._bound,
            taken=held,
            taken_at_least=at_least,
            pauses=switches.pauses(self._client),
            limits=switches.changed_limits(self._client),
            breakers=breaker.states(self._client, now),
        )

    def _put_together(self, rows: Collection[RowMapping], told: Told, now: datetime) -> BrokerView:
        workers = worker_views(rows, told.answers, told.pauses, now)
        names = sorted(self._names(workers, told))
        shown = names[:MAX_QUEUES]
        views = queue_views(self._client, self._keys, shown, told.taken, self._seen, now)
        queues = tuple(_served(queue, workers, told.pauses) for queue in views)
        return BrokerView(
            workers=workers,
            queues=queues,
            queues_left_out=len(names) - len(shown),
            taken_at_least=told.taken_at_least,
            limits=told.limits,
            breakers=told.breakers,
            warnings=warnings(workers, queues),
        )

    def _names(self, workers: Collection[WorkerView], told: Told) -> set[str]:
        names = {self._own_queue, *told.taken, *(pause.queue for pause in told.pauses)}
        names.update(queue for worker in workers for queue in worker.queues)
        names.update(queue for bound in told.bound.values() for _key, _pattern, queue in bound)
        return names - {""}


def _served(queue: QueueView, workers: Collection[WorkerView], pauses: Collection[Pause]) -> QueueView:
    return replace(
        queue,
        workers=tuple(one.name for one in workers if one.alive and queue.name in one.queues),
        pause=next((pause for pause in pauses if pause.queue == queue.name), None),
    )
