"""How long requests take, by route, for Prometheus. Two ASGI layers: only the inner one knows the route.

Everything that is not below /api/v1 counts by what it is, so that no address of a client becomes a label.
"""

import time

from prometheus_client import CollectorRegistry, Histogram
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_KINDS = (
    ("/api/", "api"),
    ("/_stcore/", "page machinery"),
    ("/static/", "static"),
    ("/app/static/", "static"),
    ("/sign-in", "sign-in"),
    ("/sso/", "sign-in"),
    ("/healthz", "/healthz"),
    ("/readyz", "/readyz"),
    ("/metrics", "/metrics"),
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_ROUTE = "onward.route"


class RequestTimes:
    """The outer layer; `registry` gets the histogram `onward_request_seconds`."""

    def __init__(self, app: ASGIApp, *, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "onward_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["method", "route", "status"],
            buckets=BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route: list[str] = []
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app({**scope, _ROUTE: route}, receive, noted)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            name = route[0] if route else _kind(scope["path"])
            self._seconds.labels(method, name, status).observe(time.perf_counter() - started)


class NamedRoute:
    """The inner layer, around the routes of REST: tells the outer one which of them answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        if _ROUTE in scope and isinstance(route := scope.get("route"), Route):
            scope[_ROUTE].append(f"/api/v1{route.path}")


def _kind(path: str) -> str:
    return next((kind for begin, kind in _KINDS if path.startswith(begin)), "page")
