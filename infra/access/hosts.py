"""Which host names the dashboard answers to.

A foreign name can be pointed at this machine's address, and a page under that name would then be of the
dashboard's own origin (DNS rebinding). So a request for a name that is not ours is refused first of all.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.problems import problem

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_HOST = "*"


class AllowedHosts:
    """Answers 400 to a request whose Host is not one of `names`; `*` among them allows any.

    This machine's own names are always answered to: health checks use them, and nobody can point them here.
    """

    def __init__(self, app: ASGIApp, *, names: Sequence[str]) -> None:
        self._app = app
        self._names = frozenset((*LOOPBACK, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and not self._allows(Headers(scope=scope)):
            detail = "Onward does not answer to this host name. An admin can add it to ONWARD_ALLOWED_HOSTS."
            refusal = problem(400, detail)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _allows(self, headers: Headers) -> bool:
        return ANY_HOST in self._names or _host_name(headers.get("host", "")) in self._names


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
