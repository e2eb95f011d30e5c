"""Events through REST: `python -m benchmarks.ingest`, batches of 500 over several connections.

The peers put the same rows, under other ids, into the same table in the same run: COPY, and an INSERT of
500 rows a transaction. The whole product runs meanwhile, and its worker syncs what arrives.
"""

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection, Engine, insert

from analytics.tables import event
from benchmarks import tables, world
from benchmarks.journeys import events_of_day
from benchmarks.load import Request, ask
from benchmarks.product import Product, running
from benchmarks.sizes import size

EVENTS = "/api/v1/events/"
BATCH = 500
EVENTS_PER_SESSION = 6
FIRST_DAY = dt.date(2024, 1, 1)
Row = dict[str, Any]


def main() -> None:
    options = _options()
    home = options.home or world.default_home(options.events).with_name("ingest")
    print(tables.machine())
    with world.opened(home):
        pass
    results: dict[str, list[float]] = {"REST": [], "INSERT": [], "COPY": []}
    with running(home) as product, world.opened(home) as here:
        for repetition in range(options.repetitions):
            rows = _rows(options.events, repetition)
            results["REST"].append(_through_rest(product, rows, options.connections))
            results["INSERT"].append(_inserted(here.engine, rows))
            results["COPY"].append(_copied(here.engine, rows))
    print(f"{options.events:,} events, {options.connections} connections, batches of {BATCH}\n")
    print(tables.markdown(("how", "rows", "best", "events/s"), _table(results, options.events)))


def _through_rest(product: Product, rows: Sequence[Row], connections: int) -> float:
    """Seconds until the last batch was answered. Ends the run unless every event was accepted."""
    bodies = [json.dumps({"events": batch}).encode() for batch in _batches(rows)]
    answers = ask(product, [Request(EVENTS, "POST", body) for body in bodies], connections)
    accepted = json.loads(answers.last_body)
    if accepted["duplicates"] or accepted["rejected"]:
        raise SystemExit(f"not every event was accepted: {accepted}")
    return answers.elapsed


def _inserted(engine: Engine, rows: Sequence[Row]) -> float:
    def batch_by_batch(connection: Connection, fresh: Sequence[Row]) -> None:
        for batch in _batches(fresh):
            connection.execute(insert(event), batch)
            connection.commit()

    return _timed(engine, rows, batch_by_batch)


def _copied(engine: Engine, rows: Sequence[Row]) -> float:
    def copy_all(connection: Connection, fresh: Sequence[Row]) -> None:
        driver = connection.connection.driver_connection
        with driver.cursor() as cursor:  # type: ignore[union-attr]
            names = ", ".join(fresh[0])
            with cursor.copy(f"COPY onward.event ({names}) FROM STDIN") as copy:
                for row in fresh:
                    copy.write_row(
                        [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
                    )
        connection.commit()

    return _timed(engine, rows, copy_all)


def _timed(engine: Engine, rows: Sequence[Row], write: Callable[[Connection, Sequence[Row]], None]) -> float:
    fresh = [
        {**row, "id": uuid4(), "occurred_at": dt.datetime.fromisoformat(row["occurred_at"])} for row in rows
    ]
    with engine.connect() as connection:
        started = time.perf_counter()
        write(connection, fresh)
        return time.perf_counter() - started


def _rows(events: int, repetition: int) -> list[Row]:
    """Events as a client would send them."""
    table = events_of_day(
        FIRST_DAY + dt.timedelta(days=repetition),
        1 + events // EVENTS_PER_SESSION,
        np.random.default_rng(time.time_ns()),
    )
    return [_row(found) for found in table.slice(0, events).to_pylist()]


def _row(found: dict[str, Any]) -> Row:
    moment = dt.datetime.fromtimestamp(found["at_ms"] / 1000, dt.UTC)
    properties = {
        name[2:]: value for name, value in found.items() if name.startswith("p.") and value is not None
    }
    return {
        "id": str(uuid4()),
        "session_id": found["session_id"],
        "name": found["name"],
        "occurred_at": moment.isoformat(),
        "client_id": found["client_id"],
        "user_id": found["user_id"],
        "properties": properties,
    }


def _batches(rows: Sequence[Row]) -> list[Sequence[Row]]:
    return [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]


def _table(results: dict[str, list[float]], events: int) -> list[tuple[str, ...]]:
    words = {
        "REST": f"POST {EVENTS}",
        "INSERT": f"INSERT of {BATCH} a transaction, one connection",
        "COPY": "COPY, one connection",
    }
    return [
        (words[how], f"{events:,}", tables.seconds(min(seconds)), f"{events / min(seconds):,.0f}")
        for how, seconds in results.items()
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--events", type=size, default=size("50k"), help="a repetition, such as 50k")
    parser.add_argument("--connections", type=int, choices=range(1, 65), metavar="N", default=4)
    parser.add_argument("--repetitions", type=int, choices=range(1, 101), metavar="N", default=3)
    parser.add_argument("--home", type=Path, help="folder of the servers; one for this benchmark otherwise")
    return parser.parse_args()


if __name__ == "__main__":
    main()
