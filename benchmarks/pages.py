"""Pages while people look at them: `python -m benchmarks.pages`, against a page that writes a fixed text.

The whole product runs on a generated store, its worker and beat included. One viewer runs a page again and
again; then many do at once. The fixed page has a Streamlit of its own, with the same settings. Processor time
is that of the process that serves, for one rerun: a busy machine makes the others longer, not this.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import sleep

from benchmarks import tables, world
from benchmarks.funnel import filled
from benchmarks.product import ROOT, Product, free_port, running
from benchmarks.sizes import size
from benchmarks.viewers import Address, Reruns, first_runs, reruns

ALL_DAYS = "period=All"
PAGES = {
    "Funnel, 28 days": Address("funnel"),
    "Funnel, all days": Address("funnel", ALL_DAYS),
    "Drop-off, all days": Address("drop-off-heatmap", ALL_DAYS),
    "Cohorts, all days": Address("cohorts", ALL_DAYS),
    "Compare, 28 days": Address("compare"),
    "Correlation, 28 days": Address("correlation"),
    "Recommendations, 28 days": Address("recommendations"),
    "Overview": Address("overview"),
}
#: Looked at by many: the page that most people look at, over most days.
BUSY = ("Funnel, 28 days", "Funnel, all days")
#: Windows that no other run has asked for, so that nothing of the view is kept.
FRESH = [Address("funnel", f"{ALL_DAYS}&window={window}") for window in ("1h", "1d", "7d", "30d", "90d")]
FIXED = "a fixed text"
_LOOKS, _LOOK_AGAIN_SECONDS = 120, 0.5
HEADINGS = ("page", "how", "viewers", "p50", "p95", "longest", "processor time", "sent")


def main() -> None:
    options = _options()
    home = options.home or world.default_home(options.sessions)
    print(tables.machine())
    with world.opened(home) as here:
        files = filled(here, options.sessions)
    print(f"{options.sessions:,} sessions, {len(files)} day files\n")
    with running(home) as product, _fixed() as fixed:
        rows = [_alone(product, title, address, options) for title, address in PAGES.items()]
        rows.append(_row("Funnel, all days", "opened, a new question", 1, first_runs(product, FRESH)))
        rows.append(_alone(fixed, FIXED, Address(), options))
        rows += [_many(product, title, PAGES[title], options) for title in BUSY]
        rows.append(_many(fixed, FIXED, Address(), options))
        print(tables.markdown(HEADINGS, rows))
    print(f"\nEach of the {options.viewers} looks {options.pause:g} s, on average, before running it again.")


def _alone(product: Product, title: str, address: Address, options: argparse.Namespace) -> tuple[str, ...]:
    return _row(title, "run again", 1, reruns(product, address, 1, options.reruns, 0))


def _many(product: Product, title: str, address: Address, options: argparse.Namespace) -> tuple[str, ...]:
    each = max(1, options.reruns // 10)
    found = reruns(product, address, options.viewers, each, options.pause)
    return _row(title, "run again", options.viewers, found)


def _row(title: str, how: str, viewers: int, found: Reruns) -> tuple[str, ...]:
    times = (f"{found.percentile_ms(percent):,.0f} ms" for percent in (50, 95, 100))
    processor, sent = f"{found.cpu_seconds * 1000:,.0f} ms", f"{found.bytes / 1000:,.0f} kB"
    return (title, how, str(viewers), *times, processor, sent)


@contextmanager
def _fixed() -> Iterator[Product]:
    """The fixed page, served by a Streamlit of its own with the settings of ours."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("fixed_page.py"))]
    with subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield _answering(Product("127.0.0.1", port, ""))
        finally:
            process.terminate()


def _answering(fixed: Product) -> Product:
    """Once it answers. Raises SystemExit when it never does."""
    for _ in range(_LOOKS):
        sleep(_LOOK_AGAIN_SECONDS)
        connection = HTTPConnection(fixed.host, fixed.port)
        with suppress(ConnectionRefusedError):
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == 200:
                return fixed
    raise SystemExit("the fixed page does not answer")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--sessions", type=size, default=size("1M"), help="such as 10M, 200k, 5000")
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    parser.add_argument("--reruns", type=size, default=50, help="of one viewer; many run a tenth each")
    parser.add_argument("--viewers", type=int, choices=range(2, 201), metavar="N", default=50)
    parser.add_argument("--pause", type=float, default=10.0, help="seconds that one of many looks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
