"""/metrics in the text format of Prometheus: requests, the cache of views, dead letters, queues, and how far
the files are behind. Needs a session or a token, as any route.
"""

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
from dlq import console
from dlq.broker.watch import BrokerWatch
from infra.access.roles import Person, Role
from recovery.funnels import Funnels

#: Queues that are told of, the longest first.
MOST_QUEUES = 100
#: Counts are told to every token, as the funnel tells how many sessions wait.
_OURSELVES = Person("onward", Role.OPERATOR)


def metrics_route(registry: CollectorRegistry) -> Route:
    """Counts are of this process, since it started; scrape every replica."""

    async def metrics(_request: Request) -> Response:
        body = await run_in_threadpool(generate_latest, registry)
        return Response(body, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return Route("/metrics", metrics)


def create_registry(funnels: Funnels, watch: BrokerWatch, clock: Callable[[], datetime]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Views(funnels))
    registry.register(_Events(funnels, clock))
    registry.register(_Letters(funnels))
    registry.register(_Queues(watch))
    return registry


class _Unread(Collector):
    def describe(self) -> list[Metric]:
        # Nothing is read before the first scrape: the database may not be there yet.
        return []


class _Views(_Unread):
    def __init__(self, funnels: Funnels) -> None:
        self._funnels = funnels

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


class _Events(_Unread):
    def __init__(self, funnels: Funnels, clock: Callable[[], datetime]) -> None:
        self._funnels = funnels
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
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


class _Letters(_Unread):
    def __init__(self, funnels: Funnels) -> None:
        self._engine = funnels.reader.engine

    def collect(self) -> Iterator[Metric]:
        letters = GaugeMetricFamily("onward_dead_letters", "Dead letters by state.", labels=["status"])
        for status, count in console.counts(self._engine, _OURSELVES).items():
            letters.add_metric([status.value], count)
        yield letters


class _Queues(_Unread):
    def __init__(self, watch: BrokerWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        view = self._watch.view(_OURSELVES)
        waiting = GaugeMetricFamily("onward_queue_waiting", "Messages that wait in it.", labels=["queue"])
        taken = GaugeMetricFamily("onward_queue_taken", "Messages in workers' hands.", labels=["queue"])
        for queue in sorted(view.queues, key=lambda each: -each.waiting)[:MOST_QUEUES]:
            waiting.add_metric([queue.name], queue.waiting)
            taken.add_metric([queue.name], queue.taken)
        yield waiting
        yield taken
        if view.seen_at is not None:
            yield GaugeMetricFamily("onward_workers", "Workers that are alive.", len(view.alive))
