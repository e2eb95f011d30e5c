"""What beat asks of the worker, by the clock. A run does all there is to do: a lost one costs nothing.

So none of them becomes a dead letter; a failed run is in the worker's log, and the page says how old its
numbers are.
"""

from functools import cache

import redis
from celery import Task, shared_task

from analytics.retention import retain
from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from analytics.sync import sync
from dlq.broker.keys import BrokerKeys
from dlq.operations.running import run_due
from dlq.retention import purge
from dlq.retries.lost import find_lost
from dlq.retries.publishing import Publisher
from dlq.retries.reaper import reap
from dlq.retries.vanished import reap_vanished
from dlq.sealing import Sealer
from dlq.settings import Settings as DlqSettings
from dlq.tally import fold
from infra import audit
from infra.redis_client import open_redis
from infra.settings import Settings
from infra.worker_engine import worker_engine

#: From one run of the operations to the next.
OPERATIONS_SECONDS = 2.0


@shared_task(bind=True, name="recovery.sync_events", dead_letters=False)
def sync_events(self: Task) -> None:
    """Take new events into the store, unless another sync is at it."""
    sync(worker_engine(self.app), _store(), wait=False)


@shared_task(bind=True, name="recovery.retain_events", dead_letters=False)
def retain_events(self: Task) -> None:
    """Remove the sessions that are older than the setting allows."""
    retain(worker_engine(self.app), _store(), days=AnalyticsSettings.from_env().retention_days)


@shared_task(bind=True, name="recovery.run_operations", dead_letters=False)
def run_operations(self: Task) -> None:
    """Go on with the operations that are due, for a little less than the time to the next run."""
    run_due(
        worker_engine(self.app),
        Publisher(self.app),
        sealer=_sealer(),
        audit=audit.record,
        for_seconds=OPERATIONS_SECONDS * 0.9,
    )


@shared_task(bind=True, name="recovery.finish_retries", dead_letters=False)
def finish_retries(self: Task) -> None:
    """Publish the retries that somebody claimed but a crash or an outage kept from the broker."""
    reap(worker_engine(self.app), Publisher(self.app), sealer=_sealer())


@shared_task(bind=True, name="recovery.find_vanished", dead_letters=False)
def find_vanished(self: Task) -> None:
    """Turn followed tasks that nobody will finish, and retries that went astray, into dead letters."""
    engine, settings = worker_engine(self.app), DlqSettings.from_env()
    keys = BrokerKeys.of(self.app.conf.broker_transport_options or {})
    reap_vanished(engine, _broker(), settings=settings, sealer=_sealer(), keys=keys)
    find_lost(engine, _broker(), settings=settings, sealer=_sealer(), keys=keys)


@shared_task(bind=True, name="recovery.keep_letters_in_bounds", dead_letters=False)
def keep_letters_in_bounds(self: Task) -> None:
    """Fold the tally of letters, and purge what has been kept long enough."""
    engine = worker_engine(self.app)
    fold(engine)
    purge(engine, settings=DlqSettings.from_env())


@cache
def _sealer() -> Sealer:
    return Sealer.of(DlqSettings.from_env())


@cache
def _broker() -> "redis.Redis":
    return open_redis(Settings.from_env().server_urls()[1])


@cache
def _store() -> EventStore:
    return EventStore.open(AnalyticsSettings.from_env(), Settings.from_env().home / "events")
