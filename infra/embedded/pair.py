"""The servers that a data folder needs: PostgreSQL, Valkey, both, or neither when the team brings its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from infra.children import Lifeline
from infra.embedded.postgres import Postgres
from infra.embedded.server import Server
from infra.embedded.valkey import Valkey
from infra.home import DataFolder
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Pair:
    postgres: Server | None
    valkey: Server | None
    owner_url: str  #: of PostgreSQL, for migrations; empty without it

    def all(self) -> list[Server]:
        """In the order of their start; they stop the other way round."""
        return [server for server in (self.valkey, self.postgres) if server]


def chosen_pair(settings: Settings, lifeline: Lifeline, lock: int, *, durable: bool = True) -> Pair:
    """The servers that `settings` does not name: not started yet, but with their URLs settled."""
    folder = DataFolder(settings.home)
    postgres = None if settings.database_url else Postgres(folder, durable=durable)
    valkey = None if settings.redis_url else Valkey(folder, durable=durable)
    return Pair(
        Server(postgres, lifeline, [lock]) if postgres else None,
        Server(valkey, lifeline, [lock]) if valkey else None,
        postgres.owner_url if postgres else "",
    )


@contextmanager
def running_pair(settings: Settings, lock: int, *, durable: bool = True) -> Iterator[Pair]:
    """The same, started and answering while the block lasts."""
    lifeline = Lifeline()
    pair = chosen_pair(settings, lifeline, lock, durable=durable)
    try:
        start_all(pair.all())
        yield pair
    finally:
        for server in reversed(pair.all()):
            server.stop()
        lifeline.close()


def start_all(servers: Sequence[Server], say: Callable[[str], None] = lambda _: None) -> None:
    """Start them beside each other and wait until each answers."""
    for server in servers:
        server.launch()
    for server in servers:
        server.wait_ready()
        say(f"{server.name} is up")
