"""/metrics: what the cache did and how far the files are behind, as Prometheus reads it."""

from datetime import UTC, datetime, timedelta

import redis
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from analytics.question import Question
from analytics.views.funnel import FUNNEL
from api.metrics import create_registry, metrics_route
from api.request_times import NamedRoute, RequestTimes
from infra.access.roles import Person, Role
from tests.pages.conftest import SIGN_UP


def scraped(funnels, watch, now):
    registry = create_registry(funnels, watch, lambda: now)
    client = TestClient(Starlette(routes=[metrics_route(registry)]))
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_hits_misses_and_lag_are_told(world, funnels, watch):
    world.funnel()
    world.session("a", "visited")
    world.sync()
    ada, now = Person("ada", Role.VIEWER), datetime.now(UTC)
    for _ in range(3):
        funnels.view(ada, FUNNEL, SIGN_UP, Question(), now=now)
    found = scraped(funnels, watch, funnels.reader.state().synced_at + timedelta(seconds=90))
    assert found["onward_view_requests_total", "miss"] == 1
    assert found["onward_view_requests_total", "hit"] == 2
    assert found["onward_sync_lag_seconds",] == 90
    assert found["onward_events_from_the_future",] == 0
    assert found["onward_store_version",] == 1


def test_before_the_first_sync_there_is_no_lag_to_tell(funnels, watch):
    assert ("onward_sync_lag_seconds",) not in scraped(funnels, watch, datetime.now(UTC))


def test_letters_are_counted_by_state(world, funnels, watch):
    world.letter(task_id="t1")
    world.letter(task_id="t2")
    found = scraped(funnels, watch, datetime.now(UTC))
    assert (found["onward_dead_letters", "dead"], found["onward_dead_letters", "resolved"]) == (2, 0)


def test_queues_are_told_of_once_they_were_looked_at(funnels, watch, redis_url):
    with redis.Redis.from_url(redis_url) as broker:
        broker.lpush("mail", b"{}")
        broker.sadd("_kombu.binding.mail", b"mail\x06\x16\x06\x16mail")
    watch.view(Person("ada", Role.OPERATOR), wait_seconds=10)
    assert scraped(funnels, watch, datetime.now(UTC))["onward_queue_waiting", "mail"] == 1


def test_a_request_counts_under_its_route_and_never_under_its_address():
    async def answer(request):
        return Response(status_code=int(request.path_params["number"]))

    registry = CollectorRegistry()
    inner = Starlette(routes=[Route("/things/{number}/", answer)], middleware=[Middleware(NamedRoute)])
    app = Starlette(
        routes=[Mount("/api/v1", inner), metrics_route(registry)],
        middleware=[Middleware(RequestTimes, registry=registry)],
    )
    client = TestClient(app)
    for path in ("/api/v1/things/200/", "/api/v1/things/404/", "/api/v1/secret-7", "/somewhere"):
        client.get(path)
    families = text_string_to_metric_families(client.get("/metrics").text)
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "onward_request_seconds_count"
    }
    assert counted == {
        ("/api/v1/things/{number}/", "200"): 1,
        ("/api/v1/things/{number}/", "404"): 1,
        ("api", "404"): 1,
        ("page", "404"): 1,
    }
