"""The handles of a dashboard process, opened once: pages and REST share connections, files and cache."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import redis
from celery import Celery
from sqlalchemy import Engine

from analytics.cache import ViewCache
from analytics.queries import Reader
from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from dlq.broker.control import BrokerControl
from dlq.broker.look import Look
from dlq.broker.watch import BrokerWatch
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.settings import Settings as DlqSettings
from infra import audit
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.settings import Settings
from recovery.exports.table import Sources
from recovery.funnels import Funnels
from recovery.settings import Settings as RecoverySettings
from recovery.wording import Wording

POOL_SIZE = 10
#: A page gives up on a command of Redis after this; a worker, which waits for messages, never does.
REDIS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Dashboard:
    settings: Settings
    redis_url: str
    engine: Engine
    funnels: Funnels
    wording: Wording
    retries: RetryClient
    redactor: Redactor
    sealer: Sealer
    watch: BrokerWatch
    control: BrokerControl

    def sources(self, clock: Callable[[], datetime]) -> Sources:
        """What exports are read from."""
        return Sources(self.engine, self.funnels, self.redactor, self.watch, clock)

    def close(self) -> None:
        """Close the connections to PostgreSQL. Nobody may ask for anything any more."""
        self.watch.settle()
        self.engine.dispose()


@cache
def dashboard() -> Dashboard:
    """The handles that the environment asks for. Raises SettingsError; connects lazily."""
    settings = Settings.from_env()
    return opened(settings, *settings.server_urls())


def opened(settings: Settings, database_url: str, redis_url: str) -> Dashboard:
    """The handles on these servers. Raises SettingsError; connects lazily."""
    analytics, letters = AnalyticsSettings.from_env(), DlqSettings.from_env()
    sealer = Sealer.of(letters)
    engine = open_engine(database_url, pool_size=POOL_SIZE)
    store = EventStore.open(analytics, settings.home / "events")
    asking, client = _asking_app(redis_url, settings.broker_prefix), _impatient_client(redis_url)
    publishing = create_celery(redis_url, prefix=settings.broker_prefix)
    watch = BrokerWatch(Look(engine, asking, client))
    return Dashboard(
        settings=settings,
        redis_url=redis_url,
        engine=engine,
        funnels=Funnels(
            Reader(engine, store, memory_bytes=analytics.memory_bytes),
            ViewCache(client, analytics.cache_seconds),
        ),
        wording=Wording.of(RecoverySettings.from_env(), client),
        retries=RetryClient(engine, publishing, audit.record, sealer=sealer),
        redactor=Redactor(email=letters.redact_email),
        sealer=sealer,
        watch=watch,
        control=BrokerControl(engine, asking, client, watch, audit.record),
    )


def _asking_app(redis_url: str, prefix: str) -> Celery:
    app = create_celery(redis_url, prefix=prefix)
    app.conf.broker_transport_options |= {
        "socket_timeout": REDIS_SECONDS,
        "socket_connect_timeout": REDIS_SECONDS,
    }
    return app


def _impatient_client(redis_url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=None
    )
