"""Requests over a handful of connections that stay open, and how long the client waited for each answer."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count

import numpy as np

from benchmarks.product import Product


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    method: str = "GET"
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    seconds: Sequence[float]  #: of each answer
    elapsed: float  #: of all
    last_body: bytes

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.seconds, percent)) * 1000

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.elapsed


def ask(product: Product, requests: Sequence[Request], connections: int) -> Answers:
    """Send every request once, each connection taking the next one. Anything but 200 ends the run."""
    following, seconds, bodies, lock = count(), [0.0] * len(requests), [b""], threading.Lock()

    def one_connection(_: int) -> None:
        connection = HTTPConnection(product.host, product.port)
        while True:
            with lock:
                at = next(following)
            if at >= len(requests):
                connection.close()
                return
            started = time.perf_counter()
            body = _answer(connection, product, requests[at])
            seconds[at] = time.perf_counter() - started
            bodies[0] = body

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(one_connection, range(connections)))
    return Answers(seconds, time.perf_counter() - started, bodies[0])


def _answer(connection: HTTPConnection, product: Product, request: Request) -> bytes:
    headers = product.headers | ({"Content-Type": "application/json"} if request.body else {})
    connection.request(request.method, request.path, request.body, headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"{request.method} {request.path} answered {response.status}: {body[:300]!r}")
    return body
