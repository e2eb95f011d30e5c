"""/healthz says that this process and the servers it stands on answer."""

from collections.abc import Callable

from anyio import to_thread
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.database import check_database
from infra.errors import InfraError
from infra.redis_client import check_redis


def health_route(engine: Engine, redis_url: str) -> Route:
    """200 with {"status": "ok"}, or 503 naming what does not answer. Open to all, so it tells no details."""

    async def healthz(_request: Request) -> Response:
        silent = await to_thread.run_sync(lambda: _silent(engine, redis_url))
        if silent:
            return JSONResponse({"status": "failing", "silent": silent}, 503)
        return JSONResponse({"status": "ok"})

    return Route("/healthz", healthz)


def _silent(engine: Engine, redis_url: str) -> list[str]:
    checks: dict[str, Callable[[], None]] = {
        "database": lambda: check_database(engine),
        "redis": lambda: check_redis(redis_url),
    }
    return [name for name, check in checks.items() if not _answers(check)]


def _answers(check: Callable[[], None]) -> bool:
    try:
        check()
    except InfraError:
        return False
    return True
