"""Actors, audits and a worker process for the tests of dead letters."""

from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import Engine

from infra.servers import Servers
from tests.dlq.worker import ForeignWorker, eventually, start_worker


@pytest.fixture(scope="module")
def broker_url(servers: Servers, worker_id: str) -> Iterator[str]:
    """A Redis index for a worker that serves a module; those of single tests count from the other end."""
    own = 0 if worker_id == "master" else int(worker_id.removeprefix("gw"))
    url = servers.redis_url.removesuffix("/0") + f"/{127 - own}"
    yield url
    with redis.Redis.from_url(url) as client:
        client.flushdb()


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, broker_url: str, database_url: str
) -> Iterator[ForeignWorker]:
    worker = start_worker(
        tmp_path_factory.mktemp("foreign"),
        broker_url=broker_url,
        database_url=database_url,
        FOREIGN_BACKEND=broker_url,
        DLQ_REQUEUE_LIMIT="1",
        DLQ_RELEASE="2026.03",
    )
    yield worker
    worker.stop()


@pytest.fixture
def quiet(engine: Engine, worker: ForeignWorker) -> Iterator[None]:
    """The worker has finished everything before the tables are emptied."""
    yield
    eventually(worker.is_quiet)
