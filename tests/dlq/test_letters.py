"""The status machine, against the real database: each pair of states is tried."""

import pytest
from sqlalchemy import text

from dlq import store
from dlq.errors import NotAllowedNow
from dlq.letters import ALLOWED, Status
from dlq.tables import dead_letter
from tests.dlq.builders import NOON, envelope, fail, history, letter

pytestmark = pytest.mark.servers


def put_into(engine, letter_id, status):
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE onward.dead_letter SET status = :status WHERE id = :id"),
            {"status": status, "id": letter_id},
        )


def move(engine, letter_id, expected, target):
    with store.transaction(engine) as connection:
        return store.transition(
            connection, dead_letter.c.id == letter_id, expected, target, at=NOON, actor="ana", detail={}
        )


@pytest.mark.parametrize("target", Status)
@pytest.mark.parametrize("start", Status)
def test_only_the_drawn_moves_are_possible(engine, start, target):
    letter_id = fail(engine, envelope())
    put_into(engine, letter_id, start)
    if target in ALLOWED[start]:
        assert move(engine, letter_id, (start,), target)["from_status"] == start
        assert history(engine, letter_id)[-1] == (start, target, "ana")
    else:
        with pytest.raises(NotAllowedNow):
            move(engine, letter_id, (start,), target)
        assert letter(engine, letter_id)["status"] == start
        assert len(history(engine, letter_id)) == 1


def test_a_letter_in_another_state_than_expected_stays_and_gets_no_history(engine):
    letter_id = fail(engine, envelope())
    assert move(engine, letter_id, (Status.RETRYING,), Status.RESOLVED) is None
    assert letter(engine, letter_id)["status"] == Status.DEAD
    assert history(engine, letter_id) == [(None, "dead", "worker")]
