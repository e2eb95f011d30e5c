"""/metrics in the text format of Prometheus: the cache of views, and how far the files are behind."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from analytics import catalogue
from recovery.funnels import Funnels


def metrics_route(funnels: Funnels, clock: Callable[[], datetime]) -> Route:
    """Counts are of this process, since it started; scrape every replica."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Views(funnels, clock))

    async def metrics(_request: Request) -> Response:
        body = await run_in_threadpool(generate_latest, registry)
        return Response(body, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return Route("/metrics", metrics)


class _Views(Collector):
    def __init__(self, funnels: Funnels, clock: Callable[[], datetime]) -> None:
        self._funnels = funnels
        self._clock = clock

    def describe(self) -> list[Metric]:
        # Nothing is read before the first scrape: the database may not be there yet.
        return []

    def collect(self) -> Iterator[Metric]:
        counts = self._funnels.cache.counts
        asked = CounterMetricFamily("onward_view_requests", "Views asked of the cache.", labels=["result"])
        asked.add_metric(["hit"], counts.hits)
        asked.add_metric(["miss"], counts.misses)
        asked.add_metric(["unavailable"], counts.unavailable)
        yield asked
        yield CounterMetricFamily(
            "onward_view_waits", "Hits that waited for another who was computing it.", value=counts.waits
        )
        state = self._funnels.reader.state()
        yield GaugeMetricFamily(
            "onward_store_version", "Rises with every change of the files.", state.version
        )
        if state.synced_at:
            behind = (self._clock() - state.synced_at).total_seconds()
            yield GaugeMetricFamily("onward_sync_lag_seconds", "Since the files last took in events.", behind)
        waiting = catalogue.waiting(self._funnels.reader.engine)
        yield GaugeMetricFamily(
            "onward_events_from_the_future", "Kept apart until their time comes.", waiting.events
        )
