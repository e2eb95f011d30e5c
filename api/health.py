"""/healthz says that this process answers; /readyz says so of everything that it stands on.

Open to all, so they name what they looked at and tell no details: those are in `python -m infra doctor`.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from anyio import to_thread
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from analytics.errors import AnalyticsError
from dlq.broker.listeners import listeners
from infra.database import answering, check_database
from infra.errors import InfraError
from infra.migrate import missing_migrations
from infra.redis_client import check_redis
from recovery.funnels import Funnels


@dataclass(frozen=True, slots=True)
class Checked:
    answers: bool
    milliseconds: float
    is_needed: bool  #: without it the dashboard should get no requests


def health_routes(
    engine: Engine, redis_url: str, funnels: Funnels, clock: Callable[[], datetime]
) -> list[Route]:
    """/readyz answers 503 while what is needed does not answer; pages work without a worker."""
    checks: dict[str, tuple[bool, Callable[[], bool]]] = {
        "database": (True, lambda: _answers(lambda: check_database(engine))),
        "schema": (True, lambda: _is_migrated(engine)),
        "redis": (True, lambda: _answers(lambda: check_redis(redis_url))),
        "events": (True, lambda: _answers(funnels.reader.check)),
        "worker": (False, lambda: _has_worker(engine, clock())),
    }

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        found = {
            name: await to_thread.run_sync(_timed, check, is_needed)
            for name, (is_needed, check) in checks.items()
        }
        is_ready = all(one.answers for one in found.values() if one.is_needed)
        body = {
            "status": "ready" if is_ready else "not ready",
            "silent": [name for name, one in found.items() if not one.answers],
            "checks": {name: asdict(one) for name, one in found.items()},
        }
        return JSONResponse(body, 200 if is_ready else 503, {"cache-control": "no-store"})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _timed(check: Callable[[], bool], is_needed: bool) -> Checked:
    started = time.perf_counter()
    answers = check()
    return Checked(answers, round((time.perf_counter() - started) * 1000, 1), is_needed)


def _answers(check: Callable[[], object]) -> bool:
    try:
        check()
    except (AnalyticsError, InfraError, OperationalError):
        return False
    return True


def _is_migrated(engine: Engine) -> bool:
    try:
        with answering(engine), engine.connect() as connection:
            return missing_migrations(connection) == ((), False)
    except InfraError:
        return False


def _has_worker(engine: Engine, now: datetime) -> bool:
    try:
        with answering(engine), engine.connect() as connection:
            return listeners(connection, now).workers > 0
    except InfraError:
        return False
