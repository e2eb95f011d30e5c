"""/metrics: what the cache did and how far the files are behind, as Prometheus reads it."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from analytics.question import Question
from analytics.views.funnel import FUNNEL
from api.metrics import metrics_route
from infra.access.roles import Person, Role
from tests.pages.conftest import SIGN_UP


def scraped(funnels, now):
    client = TestClient(Starlette(routes=[metrics_route(funnels, lambda: now)]))
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_hits_misses_and_lag_are_told(world, funnels):
    world.funnel()
    world.session("a", "visited")
    world.sync()
    ada, now = Person("ada", Role.VIEWER), datetime.now(UTC)
    for _ in range(3):
        funnels.view(ada, FUNNEL, SIGN_UP, Question(), now=now)
    found = scraped(funnels, funnels.reader.state().synced_at + timedelta(seconds=90))
    assert found["onward_view_requests_total", "miss"] == 1
    assert found["onward_view_requests_total", "hit"] == 2
    assert found["onward_sync_lag_seconds",] == 90
    assert found["onward_events_from_the_future",] == 0
    assert found["onward_store_version",] == 1


def test_before_the_first_sync_there_is_no_lag_to_tell(funnels):
    assert ("onward_sync_lag_seconds",) not in scraped(funnels, datetime.now(UTC))
