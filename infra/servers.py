"""The PostgreSQL and Redis that a command works with: the team's own, joined, or started for it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.application_login import let_in, login_of
from infra.database import check_database, open_engine
from infra.embedded.pair import Pair, running_pair
from infra.errors import AlreadyRunning
from infra.home import DataFolder, Running
from infra.migrate import migrate
from infra.redis_client import check_redis
from infra.settings import Settings

_JOIN_SECONDS = 60  #: another process may be making its first start, or stopping
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Servers:
    database_url: str  #: with the psycopg driver named; of the login that everything runs as
    owner_url: str  #: of the login that owns the tables, for migrations; may be the same
    redis_url: str


@contextmanager
def connected(settings: Settings, *, durable: bool = True) -> Iterator[Servers]:
    """Servers that answer, with the schema at its newest version, for as long as the block lasts.

    What the settings name is checked (an InfraError says what to do); what they do not name is joined when
    the data folder has a running owner, and started for the block otherwise. Whoever started servers keeps
    them until the last one who joined has left. `durable=False` is for tests: fast, and forgetful on a
    power loss.
    """
    check_external(settings)
    with ExitStack() as stack:
        yield _external(settings) or _joined_or_own(settings, stack, durable=durable)


def check_external(settings: Settings) -> None:
    """Raise an InfraError unless every server that the settings name can be used."""
    for url in filter(None, (settings.database_url, settings.database_owner_url)):
        engine = open_engine(url)
        try:
            check_database(engine)
        finally:
            engine.dispose()
    if settings.redis_url:
        check_redis(settings.redis_url)


def urls(settings: Settings, pair: Pair) -> Servers:
    """The servers that the settings name, with the embedded ones in the gaps."""
    return _named(
        settings,
        pair.postgres.url if pair.postgres else "",
        pair.owner_url,
        pair.valkey.url if pair.valkey else "",
    )


def migrated(servers: Servers) -> Servers:
    """The same servers, with the schema at its newest version and open to the login that all runs as."""
    owner, application = open_engine(servers.owner_url), open_engine(servers.database_url)
    try:
        migrate(owner)
        if servers.owner_url != servers.database_url:
            let_in(owner, login_of(application))
    finally:
        owner.dispose()
        application.dispose()
    return servers


def _external(settings: Settings) -> Servers | None:
    if settings.database_url and settings.redis_url:
        return migrated(_named(settings, "", "", ""))
    return None


def _named(settings: Settings, database_url: str, owner_url: str, redis_url: str) -> Servers:
    """What the settings name, and the given ones in the gaps."""
    if settings.database_url:
        database_url, owner_url = (
            settings.database_url,
            settings.database_owner_url or settings.database_url,
        )
    return Servers(database_url, owner_url, settings.redis_url or redis_url)


def _joined_or_own(settings: Settings, stack: ExitStack, *, durable: bool) -> Servers:
    folder = DataFolder(settings.home)
    folder.create()
    deadline = time.monotonic() + _JOIN_SECONDS
    while True:
        if servers := _join(settings, folder, stack):
            return migrated(servers)
        try:
            lock = stack.enter_context(folder.owned(doing()))
        except AlreadyRunning:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return _own(settings, folder, lock, stack, durable=durable)


def _join(settings: Settings, folder: DataFolder, stack: ExitStack) -> Servers | None:
    with ExitStack() as attempt:
        owner = attempt.enter_context(folder.joined())
        if owner is None or not (owner.database_url and owner.owner_url and owner.redis_url):
            return None
        stack.push(attempt.pop_all())
        return _named(settings, owner.database_url, owner.owner_url, owner.redis_url)


def _own(settings: Settings, folder: DataFolder, lock: int, stack: ExitStack, *, durable: bool) -> Servers:
    pair = stack.enter_context(running_pair(settings, lock, durable=durable))
    servers = migrated(urls(settings, pair))
    folder.announce(
        Running(os.getpid(), doing(), None, servers.database_url, servers.owner_url, servers.redis_url)
    )
    stack.callback(folder.wait_for_joiners)
    stack.callback(folder.withdraw)
    return servers


def doing() -> str:
    """What this process was started as, for the person who finds the data folder taken."""
    return " ".join(["python", *(Path(part).name if "/" in part else part for part in sys.orig_argv[1:4])])
