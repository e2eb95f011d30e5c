"""The ASGI middleware in front of pages, REST, downloads and the websocket.

It removes identity headers that a client sends, looks up who asks, and passes the session's key on in a
header of its own, which Streamlit shows to the page script as `st.user["session"]`. Without a live session a
page leads to the sign-in page and everything else is refused. A websocket, and any request that changes
something, must come from our own origin: the browser always names it, so a missing or foreign one is refused.

Programs send a token (`Authorization: Bearer`) instead. No cookie is looked at then, so no other site can
have a browser send it, and the origin does not matter. Tokens open REST and metrics, never a page.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import Engine
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.access.lookup import Lookup
from infra.access.roles import Person
from infra.access.shown import Shown, shown_by
from infra.audit import asked_from
from infra.errors import DatabaseUnavailable
from infra.logs import bind
from infra.problems import problem

SESSION_HEADER = "x-onward-session"
SIGN_IN_PATH = "/sign-in"

#: Reachable without a session: nothing below these says anything about the team's data.
OPEN = (
    SIGN_IN_PATH,
    "/sso/login",
    "/sso/callback",
    "/healthz",
    "/readyz",
    "/_stcore/health",
    "/static/",
    "/app/static/",
    "/favicon.png",
)
_MACHINE_PATHS = ("/api/", "/metrics", "/_stcore/", "/media/", "/component/")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_POLICY_VIOLATION = 1008
_CHALLENGE = {"www-authenticate": 'Bearer realm="onward"'}
_BAD_TOKEN = {"www-authenticate": 'Bearer realm="onward", error="invalid_token"'}


class Guard:
    def __init__(
        self,
        app: ASGIApp,
        *,
        engine: Engine,
        cookie: str,
        clock: Callable[[], datetime],
        open_paths: tuple[str, ...] = OPEN,
    ) -> None:
        """`open_paths` need no session; one that ends in a slash opens what lies below it."""
        self._app = app
        self._lookup = Lookup(engine)
        self._cookie = cookie
        self._clock = clock
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        shown = shown_by(scope, self._cookie)
        try:
            person = await self._person(shown, scope["path"])
            refusal = self._refusal(scope, shown, person)
        except DatabaseUnavailable:
            person, refusal = None, _away(scope["path"])
        if person is not None:
            bind(person=person.login)
        if refusal is not None and scope["type"] == "websocket":
            await _refuse_websocket(receive, send)
            return
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        with asked_from(scope["client"][0] if scope.get("client") else None):
            await self._app(_identified(scope, shown, person), receive, send)

    async def _person(self, shown: Shown, path: str) -> Person | None:
        if self._is_open(path):
            return None
        if shown.token is not None:
            return await self._lookup.of_token(shown.token, now=self._clock())
        if shown.session is not None:
            return await self._lookup.of_session(shown.session, now=self._clock())
        return None

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or any(
            below.endswith("/") and path.startswith(below) for below in self._open_paths
        )

    def _refusal(self, scope: Scope, shown: Shown, person: Person | None) -> Response | None:
        """The answer to whoever may not come in; a websocket is closed instead of being sent it."""
        path = scope["path"]
        if "\n" in path:
            # The patterns of routes end where a line does, so such a path would pass by all of ours.
            return problem(404, "There is nothing at this path.")
        is_open = self._is_open(path) and scope["type"] == "http"
        if shown == Shown() and path.startswith(_MACHINE_PATHS) and not is_open:
            return _signed_out(path)
        is_safe = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
        if not is_safe and shown.token is None and not _same_origin(Headers(scope=scope)):
            return problem(403, "This request must come from the dashboard itself.", instance=path)
        if person is not None or is_open:
            return None
        if shown.token is not None:
            gone = "This token is unknown, revoked or expired. Ask an admin for another."
            return problem(401, gone, instance=path, headers=_BAD_TOKEN)
        if path.startswith(_MACHINE_PATHS):
            return _signed_out(path)
        wanted = path + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse(f"{SIGN_IN_PATH}?next={quote(wanted, safe='')}", 303)


def _same_origin(headers: Headers) -> bool:
    try:
        origin = urlsplit(headers.get("origin", "")).netloc
    except ValueError:  # what no browser sends, such as "http://["
        return False
    return bool(origin) and origin == headers.get("host")


def _signed_out(path: str) -> Response:
    return problem(401, "Sign in first, or send a token.", instance=path, headers=_CHALLENGE)


def _away(path: str) -> Response:
    return problem(
        503,
        "The database does not answer. Try again shortly.",
        instance=path,
        headers={"retry-after": "5"},
    )


def _identified(scope: Scope, shown: Shown, person: Person | None) -> Scope:
    """The request as the app sees it: who asks, and nothing that only claims to say so."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != SESSION_HEADER.encode()]
    if person is not None and shown.session is not None:
        headers.append((SESSION_HEADER.encode(), shown.session.hex().encode()))
    state: dict[str, Any] = {**scope.get("state", {}), "person": person}
    return {**scope, "headers": headers, "state": state}


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
