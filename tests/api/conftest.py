"""The REST app over real servers, without a browser; `sign_in(role)` gives a client with a session."""

import threading
from datetime import UTC, datetime

import pytest
import redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from analytics.cache import ViewCache
from analytics.queries import Reader
from analytics.store import EventStore
from api.app import NoSuchPath, create_api
from api.health import health_routes
from dlq.broker.look import Look
from dlq.broker.watch import BrokerWatch
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from infra import audit
from infra.access import sessions
from infra.access.bodies import BodyLimits
from infra.access.guard import Guard
from infra.access.roles import Person
from infra.access.sign_in import sign_in_route
from infra.celery_app import create_celery
from recovery.funnels import Funnels
from tests.dlq.builders import UNSEALED
from tests.pages.conftest import World

pytestmark = pytest.mark.servers


COOKIE = "onward_test"


@pytest.fixture
def world(engine, tmp_path):
    return World(engine, tmp_path)


@pytest.fixture
def published():
    return []


@pytest.fixture
def funnels(engine, redis_url, tmp_path):
    store = EventStore.at(str(tmp_path / "events"))
    with redis.Redis.from_url(redis_url) as client:
        yield Funnels(Reader(engine, store), ViewCache(client, seconds=60))


@pytest.fixture
def watch(engine, redis_url):
    with create_celery(redis_url) as asking, redis.Redis.from_url(redis_url) as broker:
        yield BrokerWatch(Look(engine, asking, broker))
        for looking in (thread for thread in threading.enumerate() if thread.name == "broker-watch"):
            looking.join()


@pytest.fixture
def client(engine, redis_url, published, funnels, watch):
    retries = RetryClient(engine, None, audit.record, publish=published.append, sealer=UNSEALED)

    def clock():
        return datetime.now(UTC)

    routes = [
        *health_routes(engine, redis_url, funnels, clock),
        sign_in_route(engine, COOKIE, clock),
        Mount("/api/v1", create_api(engine, funnels, retries, Redactor(email=True), UNSEALED, watch, clock)),
        *(Route(path, NoSuchPath()) for path in ("/api", "/api/{path:path}")),
    ]
    layers = [Middleware(Guard, engine=engine, cookie=COOKIE, clock=clock), Middleware(BodyLimits)]
    return TestClient(Starlette(routes=routes, middleware=layers), follow_redirects=False)


@pytest.fixture
def sign_in(client, engine):
    def as_role(role, clients=None):
        person = Person("ada", role, clients)
        link = sessions.create_link(engine, person, by="onward", now=datetime.now(UTC))
        client.get("/sign-in", params={"token": link})
        return client

    return as_role
