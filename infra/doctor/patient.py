"""What is examined: the settings, and the servers that they name or that run in the data folder.

Nothing is started and nothing migrated: what is not there is what the examination is to find.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import redis
from sqlalchemy import Engine

from infra.database import check_database, open_engine
from infra.doctor.findings import Finding, error
from infra.errors import DatabaseTooOld, DatabaseUnavailable, RedisUnavailable
from infra.home import DataFolder
from infra.redis_client import CONNECT_SECONDS, check_redis
from infra.settings import Settings

_START = "Start them with `make run`, or set DATABASE_URL and REDIS_URL."


@dataclass(frozen=True, slots=True)
class Patient:
    settings: Settings
    engine: Engine | None  #: None: PostgreSQL does not answer
    broker: "redis.Redis | None"  #: None: Redis does not answer
    redis_url: str
    now: Callable[[], datetime]
    reached: tuple[Finding, ...]  #: what stood in the way of a server


@contextmanager
def patient(settings: Settings, now: Callable[[], datetime]) -> Iterator[Patient]:
    """The installation as it is, with connections for as long as the block lasts."""
    running = DataFolder(settings.home).running()
    database_url = settings.database_url or (running.database_url if running else None) or ""
    redis_url = settings.redis_url or (running.redis_url if running else None) or ""
    engine = open_engine(database_url, pool_size=1) if database_url else None
    broker = _impatient(redis_url) if redis_url else None
    problems = (*_database_problems(engine), *_redis_problems(redis_url))
    silent = {problem.check for problem in problems}
    try:
        yield Patient(
            settings,
            None if "database" in silent else engine,
            None if "redis" in silent else broker,
            redis_url,
            now,
            problems,
        )
    finally:
        if engine:
            engine.dispose()
        if broker:
            broker.close()


def _impatient(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=CONNECT_SECONDS, socket_connect_timeout=CONNECT_SECONDS, retry=None
    )


def _database_problems(engine: Engine | None) -> Iterator[Finding]:
    if engine is None:
        yield error("database", "No PostgreSQL is named, and no embedded one runs.", _START)
        return
    try:
        check_database(engine)
    except DatabaseTooOld as problem:
        yield error("database", str(problem), "Upgrade the server, or name another in DATABASE_URL.")
    except DatabaseUnavailable as problem:
        said = f"PostgreSQL at {problem.where} cannot be used: {problem.reason}."
        yield error("database", said, "Check DATABASE_URL, and that the server runs.")


def _redis_problems(url: str) -> Iterator[Finding]:
    if not url:
        yield error("redis", "No Redis is named, and no embedded Valkey runs.", _START)
        return
    try:
        check_redis(url)
    except RedisUnavailable as problem:
        said = f"Redis at {problem.where} cannot be used: {problem.reason}."
        yield error("redis", said, "Check REDIS_URL, and that the server runs.")
