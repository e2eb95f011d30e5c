"""A bulk retry against a plain loop: `python -m benchmarks.bulk --letters 20000`.

Both put as many messages of the same size on the same broker in the same run, in turns. The bulk retry is all
of it: claim, history, audit, publish, mark, finish. Afterwards every letter's message is looked for in the
queue: one that is missing, or there twice, ends the run.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import redis
from celery import Celery
from sqlalchemy import Engine, Text, cast, func, insert, literal, select, text

from benchmarks import tables
from benchmarks.sizes import size
from dlq import recording, store
from dlq.envelope import LETTER_HEADER, Envelope
from dlq.letters import Failure, Kind
from dlq.operations import console
from dlq.operations.preview import preview
from dlq.operations.records import Action, OperationStatus, Selection
from dlq.operations.running import run_due
from dlq.redaction import Redactor
from dlq.retries.publishing import Publisher
from dlq.sealing import Sealer
from dlq.tables import dead_letter
from dlq.times import utc_now
from infra.audit import record
from infra.database import open_engine
from infra.servers import connected
from infra.settings import Settings

PLAIN_QUEUE, BULK_QUEUE = "plain", "bulk"
ARGUMENTS = {"order": 17, "note": "x" * 500}
TASK = "shop.pay"


class Benchmarker:
    login = "benchmark"
    clients = None

    def require(self, permission: str) -> None:
        """Everything is permitted."""


def main() -> None:
    options = _options()
    print(tables.machine())
    with (
        tempfile.TemporaryDirectory() as home,
        _opened(Path(home) / "onward") as (engine, owner, app, broker),
    ):
        seconds = [_turn(engine, owner, app, broker, options.letters) for _ in range(options.repetitions)]
    plain, bulk = (min(column) for column in zip(*seconds, strict=True))
    rows = [
        ("loop of apply_async", f"{plain:.2f} s", f"{options.letters / plain:,.0f}"),
        ("bulk retry", f"{bulk:.2f} s", f"{options.letters / bulk:,.0f}"),
    ]
    print(tables.markdown(("how", "best", "messages/s"), rows))
    print(f"\n{plain / bulk:.0%} of the plain rate; each letter's message was in the queue once")


@contextmanager
def _opened(home: Path) -> Iterator[tuple[Engine, Engine, Celery, redis.Redis]]:
    with (
        connected(Settings.from_env({"ONWARD_HOME": str(home)})) as servers,
        Celery(broker=servers.redis_url, set_as_current=False) as app,
        redis.Redis.from_url(servers.redis_url) as broker,
    ):
        engine, owner = open_engine(servers.database_url), open_engine(servers.owner_url)
        yield engine, owner, app, broker
        engine.dispose()
        owner.dispose()


def _turn(
    engine: Engine, owner: Engine, app: Celery, broker: redis.Redis, letters: int
) -> tuple[float, float]:
    broker.flushdb()
    _write_letters(owner, letters)
    plain, bulk = _plain(app, letters), _bulk(engine, app)
    _check(engine, broker, letters)
    return plain, bulk


def _plain(app: Celery, letters: int) -> float:
    task = app.task(name=TASK)(_pay)
    started = time.perf_counter()
    for _ in range(letters):
        task.apply_async(kwargs=ARGUMENTS, queue=PLAIN_QUEUE)
    return time.perf_counter() - started


def _pay(order: int, note: str) -> None:
    """Nobody runs it here."""


def _bulk(engine: Engine, app: Celery) -> float:
    by = Benchmarker()
    seen = preview(engine, by, Action.RETRY, Selection(), redactor=Redactor())
    operation = console.start(engine, by, seen, "benchmark", audit=record)
    publish, sealer = Publisher(app), Sealer()
    started = time.perf_counter()
    while operation.status != OperationStatus.FINISHED:
        run_due(engine, publish, sealer=sealer, audit=record)
        operation = console.operation(engine, by, operation.id)
    return time.perf_counter() - started


def _check(engine: Engine, broker: redis.Redis, letters: int) -> None:
    queued = [json.loads(raw)["headers"] for raw in broker.lrange(BULK_QUEUE, 0, -1)]
    sent = {headers[LETTER_HEADER]: headers["id"] for headers in queued}
    with store.transaction(engine) as connection:
        rows = connection.execute(select(dead_letter.c.id, dead_letter.c.retry_task_id)).all()
    if len(queued) != letters or sent != {row.id: row.retry_task_id for row in rows}:
        raise SystemExit(f"{letters} letters, but {len(queued)} messages of {len(sent)} letters are queued")
    if broker.llen(PLAIN_QUEUE) != letters:
        raise SystemExit("the plain loop lost a message")


def _write_letters(engine: Engine, letters: int) -> None:
    """One letter as a worker writes it, and copies that differ in their ids."""
    with store.transaction(engine) as connection:
        connection.execute(text("TRUNCATE onward.dead_letter RESTART IDENTITY CASCADE"))
        recording.record_failure(connection, _envelope(), _failure(), poison_attempts=5, sealer=Sealer())
        number = func.generate_series(2, letters).table_valued("number").render_derived()
        task_id = literal("copy-", Text) + cast(number.c.number, Text)
        changed = {
            "dedupe_key": task_id,
            "task_id": task_id,
            "headers": dead_letter.c.headers.concat(func.jsonb_build_object("id", task_id)),
        }
        columns = [column for column in dead_letter.c if column.name not in ("id", "priority")]
        copies = select(*(changed.get(column.name, column) for column in columns)).join_from(
            dead_letter, number, literal(True)
        )
        connection.execute(insert(dead_letter).from_select([column.name for column in columns], copies))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE onward.dead_letter"))


def _envelope() -> Envelope:
    task_id = str(uuid4())
    headers = {
        "id": task_id,
        "task": TASK,
        "lang": "py",
        "retries": 0,
        "root_id": task_id,
        "timelimit": [None, None],
    }
    return Envelope(
        task_id=task_id,
        task_name=TASK,
        queue=BULK_QUEUE,
        headers=headers,
        properties={"priority": 0, "delivery_mode": 2},
        content_type="application/json",
        content_encoding="utf-8",
        body=json.dumps([[], ARGUMENTS, {"callbacks": None, "chain": None, "chord": None}]).encode(),
    )


def _failure() -> Failure:
    return Failure(
        capture_id=uuid4(),
        kind=Kind.EXCEPTION,
        exception_type="ConnectionError",
        message="the provider does not answer",
        traceback='Traceback\n  File "/app/shop.py", line 3, in pay\nConnectionError: no answer',
        occurred_at=utc_now(),
        worker="w1",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.add_argument("--letters", type=size, default=20_000)
    parser.add_argument("--repetitions", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
