"""The guard's own connection: replaced when it breaks, given up on when PostgreSQL is silent."""

import asyncio

import pytest
from sqlalchemy import text

from infra.access import lookup, opaque, sessions
from infra.access.lookup import Lookup
from infra.access.roles import Person, Role
from infra.errors import DatabaseUnavailable
from tests.access.people import NOON
from tests.loops import finished

pytestmark = pytest.mark.servers
ADA = Person("ada", Role.VIEWER)


@pytest.fixture
def digest(engine):
    link = sessions.create_link(engine, ADA, by="root", now=NOON)
    return opaque.digest(sessions.sign_in(engine, link, now=NOON))


def asked(work):
    return finished(work())


def test_many_at_once_share_one_connection(engine, digest):
    async def work():
        guard = Lookup(engine)
        return await asyncio.gather(*(guard.of_session(digest, now=NOON) for _ in range(20)))

    assert asked(work) == [ADA] * 20


def test_a_connection_that_broke_is_replaced_without_a_word(engine, digest):
    async def work():
        guard = Lookup(engine)
        first = await guard.of_session(digest, now=NOON)
        with engine.begin() as connection:
            ended = connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name"),
                {"name": "onward guard"},
            )
            assert ended.all()
        return first, await guard.of_session(digest, now=NOON)

    assert asked(work) == (ADA, ADA)


def test_a_database_that_does_not_answer_in_time_is_named_and_later_asked_again(engine, digest, monkeypatch):
    monkeypatch.setattr(lookup, "ANSWER_SECONDS", 0.2)

    async def work():
        guard = Lookup(engine)
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE onward.sign_in_session IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(DatabaseUnavailable):
                await guard.of_session(digest, now=NOON)
        return await guard.of_session(digest, now=NOON)

    assert asked(work) == ADA
