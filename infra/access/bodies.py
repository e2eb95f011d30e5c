"""How large a request's body may be, and how long it may take to arrive.

The body is read here, whole, before the routes see it: a slow one holds up no route, and a large one is
refused while it is still small in memory. It stands behind the guard: of somebody who is not signed in, only
the sign-in page reads one.
"""

from anyio import fail_after
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.problems import problem

MOST_BYTES = 64 * 1024
MOST_EVENT_BYTES = 5 * 1024 * 1024
BODY_SECONDS = 20.0
_EVENTS = "/api/v1/events/"
#: What of the body is still under way would be taken for the next request.
_CLOSE = {"connection": "close"}


class BodyLimits:
    """Answers 413 to a body that is too large and 408 to one that does not arrive within `seconds`."""

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        most = MOST_EVENT_BYTES if scope["path"] == _EVENTS else MOST_BYTES
        try:
            with fail_after(self._seconds):
                body = await _body(receive, most, Headers(scope=scope))
        except ClientDisconnect:
            # Nobody hears it; without an answer the request would count as a failure of ours.
            refusal = problem(400, "The body ended before it was whole.", instance=scope["path"])
        except TimeoutError:
            refusal = problem(
                408,
                f"The body did not arrive within {self._seconds:g} s.",
                instance=scope["path"],
                headers=_CLOSE,
            )
        else:
            if body is not None:
                await self._app(scope, _replayed(body, receive), send)
                return
            refusal = problem(
                413, f"The body is larger than {most} bytes.", instance=scope["path"], headers=_CLOSE
            )
        await refusal(scope, receive, send)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _body(receive: Receive, most: int, headers: Headers) -> bytes | None:
    """The whole body; None once it is known to be larger than `most`. Raises ClientDisconnect."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > most:
        return None
    received = bytearray()
    more = True
    while more and len(received) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        received += message.get("body", b"")
        more = message.get("more_body", False)
    return None if len(received) > most else bytes(received)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` of a request whose body has been read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
