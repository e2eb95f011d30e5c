"""One process that does what the installation's own worker does for letters, over and over."""

import logging
import time

from sqlalchemy import create_engine

from dlq.errors import DlqError
from dlq.operations.running import run_due
from dlq.retries.lost import find_lost
from dlq.retries.publishing import Publisher
from dlq.retries.reaper import reap
from dlq.retries.vanished import reap_vanished
from dlq.sealing import Sealer
from dlq.settings import Settings
from infra import audit
from infra.redis_client import open_redis
from tests.dlq.chaos.app import DATABASE_URL, app

PAUSE_SECONDS = 0.3

_log = logging.getLogger(__name__)


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    engine = create_engine(DATABASE_URL, pool_pre_ping=True, connect_args={"connect_timeout": 2})
    settings = Settings.from_env()
    sealer, publish, client = Sealer.of(settings), Publisher(app), open_redis(app.conf.broker_url)
    while True:
        for turn in (
            lambda: run_due(engine, publish, sealer=sealer, audit=audit.record, for_seconds=5),
            lambda: reap(engine, publish, sealer=sealer, stale_seconds=3),
            lambda: reap_vanished(engine, client, settings=settings, sealer=sealer),
            lambda: find_lost(engine, client, settings=settings, sealer=sealer),
        ):
            try:
                turn()
            except DlqError as error:
                _log.warning("%s", error)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
