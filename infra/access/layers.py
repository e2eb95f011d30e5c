"""Everything a request passes before it reaches a route or a page, in this order."""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine
from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from infra.access.bodies import BodyLimits
from infra.access.guard import Guard
from infra.access.headers import AnswerHeaders
from infra.access.hosts import AllowedHosts
from infra.access.limits import RateLimits
from infra.settings import Settings


def layers(
    settings: Settings, engine: Engine, cookie: str, clock: Callable[[], datetime], headers: dict[str, str]
) -> list[Middleware]:
    """The layers of the dashboard whose session cookie is `cookie`; `headers` go with every answer."""
    return [
        Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies)),
        Middleware(AnswerHeaders, headers=headers),
        Middleware(AllowedHosts, names=settings.allowed_hosts),
        Middleware(
            RateLimits,
            per_address=settings.address_rate_per_minute,
            per_caller=settings.caller_rate_per_minute,
            cookie=cookie,
            monotonic=time.monotonic,
        ),
        Middleware(Guard, engine=engine, cookie=cookie, clock=clock),
        Middleware(BodyLimits),
    ]
