"""The ASGI middleware that names each request and writes one line when it is answered.

Outermost, so that refusals are logged too. The ids come from X-Request-ID and X-Correlation-ID when a client
or a proxy sent ones that can stand in a log, are made otherwise, and go back with the answer. The query stays
out of the line: it may hold the token of a sign-in link.
"""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.logs import bind

REQUEST_ID = "x-request-id"
CORRELATION_ID = "x-correlation-id"

_log = logging.getLogger("onward.access")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
#: Asked for every few seconds, or by the dozen with each page: not worth a line.
_QUIET = ("/healthz", "/readyz", "/_stcore/health", "/static/", "/app/static/")


class RequestLog:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # The server's own line for each request would show the query.
        logging.getLogger("uvicorn.access").disabled = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _sent(headers, REQUEST_ID) or uuid.uuid4().hex
        correlation_id = _sent(headers, CORRELATION_ID) or request_id
        # Never unbound: the request has a context of its own, and the server logs a failure after us.
        bind(request_id=request_id, correlation_id=correlation_id)
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, {REQUEST_ID: request_id, CORRELATION_ID: correlation_id})
        started = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        finally:
            _write(scope, answer.status, time.perf_counter() - started)


class _Answer:
    """What is sent, with the ids on it. Without a start the server answers 500."""

    def __init__(self, send: Send, ids: dict[str, str]) -> None:
        self._send = send
        self._ids = ids
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).update(self._ids)
        await self._send(message)


def _sent(headers: Headers, name: str) -> str | None:
    value = headers.get(name, "")
    return value if _ID.fullmatch(value) else None


def _write(scope: Scope, status: int, seconds: float) -> None:
    path = scope["path"]
    level = logging.DEBUG if path.startswith(_QUIET) and status < 400 else logging.INFO
    fields = {"status": status, "milliseconds": round(seconds * 1000, 1)}
    # A control character in a path could end the line and begin a forged one.
    _log.log(level, "%s %s", scope["method"], ascii(path)[1:-1], extra={"fields": fields})
