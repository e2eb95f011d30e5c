"""A file of a million rows through REST, while people browse: `python -m benchmarks.export`.

The whole product runs on a generated store. The sessions behind the funnel are fetched as CSV and as Parquet,
alone and while viewers ask for the funnel; the peer writes the same rows as CSV with pandas in this process.
"""

import argparse
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import tables, world
from benchmarks.funnel import filled
from benchmarks.listening import peak_mb, process_at
from benchmarks.product import Product, running
from benchmarks.sizes import size

SESSIONS = "/api/v1/onboarding/analytics/sessions/export"
FUNNEL = "/api/v1/onboarding/analytics/funnel/?by=language"
#: A person looks at what came before asking for more.
_PAUSE_SECONDS = 1.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fetched:
    seconds: float
    first_byte_seconds: float
    bytes: int
    peak_mb: float  #: of the process that serves, since it started
    browsing_ms: list[float]


def main() -> None:
    options = _options()
    home = options.home or world.default_home(options.sessions)
    print(tables.machine())
    with world.opened(home) as here:
        filled(here, options.sessions)
    parquet = io.BytesIO()
    with running(home) as product:
        _fetch(product, FUNNEL)  # files are read once, by whoever asks first
        found = {
            "Parquet": _fetched(product, "parquet", 0, parquet),
            "CSV": _fetched(product, "csv", 0),
            f"CSV, {options.viewers} people browse": _fetched(product, "csv", options.viewers),
        }
    rows, peer_seconds = _with_pandas(parquet)
    print(f"{rows:,} sessions\n")
    headings = (
        "what",
        "seconds",
        "rows/s",
        "of pandas",
        "first byte",
        "size",
        "peak of the server",
        "browsing p95",
    )
    peer = (
        "pandas.to_csv of the same rows",
        f"{peer_seconds:.1f}",
        f"{rows / peer_seconds:,.0f}",
        "100%",
        "",
        "",
        "",
        "",
    )
    print(
        tables.markdown(
            headings, [*(_row(title, each, rows, peer_seconds) for title, each in found.items()), peer]
        )
    )


def _row(title: str, found: Fetched, rows: int, peer_seconds: float) -> tuple[str, ...]:
    browsing = f"{np.percentile(found.browsing_ms, 95):.0f} ms" if found.browsing_ms else ""
    return (
        title,
        f"{found.seconds:.1f}",
        f"{rows / found.seconds:,.0f}",
        f"{peer_seconds / found.seconds:.0%}",
        f"{found.first_byte_seconds:.2f} s",
        f"{found.bytes / 1e6:,.0f} MB",
        f"{found.peak_mb:,.0f} MB",
        browsing,
    )


def _fetched(product: Product, form: str, viewers: int, kept: io.BytesIO | None = None) -> Fetched:
    with _browsing(product, viewers) as waited:
        started = time.perf_counter()
        connection, response = _asked(product, f"{SESSIONS}.{form}")
        size, first = 0, 0.0
        while block := response.read1(_BLOCK):
            first = first or time.perf_counter() - started
            size += len(block)
            if kept is not None:
                kept.write(block)
        elapsed = time.perf_counter() - started
        connection.close()
    return Fetched(elapsed, first, size, peak_mb(process_at(product.port)), waited)


@contextmanager
def _browsing(product: Product, viewers: int) -> Iterator[list[float]]:
    """People who ask for the funnel every second or so; how long they waited, in milliseconds."""
    waited: list[float] = []
    is_over = threading.Event()

    def browse(number: int) -> None:
        is_over.wait(number * _PAUSE_SECONDS / max(1, viewers))
        while not is_over.is_set():
            started = time.perf_counter()
            _fetch(product, FUNNEL)
            waited.append((time.perf_counter() - started) * 1000)
            is_over.wait(_PAUSE_SECONDS)

    with ThreadPoolExecutor(max(1, viewers)) as people:
        for number in range(viewers):
            people.submit(browse, number)
        try:
            yield waited
        finally:
            is_over.set()


def _fetch(product: Product, path: str) -> None:
    connection, response = _asked(product, path)
    response.read()
    connection.close()


def _asked(product: Product, path: str) -> tuple[HTTPConnection, HTTPResponse]:
    connection = HTTPConnection(product.host, product.port)
    connection.request("GET", path, headers=product.headers)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"GET {path} answered {response.status}: {response.read()[:300]!r}")
    return connection, response


def _with_pandas(parquet: io.BytesIO) -> tuple[int, float]:
    """Rows, and seconds for writing them."""
    started = time.perf_counter()
    frame = pd.read_parquet(parquet)
    frame.to_csv(io.StringIO(), index=False)
    return len(frame), time.perf_counter() - started


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__)
    parser.add_argument("--sessions", type=size, default=size("1M"), help="such as 10M, 200k, 5000")
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    parser.add_argument("--viewers", type=int, choices=range(1, 65), metavar="N", default=20)
    return parser.parse_args()


if __name__ == "__main__":
    main()
