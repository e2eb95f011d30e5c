"""The database engine of a task process: one for all its tasks."""

from functools import cache

from celery import Celery
from sqlalchemy import Engine

from infra.database import open_engine

#: A task runs alone in its process; a sync reads and writes on connections of their own.
POOL_SIZE = 3


@cache
def worker_engine(app: Celery) -> Engine:
    """The engine for `app.conf.database_url`, opened on first use and so never inherited through a fork."""
    return open_engine(app.conf.database_url, pool_size=POOL_SIZE)
