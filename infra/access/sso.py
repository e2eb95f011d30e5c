"""Signing in with an OpenID provider: /sso/login leads there, /sso/callback comes back from it.

What the browser must bring back is in a cookie of these two paths alone, signed by this process and good for
`FLOW_SECONDS`; it ends with the flow. The session that follows is like any other: it is looked up, and can be
ended, here, whatever becomes of the provider's own session.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from anyio import to_thread
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from infra.access import sessions
from infra.access.oidc import Flow, OpenId
from infra.access.provider import Provider
from infra.access.roles import Person
from infra.access.sign_in import entered, own_path, refused
from infra.database import answering
from infra.errors import DatabaseUnavailable, ProviderRefused, SignInRefused

SSO_PATH = "/sso/"
LOGIN_PATH = "/sso/login"
CALLBACK_PATH = "/sso/callback"
FLOW_SECONDS = 600
_NOT_SIGNED_IN = "You are not signed in"

_log = logging.getLogger(__name__)


def sso_routes(
    provider: Provider | None, engine: Engine, cookie: str, clock: Callable[[], datetime]
) -> list[Route]:
    """GET /sso/login?next=/path, and where the provider sends people back to; none without a provider."""
    if provider is None:
        return []
    way = _Way(provider, engine, cookie, clock)
    return [Route(LOGIN_PATH, way.there), Route(CALLBACK_PATH, way.back)]


class _Way:
    def __init__(
        self, provider: Provider, engine: Engine, cookie: str, clock: Callable[[], datetime]
    ) -> None:
        self._openid = OpenId(provider)
        self._title = provider.title
        self._engine = engine
        self._cookie = cookie
        self._flow_cookie = f"{cookie}_sso"
        self._clock = clock
        # Good while this process lives: whoever is at the provider while it restarts begins again.
        self._signer = URLSafeTimedSerializer(secrets.token_urlsafe(32))

    async def there(self, request: Request) -> Response:
        back = str(request.base_url.replace(path=CALLBACK_PATH, query=""))
        try:
            address, flow = await self._openid.begin(back)
        except ProviderRefused as refusal:
            return _page_of(refusal)
        response = RedirectResponse(address, 303)
        kept = self._signer.dumps([asdict(flow), own_path(request)])
        response.set_cookie(
            self._flow_cookie, kept, FLOW_SECONDS, path=SSO_PATH, httponly=True, samesite="lax"
        )
        return response

    async def back(self, request: Request) -> Response:
        try:
            flow, wanted = self._flow(request)
            person = await self._openid.person(flow, self._code(request, flow))
            token = await to_thread.run_sync(self._open_session, request, person)
            response = entered(request, self._cookie, token, wanted)
        except (ProviderRefused, SignInRefused) as refusal:
            response = _page_of(refusal)
        except DatabaseUnavailable:
            response = refused(_NOT_SIGNED_IN, "The database does not answer. Try again shortly.")
        response.delete_cookie(self._flow_cookie, path=SSO_PATH, httponly=True, samesite="lax")
        return response

    def _flow(self, request: Request) -> tuple[Flow, str]:
        """The flow that this browser began and where it wanted to go. Raises ProviderRefused."""
        try:
            kept = request.cookies.get(self._flow_cookie, "")
            flow, wanted = self._signer.loads(kept, max_age=FLOW_SECONDS)
        except BadData:
            minutes = FLOW_SECONDS // 60
            raise ProviderRefused(
                f"This sign-in was begun in another browser, or more than {minutes} minutes ago."
            ) from None
        return Flow(**flow), wanted

    def _code(self, request: Request, flow: Flow) -> str:
        answer = request.query_params
        if not flow.has_state(answer.get("state", "")):
            raise ProviderRefused("This answer belongs to another sign-in.")
        if "code" not in answer:
            raise ProviderRefused(f"{self._title} did not sign you in: {answer.get('error', 'no reason')}.")
        return answer["code"]

    def _open_session(self, request: Request, person: Person) -> str:
        source = request.client.host if request.client else None
        with answering(self._engine), self._engine.begin() as connection:
            return sessions.open_session(
                connection, person, sessions.Began.OIDC, now=self._clock(), source=source
            )


def _page_of(refusal: ProviderRefused | SignInRefused) -> Response:
    _log.warning("sign-in refused: %s (%r)", refusal, refusal.__cause__)
    return refused(_NOT_SIGNED_IN, str(refusal))
