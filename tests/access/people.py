"""People and times that the tests of access share."""

from datetime import UTC, datetime

from sqlalchemy import select

from infra.access import accounts
from infra.access.roles import Person, Role
from infra.audit import audit_entry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Person("root", Role.ADMIN)
PASSWORD = "correct horse battery"


def add(engine, login="ada", role=Role.OPERATOR, clients=None, password=PASSWORD):
    """An account, as the person that it is."""
    person = Person(login, role, clients)
    accounts.add(engine, ROOT, person, password, now=NOON)
    return person


def audited(engine):
    """Actor, action and subject of every entry."""
    with engine.connect() as connection:
        entries = connection.execute(select(audit_entry).order_by(audit_entry.c.id)).all()
    return [(entry.actor, entry.action, entry.subject) for entry in entries]
