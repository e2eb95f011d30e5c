from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from onboarding import sessions
from onboarding.errors import StageSkipped, UnknownSession
from onboarding.sessions import Stage

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def connection(engine):
    with engine.begin() as connection:
        yield connection


def start(connection, session_id="s1", at=NOON):
    return sessions.start(
        connection,
        session_id=session_id,
        client_id="acme",
        user_id="u1",
        language="en",
        kind="team",
        first_time=True,
        at=at,
    )


def events(connection):
    rows = connection.execute(
        text("SELECT name, occurred_at, client_id, properties FROM onward.event ORDER BY occurred_at")
    )
    return [tuple(row) for row in rows]


def test_starting_leaves_the_first_event_with_what_is_known_of_the_person(connection):
    start(connection)
    assert events(connection) == [
        ("started", NOON, "acme", {"language": "en", "kind": "team", "first_time": True})
    ]


def test_each_stage_keeps_its_checkpoint_and_leaves_one_event(connection):
    start(connection)
    later = NOON + timedelta(minutes=1)
    assert sessions.advance(connection, "s1", Stage.ENGAGED, at=later, leaving={"message": "hello"})
    session = sessions.get(connection, "s1")
    assert (session.stage, session.checkpoint) == (Stage.ENGAGED, {"message": "hello"})
    assert [event[:2] for event in events(connection)] == [("started", NOON), ("engaged", later)]


def test_entering_a_stage_twice_changes_nothing(connection):
    start(connection)
    sessions.advance(connection, "s1", Stage.ENGAGED, at=NOON, leaving={"message": "first"})
    assert not sessions.advance(connection, "s1", Stage.ENGAGED, at=NOON, leaving={"message": "second"})
    assert sessions.get(connection, "s1").checkpoint == {"message": "first"}
    assert len(events(connection)) == 2


def test_a_stage_cannot_be_skipped(connection):
    start(connection)
    with pytest.raises(StageSkipped, match="is at started and cannot enter completed"):
        sessions.advance(connection, "s1", Stage.COMPLETED, at=NOON)


def test_an_unknown_session_is_named(connection):
    with pytest.raises(UnknownSession, match="'nobody'"):
        sessions.advance(connection, "nobody", Stage.ENGAGED, at=NOON)


def test_state_and_event_are_both_there_or_gone_together(engine):
    with engine.connect() as connection:
        start(connection)
        connection.rollback()
        assert events(connection) == []
        with pytest.raises(UnknownSession):
            sessions.get(connection, "s1")


def test_those_at_a_stage_come_latest_first_and_bounded(connection):
    for minute in range(3):
        start(connection, f"s{minute}", NOON + timedelta(minutes=minute))
    standing = sessions.at_stage(connection, Stage.STARTED, limit=2)
    assert [session.id for session in standing] == ["s2", "s1"]
