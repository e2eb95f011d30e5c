"""The ASGI middleware in front of pages, REST, downloads and the websocket.

It removes identity headers that a client sends, looks the session cookie up, and passes the session's key
on in a header of its own, which Streamlit shows to the page script as `st.user["session"]`. Without a live
session a page leads to the sign-in page and everything else is refused. A websocket, and any request that
changes something, must come from our own origin: the browser always names it, so a missing or foreign one is
refused.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlsplit

from anyio import to_thread
from sqlalchemy import Engine
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.access import sessions
from infra.access.roles import Person
from infra.errors import DatabaseUnavailable

SESSION_HEADER = "x-onward-session"
SIGN_IN_PATH = "/sign-in"

#: Reachable without a session: nothing below these says anything about the team's data.
_OPEN = (SIGN_IN_PATH, "/healthz", "/_stcore/health", "/static/", "/app/static/", "/favicon.png")
_MACHINE_PATHS = ("/api/", "/metrics", "/_stcore/", "/media/", "/component/")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_POLICY_VIOLATION = 1008
_AWAY = JSONResponse(
    {"detail": "The database does not answer. Try again shortly."}, 503, {"retry-after": "5"}
)


class Guard:
    def __init__(
        self,
        app: ASGIApp,
        *,
        engine: Engine,
        cookie: str,
        clock: Callable[[], datetime],
        headers: dict[str, str],
    ) -> None:
        self._app = app
        self._engine = engine
        self._cookie = cookie
        self._clock = clock
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = self._key(headers)
        try:
            person = await self._person(key, scope["path"])
            refusal = _refusal(scope, headers, person)
        except DatabaseUnavailable:
            person, refusal = None, _AWAY
        if refusal is not None and scope["type"] == "websocket":
            await _refuse_websocket(receive, send)
            return
        if refusal is not None:
            await refusal(scope, receive, self._with_security_headers(send))
            return
        await self._app(_identified(scope, key, person), receive, self._with_security_headers(send))

    def _key(self, headers: Headers) -> str | None:
        token = cookie_parser(headers.get("cookie", "")).get(self._cookie)
        return sessions.session_key(token) if token else None

    async def _person(self, key: str | None, path: str) -> Person | None:
        if key is None or _is_open(path):
            return None
        return await to_thread.run_sync(lambda: sessions.find_person(self._engine, key, now=self._clock()))

    def _with_security_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                response = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    response.setdefault(name, value)
            await send(message)

        return send_with_headers


def _is_open(path: str) -> bool:
    return any(
        path == open_path or (open_path.endswith("/") and path.startswith(open_path)) for open_path in _OPEN
    )


def _refusal(scope: Scope, headers: Headers, person: Person | None) -> Response | None:
    """The answer to whoever may not come in; a websocket is closed instead of being sent it."""
    path = scope["path"]
    is_safe = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
    if not is_safe and not _same_origin(headers):
        return JSONResponse({"detail": "This request must come from the dashboard itself."}, 403)
    if person is not None or (_is_open(path) and scope["type"] == "http"):
        return None
    if path.startswith(_MACHINE_PATHS):
        return JSONResponse({"detail": "Sign in first."}, 401)
    wanted = path + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    return RedirectResponse(f"{SIGN_IN_PATH}?next={quote(wanted, safe='')}", 303)


def _same_origin(headers: Headers) -> bool:
    origin = urlsplit(headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == headers.get("host")


def _identified(scope: Scope, key: str | None, person: Person | None) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != SESSION_HEADER.encode()]
    if person is not None and key is not None:
        kept.append((SESSION_HEADER.encode(), key.encode()))
    return {**scope, "headers": kept, "state": {**scope.get("state", {}), "person": person}}


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
