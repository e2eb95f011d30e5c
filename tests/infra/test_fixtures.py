"""What the shared fixtures promise to every other test."""

import os

import pytest
import redis
from sqlalchemy import Engine, func, insert, select

from infra.audit import audit_entry


@pytest.mark.parametrize("turn", ["first", "second"])
def test_engine_gives_every_test_empty_tables(engine: Engine, turn: str) -> None:
    with engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(audit_entry)) == 0
        connection.execute(insert(audit_entry).values(actor="ana", action="letter.retry", subject=turn))


@pytest.mark.parametrize("turn", ["first", "second"])
def test_redis_url_gives_every_test_an_empty_index(redis_url: str, turn: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("turn", turn)


def test_database_keeps_its_schema_version_between_tests(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM onward.alembic_version").scalar_one() == 1


def test_environment_holds_no_settings_of_ours() -> None:
    assert not [name for name in os.environ if name.startswith(("ONWARD_", "DLQ_", "ANALYTICS_"))]
