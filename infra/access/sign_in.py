"""The one page outside the dashboard: signing in by a one-time link."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from string import Template

from anyio import to_thread
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.access import sessions
from infra.access.guard import SIGN_IN_PATH

_PAGE = Template((Path(__file__).parent / "sign_in.html").read_text(encoding="utf-8"))


def cookie_name(home: Path) -> str:
    """One name per installation: browsers share cookies between the ports of a host."""
    return f"onward_{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def sign_in_route(engine: Engine, cookie: str, clock: Callable[[], datetime]) -> Route:
    """GET /sign-in?token=...&next=/path spends a link; without a token it says where to get one."""

    async def enter(request: Request) -> Response:
        own = request.cookies.get(cookie, "")
        if await to_thread.run_sync(lambda: _is_live(engine, own, clock())):
            return RedirectResponse(_own_path(request), 303)
        link = request.query_params.get("token")
        if link is None:
            return HTMLResponse(
                _PAGE.substitute(title="Sign in", text="Open the link that Onward printed at start.")
            )
        source = request.client.host if request.client else None
        token = await to_thread.run_sync(lambda: sessions.sign_in(engine, link, now=clock(), source=source))
        if token is None:
            text = "This link has been used or has expired; each one works once."
            return HTMLResponse(_PAGE.substitute(title="This link no longer works", text=text), 403)
        response = RedirectResponse(_own_path(request), 303)
        response.set_cookie(
            cookie,
            token,
            max_age=sessions.SESSION_HOURS * 3600,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    return Route(SIGN_IN_PATH, enter, methods=["GET"])


def _is_live(engine: Engine, token: str, now: datetime) -> bool:
    return bool(token) and sessions.find_person(engine, sessions.session_key(token), now=now) is not None


def _own_path(request: Request) -> str:
    """Where to go after signing in: a path of ours, never another host such as //evil or /\\evil."""
    wanted = request.query_params.get("next", "/")
    return wanted if wanted.startswith("/") and wanted[1:2] not in {"/", "\\"} else "/"
