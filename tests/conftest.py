"""For all tests: real servers, started once per test worker, a migrated database and a Redis index."""

import shutil
from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import Connection, Engine, inspect, make_url, text

from infra.database import SCHEMA, open_engine
from infra.servers import Servers, connected, migrated
from infra.settings import Settings
from tests.environ import own_settings

_REDIS_INDEXES = 128  # as the Valkey of tests is configured


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the person who runs it."""
    for name in own_settings():
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey of this test worker's own.

    Not shared with other workers: a transaction that is open anywhere in a server holds back what a sync
    takes in, so tests of one worker would see the events of another's late.
    """
    home = tmp_path_factory.getbasetemp() / "servers"
    with connected(Settings.from_env({"ONWARD_HOME": str(home)}), durable=False) as servers:
        yield servers
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def own_servers(servers: Servers, worker_id: str) -> Servers:
    """The same servers, on a migrated database of this test worker's own."""
    name = f"tests_{worker_id}"
    admin = open_engine(_database(servers.owner_url, "template1"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        # A team's login is not named as our schema is; PostgreSQL would find tables without it otherwise.
        connection.execute(text(f"ALTER DATABASE {name} SET search_path = public"))
    admin.dispose()
    return migrated(
        Servers(_database(servers.database_url, name), _database(servers.owner_url, name), servers.redis_url)
    )


@pytest.fixture(scope="session")
def database_url(own_servers: Servers) -> str:
    """A migrated database of this test worker's own, for the login that everything runs as."""
    return own_servers.database_url


@pytest.fixture(scope="session")
def owner_url(own_servers: Servers) -> str:
    """The same database, for the owner of its tables."""
    return own_servers.owner_url


@pytest.fixture(scope="session")
def owner(owner_url: str) -> Iterator[Engine]:
    """For what a test must do to the database that the product may not."""
    engine = open_engine(owner_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(database_url: str, owner: Engine) -> Iterator[Engine]:
    """An engine on this worker's database, whose tables are empty before and after each test."""
    engine = open_engine(database_url)
    yield engine
    with owner.begin() as connection:
        _empty(connection)
    engine.dispose()


def _empty(connection: Connection) -> None:
    tables = [name for name in inspect(connection).get_table_names(SCHEMA) if name != "alembic_version"]
    # The audit refuses to be emptied, even by its owner.
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(
        text(f"TRUNCATE {', '.join(f'{SCHEMA}.{name}' for name in tables)} RESTART IDENTITY CASCADE")
    )


@pytest.fixture
def redis_url(servers: Servers, worker_id: str) -> Iterator[str]:
    """A Redis index of this test worker's own, empty before and after each test."""
    url = servers.redis_url.removesuffix("/0") + f"/{_index(worker_id)}"
    yield url
    with redis.Redis.from_url(url) as client:
        client.flushdb()


def _index(worker_id: str) -> int:
    """Index 0 is nobody's; gw0 has 1."""
    return 1 if worker_id == "master" else (int(worker_id.removeprefix("gw")) + 1) % _REDIS_INDEXES


def _database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)
