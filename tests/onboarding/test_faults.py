from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from infra.access.roles import Person, Role
from infra.audit import audit_entry
from infra.errors import AccessDenied
from onboarding import faults
from onboarding.faults import ASSISTANT_TIMEOUT, Fault

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADMIN = Person("ada", Role.ADMIN)


def dial(share):
    return Fault(ASSISTANT_TIMEOUT, share, NOON, "ada")


def test_the_share_is_the_share_of_sessions_hit():
    hit = sum(faults.hits(dial(0.25), f"onb-{number}") for number in range(4000))
    assert 900 < hit < 1100


def test_a_dial_at_zero_or_never_set_hits_nobody():
    assert not any(faults.hits(dial(0.0), f"onb-{number}") for number in range(1000))
    assert not faults.hits(None, "onb-1")


def test_a_session_that_is_hit_stays_hit_while_the_dial_stands():
    assert len({faults.hits(dial(0.5), "onb-7") for _ in range(10)}) == 1


@pytest.mark.servers
def test_turning_the_dial_is_kept_and_audited(engine):
    faults.turn(engine, ASSISTANT_TIMEOUT, 0.3, by=ADMIN, at=NOON)
    faults.turn(engine, ASSISTANT_TIMEOUT, 0.0, by=ADMIN, at=NOON)
    assert faults.find(engine, ASSISTANT_TIMEOUT) == dial(0.0)
    with engine.connect() as connection:
        changes = select(audit_entry.c.before, audit_entry.c.after).order_by(audit_entry.c.id)
        assert list(connection.execute(changes)) == [(None, {"share": 0.3}), ({"share": 0.3}, {"share": 0.0})]


@pytest.mark.servers
def test_turning_the_dial_needs_an_admin(engine):
    with pytest.raises(AccessDenied):
        faults.turn(engine, ASSISTANT_TIMEOUT, 0.3, by=Person("oz", Role.OPERATOR), at=NOON)
    assert faults.find(engine, ASSISTANT_TIMEOUT) is None
