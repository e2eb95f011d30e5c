"""What beat asks of the worker, by the clock. A run does all there is to do: a lost one costs nothing.

So none of them becomes a dead letter; a failed run is in the worker's log, and the page says how old its
numbers are.
"""

from functools import cache

from celery import Task, shared_task

from analytics.retention import retain
from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from analytics.sync import sync
from dlq.retries.publishing import publisher
from dlq.retries.reaper import reap
from dlq.sealing import Sealer
from dlq.settings import Settings as DlqSettings
from infra.settings import Settings
from infra.worker_engine import worker_engine


@shared_task(bind=True, name="recovery.sync_events", dead_letters=False)
def sync_events(self: Task) -> None:
    """Take new events into the store, unless another sync is at it."""
    sync(worker_engine(self.app), _store(), wait=False)


@shared_task(bind=True, name="recovery.retain_events", dead_letters=False)
def retain_events(self: Task) -> None:
    """Remove the sessions that are older than the setting allows."""
    retain(worker_engine(self.app), _store(), days=AnalyticsSettings.from_env().retention_days)


@shared_task(bind=True, name="recovery.finish_retries", dead_letters=False)
def finish_retries(self: Task) -> None:
    """Publish the retries that somebody claimed but a crash or an outage kept from the broker."""
    reap(worker_engine(self.app), publisher(self.app), sealer=_sealer())


@cache
def _sealer() -> Sealer:
    return Sealer.of(DlqSettings.from_env())


@cache
def _store() -> EventStore:
    return EventStore.open(AnalyticsSettings.from_env(), Settings.from_env().home / "events")
