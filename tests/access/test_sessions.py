from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from infra.access import sessions
from infra.access.roles import Person, Role
from infra.access.tables import sign_in_link, sign_in_session
from infra.audit import audit_entry

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA = Person("ada", Role.OPERATOR)


def signed_in(engine, at=NOON):
    token = sessions.sign_in(engine, sessions.create_link(engine, ADA, by="onward", now=at), now=at)
    return sessions.session_key(token)


def test_a_link_signs_its_person_in(engine):
    assert sessions.find_person(engine, signed_in(engine), now=NOON) == ADA


def test_a_link_works_once(engine):
    link = sessions.create_link(engine, ADA, by="onward", now=NOON)
    assert sessions.sign_in(engine, link, now=NOON)
    assert sessions.sign_in(engine, link, now=NOON) is None


def test_a_link_expires(engine):
    link = sessions.create_link(engine, ADA, by="onward", now=NOON)
    assert sessions.sign_in(engine, link, now=NOON + timedelta(hours=sessions.LINK_HOURS, seconds=1)) is None


def test_an_invented_link_opens_nothing(engine):
    assert sessions.sign_in(engine, "guess", now=NOON) is None


def test_a_session_expires(engine):
    key = signed_in(engine)
    assert (
        sessions.find_person(engine, key, now=NOON + timedelta(hours=sessions.SESSION_HOURS, seconds=1))
        is None
    )


def test_signing_out_ends_the_session_and_no_other(engine):
    here, elsewhere = signed_in(engine), signed_in(engine)
    sessions.sign_out(engine, here)
    assert sessions.find_person(engine, here, now=NOON) is None
    assert sessions.find_person(engine, elsewhere, now=NOON) == ADA


@pytest.mark.parametrize("key", ["", "x", "G" * 64, "0" * 64, "a" * 63 + "\n"])
def test_a_forged_key_finds_nobody(engine, key):
    assert sessions.find_person(engine, key, now=NOON) is None


def test_the_tables_hold_no_token(engine):
    link = sessions.create_link(engine, ADA, by="onward", now=NOON)
    token = sessions.sign_in(engine, link, now=NOON)
    with engine.connect() as connection:
        stored = [
            str(row) for table in (sign_in_link, sign_in_session) for row in connection.execute(select(table))
        ]
    assert stored
    assert not any(secret in row for secret in (link, token) for row in stored)


def test_links_and_sessions_are_audited(engine):
    link = sessions.create_link(engine, ADA, by="root", now=NOON)
    token = sessions.sign_in(engine, link, now=NOON, source="127.0.0.1")
    sessions.sign_out(engine, sessions.session_key(token))
    with engine.connect() as connection:
        entries = connection.execute(select(audit_entry).order_by(audit_entry.c.id)).all()
    assert [(entry.actor, entry.action, entry.source) for entry in entries] == [
        ("root", "link.create", None),
        ("ada", "session.open", "127.0.0.1"),
        ("ada", "session.close", None),
    ]
