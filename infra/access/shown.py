"""What a request shows of who sends it. Whether it is known, and lives, is not asked here."""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from infra.access import opaque

_TOKEN_PATHS = ("/api/", "/metrics", "/healthz", "/readyz")


@dataclass(frozen=True, slots=True)
class Shown:
    """The digest of a token, or of a session's cookie, or nothing."""

    token: bytes | None = None
    session: bytes | None = None


def shown_by(scope: Scope, cookie: str) -> Shown:
    """What this request or websocket shows; `cookie` is the name of the session's. A token comes first."""
    headers = Headers(scope=scope)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and scope["type"] == "http" and scope["path"].startswith(_TOKEN_PATHS):
        return Shown(token=opaque.digest(token.strip()))
    session = cookie_parser(headers.get("cookie", "")).get(cookie)
    return Shown(session=opaque.digest(session)) if session else Shown()
