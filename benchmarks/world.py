"""Servers, catalogue and day files of a benchmark, in a folder of their own.

Settings of the person who runs it are not looked at: a benchmark never touches their data. The folder is
laid out like any data folder of Onward, so the real app can be started on it.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from analytics.store import EventStore
from benchmarks.sizes import written
from infra.database import open_engine
from infra.servers import connected
from infra.settings import Settings

FOLDER = "onward-benchmarks"


@dataclass(frozen=True, slots=True)
class World:
    home: Path
    store_location: str
    database_url: str
    owner_url: str
    redis_url: str
    engine: Engine
    owner: Engine  #: of the tables: fills, vacuums and measures what is not the product's

    @property
    def store(self) -> EventStore:
        return EventStore.at(self.store_location)


def default_home(sessions: int) -> Path:
    """A folder per size under the system's temporary one, kept from run to run."""
    return Path(tempfile.gettempdir()) / FOLDER / written(sessions)


@contextmanager
def opened(home: Path, store_location: str | None = None) -> Iterator[World]:
    """The servers of `home`, started or joined, for as long as the block lasts."""
    home.mkdir(parents=True, exist_ok=True)
    with connected(Settings.from_env({"ONWARD_HOME": str(home)}), durable=False) as servers:
        engine, owner = open_engine(servers.database_url), open_engine(servers.owner_url)
        try:
            yield World(
                home=home,
                store_location=store_location or str(home / "events"),
                database_url=servers.database_url,
                owner_url=servers.owner_url,
                redis_url=servers.redis_url,
                engine=engine,
                owner=owner,
            )
        finally:
            engine.dispose()
            owner.dispose()
