"""A cached view through REST: `python -m benchmarks.views`, against cheaper routes of the same process.

The whole product runs, its worker and beat included, on a generated store. Each route is asked by one client
and by several at once; the first answer, which computes the view, is not counted.
"""

import argparse
from pathlib import Path

from benchmarks import tables, world
from benchmarks.funnel import filled
from benchmarks.load import Answers, Request, ask
from benchmarks.product import Product, running
from benchmarks.sizes import size

FUNNEL = "/api/v1/onboarding/analytics/funnel/?by=language"
ROUTES = {
    "funnel, cached": FUNNEL,
    "a fixed text behind the sign-in": "/api/v1/docs/start.js",
    "a fixed text open to all": "/_stcore/health",
}
ROUNDS = 4


def main() -> None:
    options = _options()
    home = options.home or world.default_home(options.sessions)
    print(tables.machine())
    with world.opened(home) as here:
        files = filled(here, options.sessions)
    print(f"{options.sessions:,} sessions, {len(files)} day files; {options.requests:,} requests a row\n")
    with running(home) as product:
        first = ask(product, [Request(FUNNEL)], 1)
        headings = ("route", "connections", "p50", "p99", "answers/s")
        rows = [
            row
            for connections in (1, options.connections)
            for row in _rows(product, options.requests, connections)
        ]
        print(tables.markdown(headings, rows))
    print(f"\nThe first answer took {first.seconds[0]:.2f} s; the view has {len(first.last_body):,} bytes.")


def _rows(product: Product, requests: int, connections: int) -> list[tuple[str, ...]]:
    """The routes take turns, so that whatever else the machine does slows them alike."""
    rounds: dict[str, list[Answers]] = {title: [] for title in ROUTES}
    for _ in range(ROUNDS):
        for title, found in rounds.items():
            found.append(ask(product, [Request(ROUTES[title])] * (requests // ROUNDS), connections))
    return [_row(title, connections, found) for title, found in rounds.items()]


def _row(title: str, connections: int, rounds: list[Answers]) -> tuple[str, ...]:
    together = Answers(
        [seconds for answers in rounds for seconds in answers.seconds],
        sum(answers.elapsed for answers in rounds),
        rounds[-1].last_body,
    )
    return (
        title,
        str(connections),
        f"{together.percentile_ms(50):.2f} ms",
        f"{together.percentile_ms(99):.2f} ms",
        f"{together.per_second:,.0f}",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.views", description=__doc__)
    parser.add_argument("--sessions", type=size, default=size("1M"), help="such as 10M, 200k, 5000")
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    parser.add_argument("--requests", type=size, default=2_000)
    parser.add_argument("--connections", type=int, choices=range(1, 65), metavar="N", default=4)
    return parser.parse_args()


if __name__ == "__main__":
    main()
