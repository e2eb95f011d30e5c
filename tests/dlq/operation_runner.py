"""A process that carries operations out until it is killed: `python -m tests.dlq.operation_runner`."""

import os

from celery import Celery

from dlq.operations.running import run_due
from dlq.retries.publishing import Publisher
from dlq.sealing import Sealer
from infra.audit import record
from infra.database import open_engine


def main() -> None:
    engine = open_engine(os.environ["FENCED_DATABASE"])
    with Celery(broker=os.environ["FENCED_BROKER"], set_as_current=False) as app:
        publish = Publisher(app)
        while True:
            run_due(engine, publish, sealer=Sealer(), audit=record, for_seconds=60, batch=10)


if __name__ == "__main__":
    main()
