"""The one page outside the dashboard: signing in by password, by one-time link, or on to a provider.

It works without scripts. A password is taken only with the token of a form that this browser was given, which
lies in a cookie of this path as well; the guard has checked the origin before.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.access import opaque, password_sign_in, sessions
from infra.access.guard import SIGN_IN_PATH
from infra.errors import DatabaseUnavailable, SignInRefused, TooManyFailures

#: Passwords checked at once; each takes 64 MB for a tenth of a second.
PASSWORDS_AT_ONCE = 2
_FORM_SECONDS = 3600
_FOLDER = Path(__file__).parent
_PAGE = Template((_FOLDER / "sign_in.html").read_text(encoding="utf-8"))
_FORM = Template((_FOLDER / "sign_in_form.html").read_text(encoding="utf-8"))
_PROVIDER = Template('<a class="button" href="/sso/login?next=$next">Sign in with $title</a>\n<hr>')
_LINK = (
    "Or open the link that Onward printed at start. For a new one, run <code>make link</code> in the folder "
    "where Onward is installed."
)


def cookie_name(home: Path) -> str:
    """One name per installation: browsers share cookies between the ports of a host."""
    return f"onward_{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def sign_in_route(
    engine: Engine, cookie: str, clock: Callable[[], datetime], *, provider: str | None = None
) -> Route:
    """GET /sign-in?token=...&next=/path spends a link; without a token it shows the form that POST takes.

    `provider` is what people call the OpenID provider, when there is one to sign in with.
    """
    door = _Door(engine, cookie, clock, provider)
    return Route(SIGN_IN_PATH, door.answer, methods=["GET", "POST"])


def entered(request: Request, cookie: str, token: str, wanted: str) -> Response:
    """The way on to `wanted` (see `own_path`), with the cookie of the session that `token` opens."""
    response = RedirectResponse(wanted, 303)
    response.set_cookie(
        cookie,
        token,
        max_age=sessions.SESSION_HOURS * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def own_path(request: Request) -> str:
    """Where to go after signing in: a path of ours, never another host such as //evil or /\\evil."""
    wanted = request.query_params.get("next", "/")
    return wanted if wanted.startswith("/") and wanted[1:2] not in {"/", "\\"} else "/"


def refused(title: str, text: str) -> Response:
    """A page that says why nobody was signed in, with the way back to the form."""
    again = f'<p>{escape(text)}</p>\n<a class="button" href="{SIGN_IN_PATH}">Sign in</a>'
    return HTMLResponse(_PAGE.substitute(title=escape(title), body=again), 403)


class _Door:
    def __init__(
        self, engine: Engine, cookie: str, clock: Callable[[], datetime], provider: str | None
    ) -> None:
        self._engine = engine
        self._cookie = cookie
        self._form_cookie = f"{cookie}_form"
        self._clock = clock
        self._provider = provider
        self._checking = CapacityLimiter(PASSWORDS_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        try:
            if request.method == "POST":
                return await self._by_password(request)
            if await to_thread.run_sync(self._is_signed_in, request):
                return RedirectResponse(own_path(request), 303)
            link = request.query_params.get("token")
            return self._form(request) if link is None else await self._by_link(request, link)
        except DatabaseUnavailable:
            return self._form(request, "The database does not answer. Try again shortly.", status=503)

    def _is_signed_in(self, request: Request) -> bool:
        token = request.cookies.get(self._cookie, "")
        if not token:
            return False
        return sessions.find_person(self._engine, sessions.session_key(token), now=self._clock()) is not None

    async def _by_link(self, request: Request, link: str) -> Response:
        def spend() -> str | None:
            return sessions.sign_in(self._engine, link, now=self._clock(), source=_address(request))

        try:
            token = await to_thread.run_sync(spend)
        except SignInRefused as refusal:
            return refused("This link no longer works", str(refusal))
        if token is None:
            spent = "This link has been used or has expired; each one works once."
            return refused("This link no longer works", spent)
        return entered(request, self._cookie, token, own_path(request))

    async def _by_password(self, request: Request) -> Response:
        form = await request.form()
        login, password = str(form.get("login", "")), str(form.get("password", ""))
        if not _same(request.cookies.get(self._form_cookie, ""), str(form.get("form_token", ""))):
            return self._form(request, "This form was too old. Try again.", login=login, status=403)

        def check() -> str | None:
            return password_sign_in.sign_in(
                self._engine, login, password, now=self._clock(), source=_address(request)
            )

        try:
            token = await to_thread.run_sync(check, limiter=self._checking)
        except TooManyFailures as slow:
            wait = {"retry-after": str(slow.seconds)}
            return self._form(request, str(slow), login=login, status=429, headers=wait)
        if token is None:
            return self._form(request, "Login or password is wrong.", login=login, status=401)
        return entered(request, self._cookie, token, own_path(request))

    def _form(
        self,
        request: Request,
        problem: str = "",
        *,
        login: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        form_token = request.cookies.get(self._form_cookie) or opaque.draw()
        wanted = quote(own_path(request), safe="")
        provider = self._provider and _PROVIDER.substitute(next=wanted, title=escape(self._provider))
        body = _FORM.substitute(
            problem=f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else "",
            provider=provider or "",
            action=f"{SIGN_IN_PATH}?next={wanted}",
            form_token=escape(form_token),
            login=escape(login),
            link=_LINK,
        )
        response = HTMLResponse(_PAGE.substitute(title="Sign in", body=body), status, dict(headers or {}))
        response.set_cookie(
            self._form_cookie,
            form_token,
            max_age=_FORM_SECONDS,
            path=SIGN_IN_PATH,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response


def _same(kept: str, sent: str) -> bool:
    return bool(kept) and hmac.compare_digest(kept.encode(), sent.encode())


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
