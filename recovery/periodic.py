"""What beat asks of the worker every few seconds. A run does all there is to do: a lost one costs nothing."""

from functools import cache

from celery import Task, shared_task
from sqlalchemy import Engine

from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from analytics.sync import sync
from infra.database import open_engine
from infra.settings import Settings


@shared_task(bind=True, name="recovery.sync_events")
def sync_events(self: Task) -> None:
    """Take new events into the store, so that a page shows them within seconds."""
    sync(_engine(self.app.conf.database_url), _store())


@cache
def _engine(database_url: str) -> Engine:
    return open_engine(database_url, pool_size=3)


@cache
def _store() -> EventStore:
    return EventStore.open(AnalyticsSettings.from_env(), Settings.from_env().home / "events")
