"""The ASGI app: the dashboard, /api/v1, sign-in and the guard, put together. It decides nothing.

The pages start at pages/frame.py and not here: a page folder beside the main script would make Streamlit
serve its files without the frame, and so without the check of who is asking.
"""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from streamlit.file_util import get_static_dir

from analytics.cache import ViewCache
from analytics.queries import Reader
from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from api.app import create_api
from api.health import health_route, no_such_path
from dlq.retry import RetryClient
from infra import audit
from infra.access.guard import Guard
from infra.access.headers import security_headers
from infra.access.sign_in import cookie_name, sign_in_route
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.errors import SettingsError
from infra.redis_client import open_redis
from infra.settings import Settings
from recovery.funnels import Funnels

settings = Settings.from_env()
if settings.database_url is None or settings.redis_url is None:
    raise SettingsError("DATABASE_URL and REDIS_URL", "must be set for the dashboard; `make run` sets them.")


def clock() -> datetime:
    return datetime.now(UTC)


engine = open_engine(settings.database_url)
analytics = AnalyticsSettings.from_env()
reader = Reader(
    engine, EventStore.open(analytics, settings.home / "events"), memory_bytes=analytics.memory_bytes
)
funnels = Funnels(reader, ViewCache(open_redis(settings.redis_url), analytics.cache_seconds))
retries = RetryClient(engine, create_celery(settings.redis_url), audit.record)
cookie = cookie_name(settings.home)

app = st.App(
    "pages/frame.py",
    routes=[
        health_route(engine, settings.redis_url),
        sign_in_route(engine, cookie, clock),
        Mount("/api/v1", create_api(engine, funnels, retries)),
        Route("/api/{path:path}", no_such_path),
    ],
    middleware=[
        Middleware(
            Guard,
            engine=engine,
            cookie=cookie,
            clock=clock,
            headers=security_headers(Path(get_static_dir()) / "index.html"),
        )
    ],
)
