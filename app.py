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

from api.app import NoSuchPath, create_api
from api.first_page import first_page_route
from api.health import health_routes
from api.metrics import create_registry, metrics_route
from api.request_times import RequestTimes
from dlq.redaction.logs import redact_logs
from infra.access.headers import security_headers
from infra.access.layers import layers
from infra.access.sign_in import cookie_name, sign_in_route
from infra.access.sso import sso_routes
from infra.compressed_files import CompressedFiles
from infra.logs import configure
from infra.request_log import RequestLog
from recovery.dashboard import dashboard

handles = dashboard()
redact_logs(handles.redactor)
configure(handles.settings.log, mask=handles.redactor.text)
static = Path(get_static_dir())
cookie, provider = cookie_name(handles.settings.home), handles.settings.provider


def clock() -> datetime:
    return datetime.now(UTC)


registry = create_registry(handles.funnels, handles.watch, clock)
app = st.App(
    "pages/frame.py",
    routes=[
        *health_routes(handles.engine, handles.redis_url, handles.funnels, clock),
        metrics_route(registry),
        sign_in_route(handles.engine, cookie, clock, provider=provider and provider.title),
        *sso_routes(provider, handles.engine, cookie, clock),
        first_page_route(),
        Mount(
            "/api/v1",
            create_api(
                handles.engine,
                handles.funnels,
                handles.retries,
                handles.redactor,
                handles.sealer,
                handles.watch,
                clock,
            ),
        ),
        *(Route(path, NoSuchPath()) for path in ("/api", "/api/{path:path}")),
    ],
    middleware=[
        Middleware(RequestLog),
        Middleware(RequestTimes, registry=registry),
        *layers(handles.settings, handles.engine, cookie, clock, security_headers(static / "index.html")),
        Middleware(CompressedFiles, folder=static),
    ],
)
